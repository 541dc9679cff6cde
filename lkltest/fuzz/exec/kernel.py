"""One booted liblkl in a worker process of its own."""

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

from lkltest.crash.report import LINE, parse
from lkltest.errors import KernelLost
from lkltest.fuzz.exec import native
from lkltest.fuzz.exec.clock import CpuClock
from lkltest.fuzz.exec.protocol import MESSAGE
from lkltest.fuzz.exec.shmem import Head, Memory
from lkltest.fuzz.lang.contract import Shape
from lkltest.host import process
from lkltest.host.closing import Closing
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

BOOT_DEADLINE = 60.0  # seconds
GLANCE = 0.05  # seconds between looks at a worker that is silent
STUCK_AFTER = 1.0  # seconds of its own in one call that cannot be interrupted: it hangs
KNOWN_AFTER = 0.4  # seconds after which one that hangs may be recognized: the sandbox interrupts what it can before
ERRORS = 1 << 18  # bytes: more than the stacks of one complaint take
SLAB_CHECKS = "slub_debug=FZPU"  # consistency, red zones, poison, and who the owner is
WORKER = Path(native.__file__).parent.parent / "worker.py"


@dataclass(frozen=True)
class Disk:
    """An image file that a kernel mounts; its symbolic link /disk leads to the mount point."""

    image: Path
    type: str  # of its file system: "ext4"


@dataclass(frozen=True)
class KernelConfig:
    """How a kernel is started."""

    liblkl: Liblkl
    executor: Path
    mem: int  # bytes
    cmdline: str
    shapes: Mapping[int, tuple[Shape, int]]  # what a success looks like, by the call's number
    stuck_after: float = STUCK_AFTER
    nice: int = 0  # added to the worker's
    env: Mapping[str, str] = field(default_factory=dict)  # added to the worker's environment
    disk: Disk | None = None

    @classmethod
    def make(cls, liblkl: Liblkl, settings: Settings, shapes: Mapping[int, tuple[Shape, int]]) -> KernelConfig:
        """Compile what is missing; raises UsageError or BuildError."""
        return cls(
            liblkl=liblkl,
            executor=native.build(liblkl, settings),
            mem=settings.mem,
            cmdline=" ".join(word for word in ("ignore_loglevel", settings.cmdline) if word),
            shapes=shapes,
        )

    @property
    def with_slab_debug(self) -> KernelConfig:
        """The same with the slab allocator's own checks: memory is found out that is used after it was freed.

        They cost a third of the speed. A kernel with KASAN needs none; one that has none takes no notice.
        """
        return self if self._kasan else replace(self, cmdline=f"{self.cmdline} {SLAB_CHECKS}")

    @property
    def slab_debug_rotation(self) -> tuple[KernelConfig, ...]:
        """What kernels that follow one another are started with: each checks its slabs, every fourth all of them.

        The others leave out the caches that have a name of their own: that of paths, of which each call that takes one
        fills a page with poison, but also those of sockets, buffers' heads and open files. What is left is kmalloc()'s,
        and costs a fiftieth.
        """
        if self._kasan:
            return (self,)
        version = re.match(r"(\d+)\.(\d+)", self.liblkl.version)
        if version is None:
            return (self.with_slab_debug,)
        # Names of caches are patterns since 4.20; before, they were the beginnings of names.
        names = "kmalloc-*" if (int(version[1]), int(version[2])) >= (4, 20) else "kmalloc"
        some = replace(self, cmdline=f"{self.cmdline} {SLAB_CHECKS},{names}")
        return (self.with_slab_debug, some, some, some)

    @property
    def _kasan(self) -> bool:
        return "CONFIG_KASAN" in self.liblkl.config or any("kasan" in symbol for symbol in self.liblkl.symbols)


@dataclass(frozen=True)
class WorkerExit:
    """How a worker was lost."""

    ended: process.Ended
    hung: bool  # it was killed because a call did not return
    head: Head  # where it stood
    stderr: bytes  # the stack, as addresses, and whatever else it printed
    console: bytes  # the kernel's log


