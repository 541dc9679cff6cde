"""A booted liblkl in a worker process of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lkltest.coverage.collect import require_instrumented
from lkltest.crash.report import LINE, parse
from lkltest.errors import KernelLost
from lkltest.fuzz.exec import native
from lkltest.fuzz.exec.feedback import Feedback
from lkltest.fuzz.exec.hang import STUCK_AFTER, HangWatch, Look
from lkltest.fuzz.exec.protocol import MESSAGE
from lkltest.fuzz.exec.shmem import Head, Memory
from lkltest.fuzz.lang.contract import Shape
from lkltest.host import process
from lkltest.host.closing import Closing
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

BOOT_TIMEOUT = 60.0  # seconds
GLANCE = 0.05  # seconds between two looks at a silent worker
ERRORS = 1 << 18  # bytes: more than the stacks of one complaint take
SLAB_CHECKS = "slub_debug=FZPU"  # consistency checks, red zones, poison, owners
WORKER = Path(native.__file__).parent.parent / "worker.py"


@dataclass(frozen=True)
class Disk:
    """An image file that a kernel mounts; its symbolic link /disk leads to the mount point.

    Without a type it is the base of images: each program changes it for itself, and mounts /dev/disk on /disk.
    """

    image: Path
    type: str  # of its file system: "ext4"; "" for a base


@dataclass(frozen=True)
class KernelConfig:
    """The settings with which a kernel is started."""

    liblkl: Liblkl
    executor: Path
    mem: int  # bytes
    cmdline: str
    shapes: Mapping[int, tuple[Shape, int]]  # what a call may return on success, by its number
    stuck_after: float = STUCK_AFTER
    nice: int = 0  # added to the worker's nice value
    env: Mapping[str, str] = field(default_factory=dict)  # added to the worker's environment
    disk: Disk | None = None

    @classmethod
    def make(cls, liblkl: Liblkl, settings: Settings, shapes: Mapping[int, tuple[Shape, int]]) -> KernelConfig:
        """The configuration of the settings, for which the executor is built; raises UsageError or BuildError."""
        return cls(
            liblkl=liblkl,
            executor=native.build(liblkl, settings),
            mem=settings.mem,
            cmdline=" ".join(word for word in ("ignore_loglevel", settings.cmdline) if word),
            shapes=shapes,
        )

    @property
    def with_slab_debug(self) -> KernelConfig:
        """The same with all checks of the slab allocator, which find uses of freed memory.

        They cost a third of the speed. A kernel with KASAN does not need them; one without SLUB ignores them.
        """
        return self if self.liblkl.kasan else replace(self, cmdline=f"{self.cmdline} {SLAB_CHECKS}")

    @property
    def slab_debug_rotation(self) -> tuple[KernelConfig, ...]:
        """The configurations of kernels that follow one another: one with all slab checks, three with cheap ones.

        The cheap checks are those of the kmalloc() caches, and cost a fiftieth of the speed. They leave out the caches
        with names of their own: sockets, buffer heads, open files, and paths, the most expensive one, where each call
        that takes a path poisons a page.
        """
        if self.liblkl.kasan:
            return (self,)
        version = re.match(r"(\d+)\.(\d+)", self.liblkl.version)
        if version is None:
            return (self.with_slab_debug,)
        # slub_debug takes patterns of names since Linux 4.20, and beginnings of names before.
        names = "kmalloc-*" if (int(version[1]), int(version[2])) >= (4, 20) else "kmalloc"
        some = replace(self, cmdline=f"{self.cmdline} {SLAB_CHECKS},{names}")
        return (self.with_slab_debug, some, some, some)


@dataclass(frozen=True)
class WorkerExit:
    """The end of a worker that was lost."""

    ended: process.Ended
    hung: bool  # it was killed because a call did not return
    head: Head  # the program and the call that ran
    stderr: bytes  # the stacks as addresses, and all else that it printed
    console: bytes  # the kernel's log


class Kernel(Closing):
    """A booted kernel, which runs batches of encoded programs until it is lost or closed.

    Use it as a context manager. `feedback` takes the edges that the calls reach; the kernel must be instrumented.
    Raises KernelLost if the kernel does not boot.
    """

    def __init__(self, config: KernelConfig, memory: Memory | None = None, feedback: Feedback | None = None) -> None:
        if feedback is not None:
            require_instrumented(config.liblkl)
            feedback.clear()
        self.config = config
        self.memory = memory or Memory()
        self.fds = [self.memory.fd, *(feedback.fds if feedback else ())]
        self.owned = memory is None
        self.programs = 0  # run, or begun, since boot
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by close()
        self.memory.clear()
        self.memory.set_shapes(config.shapes)
        started = time.monotonic()
        self.child = process.Child(
            self._argv(),
            stdin=process.PIPE,
            stderr=self.stderr,
            pass_fds=self.fds,
            env={"PYTHONDONTWRITEBYTECODE": "1", **config.env},
        )
        self._await_boot()
        self.start_seconds = time.monotonic() - started

    def _argv(self) -> list[str]:
        backend = importlib.util.find_spec("_cffi_backend")
        assert backend is not None
        assert backend.origin is not None
        disk = self.config.disk
        return [
            sys.executable, "-I", "-S", str(WORKER), str(self.config.executor), str(Path(backend.origin).parent),
            ",".join(map(str, self.fds)), str(self.config.nice), str(self.config.mem), self.config.cmdline,
            *([str(disk.image), disk.type] if disk else []),
        ]

    def _await_boot(self) -> None:
        try:
            if self._answer(BOOT_TIMEOUT) is not None:
                return
            exited = self.collect(hung=True)
        except EOFError:
            exited = self.collect()
        self.close()
        printed = (exited.stderr + exited.console).decode(errors="replace").strip().splitlines()
        lines = [line for line in printed if line.strip() and not LINE.search(line)]
        raise KernelLost(
            f"{self.config.liblkl.path} does not boot in a worker ({exited.ended.describe()}): "
            + (lines[-1] if lines else "it printed nothing")
            + "; try lkltest doctor, or more memory with --lkl-mem"
        )

    def close(self) -> None:
        """End the worker, and free its memory and files."""
        self.child.close()
        self.stderr.close()
        if self.owned:
            self.memory.close()

    def start(self, programs: bytes, count: int) -> None:
        """Give a batch of encoded programs to the worker, which begins at once; `finish` waits for it."""
        self.memory.write(programs)
        first = self.programs
        self.programs += count
        with contextlib.suppress(BrokenPipeError):  # the worker died since the last batch: `finish` returns its exit
            self.child.write(MESSAGE.pack(count, 0, first))

    def finish(self, is_known_hang: Callable[[bytes], bool] | None = None) -> int | WorkerExit:
        """Wait for the batch; the number of programs that ran (fewer than given after an alarm), or the worker's exit.

        `is_known_hang` may recognize a hang by the stacks of a worker that has been silent for a while.
        """
        watch, written = HangWatch(self.child.pid, self.config.stuck_after, self.memory.progress()), 0
        while True:
            try:
                answer = self._answer(GLANCE)
            except EOFError:
                return self.collect()
            if answer is not None:
                return answer
            match watch.look(self.memory.progress()):
                case Look.MOVED:
                    written = self._written()
                case Look.SUSPECT if is_known_hang is not None:
                    watch.stuck = is_known_hang(self._ask_for_stacks())
                case Look.STUCK:
                    self._ask_for_stacks()
                case Look.HUNG:
                    if any(not (report.hang or report.complaint) for report in parse(self.errors())):
                        return self.collect()  # it crashes, and has not come to its end yet
                    return self._collect(hung=True, written=written)

    def run(self, programs: bytes, count: int) -> int | WorkerExit:
        """Run a batch of encoded programs and wait for it."""
        self.start(programs, count)
        return self.finish()

    def _answer(self, timeout: float) -> int | None:
        """The worker's answer; None after the timeout. Raises EOFError where the worker is gone."""
        data = self.child.read(timeout)
        if data is None:
            return None
        if len(data) < MESSAGE.size:  # it is written at once: it comes whole or not at all
            raise EOFError
        return int(MESSAGE.unpack_from(data)[0])

    def errors(self, written: int = 0) -> bytes:
        """The end of the worker's standard error, without its first `written` bytes."""
        start = max(written, self._written() - ERRORS)
        return os.pread(self.stderr.fileno(), self._written() - start, start)

    def _written(self) -> int:
        return os.fstat(self.stderr.fileno()).st_size

    def collect(self, *, hung: bool = False) -> WorkerExit:
        """Collect the exit of a worker that is lost; of one that hangs, the stacks are taken first."""
        if hung:
            self._ask_for_stacks()
        else:
            self.child.wait(5.0)
        return self._collect(hung=hung)

    def _collect(self, *, hung: bool, written: int = 0) -> WorkerExit:
        head = self.memory.head()
        self.child.kill()
        return WorkerExit(
            ended=self.child.ended(timed_out=hung),
            hung=hung,
            head=head,
            stderr=self.errors(written),
            console=self.memory.console(),
        )

    def _ask_for_stacks(self) -> bytes:
        """Let the worker write its stacks to standard error, for a second at most; they are returned."""
        written = self._written()
        self.child.signal(signal.SIGUSR2)
        for _ in range(50):
            if self.child.wait(0.02) or b"\nlkltest: end " in self.errors(written):
                break
        return self.errors(written)


def boot(config: KernelConfig, memory: Memory, feedback: Feedback | None = None) -> Kernel:
    """Boot a kernel, with a second try where the first one fails. Raises KernelLost."""
    try:
        return Kernel(config, memory, feedback)
    except KernelLost:
        return Kernel(config, memory, feedback)