class Kernel(Closing):
    """A booted kernel, which runs batches of encoded programs until it dies or is closed.

    Use it as a context manager. Raises KernelLost if the kernel does not boot.
    """

    def __init__(self, config: KernelConfig, memory: Memory | None = None) -> None:
        self.config = config
        self.memory = memory or Memory()
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
            pass_fds=[self.memory.fd],
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
            str(self.memory.fd), str(self.config.nice), str(self.config.mem), self.config.cmdline,
            *([str(disk.image), disk.type] if disk else []),
        ]

    def _await_boot(self) -> None:
        try:
            if self._answer(BOOT_DEADLINE) is not None:
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
        """End the worker and give back what it held."""
        self.child.close()
        self.stderr.close()
        if self.owned:
            self.memory.close()

    def start(self, programs: bytes, count: int) -> None:
        """Hand a batch of encoded programs to the worker, which begins at once; `finish` waits for it."""
        self.memory.write(programs)
        first = self.programs
        self.programs += count
        with contextlib.suppress(BrokenPipeError):  # it has died since the last batch: `finish` finds out
            self.child.write(MESSAGE.pack(count, 0, first))

    def finish(self, known: Callable[[bytes], bool] | None = None) -> int | WorkerExit:
        """Wait for the batch; the number of programs done (less than given after an alarm), or how the worker died.

        `known` may tell from the stacks of a worker that has been silent for a while that it hangs as others did.
        """
        seen, clock, asked, hopeless, told = self.memory.progress(), None, False, False, 0
        while True:
            try:
                answer = self._answer(GLANCE)
            except EOFError:
                return self.collect()
            if answer is not None:
                return answer
            now = self.memory.progress()
            if now != seen or clock is None:  # it was slow, perhaps, and has returned
                seen, clock, asked, hopeless, told = now, CpuClock(self.child.pid), False, False, self._told()
            elif hopeless:
                if any(not (report.hang or report.complaint) for report in parse(self.errors())):
                    return self.collect()  # it crashes, and has not come to its end yet
                return self._collect(hung=True, told=told)
            elif clock.seconds() > self.config.stuck_after:
                hopeless = True
                self._ask_for_stacks()
            elif known is not None and not asked and clock.seconds() > KNOWN_AFTER:
                asked = True
                hopeless = known(self._ask_for_stacks())

    def run(self, programs: bytes, count: int) -> int | WorkerExit:
        """Run a batch of encoded programs and wait for it."""
        self.start(programs, count)
        return self.finish()

    def _answer(self, timeout: float) -> int | None:
        """The worker's answer; None where there was none in time. Raises EOFError where there will be none."""
        data = self.child.read(timeout)
        if data is None:
            return None
        if len(data) < MESSAGE.size:  # written at once, and shorter than a pipe's buffer: whole, or nothing
            raise EOFError
        return int(MESSAGE.unpack_from(data)[0])

    def errors(self, told: int = 0) -> bytes:
        """The end of what the worker wrote to standard error, after so many bytes that were written before."""
        start = max(told, self._told() - ERRORS)
        return os.pread(self.stderr.fileno(), self._told() - start, start)

    def _told(self) -> int:
        return os.fstat(self.stderr.fileno()).st_size

    def collect(self, *, hung: bool = False) -> WorkerExit:
        """Bury the worker; the stacks of one that hangs are taken first."""
        if hung:
            self._ask_for_stacks()
        else:
            self.child.wait(5.0)
        return self._collect(hung=hung)

    def _collect(self, *, hung: bool, told: int = 0) -> WorkerExit:
        head = self.memory.head()
        self.child.kill()
        return WorkerExit(
            ended=self.child.ended(timed_out=hung),
            hung=hung,
            head=head,
            stderr=self.errors(told),
            console=self.memory.console(),
        )

    def _ask_for_stacks(self) -> bytes:
        """Let the worker write its stacks, for a second at most; what it wrote."""
        told = self._told()
        self.child.signal(signal.SIGUSR2)
        for _ in range(50):
            if self.child.wait(0.02) or b"\nlkltest: end " in self.errors(told):
                break
        return self.errors(told)


def boot(config: KernelConfig, memory: Memory) -> Kernel:
    """Start a kernel; one that does not boot at once is tried again. Raises KernelLost."""
    try:
        return Kernel(config, memory)
    except KernelLost:
        return Kernel(config, memory)
