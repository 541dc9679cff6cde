"""One boot of a kernel with KUnit inside."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from lkltest import cc
from lkltest.errors import KernelLost, UsageError
from lkltest.host.closing import Closing
from lkltest.host.load import Deadline
from lkltest.host.process import Child, Ended
from lkltest.kernel import Kernel
from lkltest.klog import last_lines
from lkltest.kunit import listing
from lkltest.kunit.listing import Case
from lkltest.kunit.mconsole import NUDGE, nudge
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings
from lkltest.uml import Uml
from lkltest.uml.machine import directory, guarded

MEMORY = 1 << 30  # bytes, as kunit.py gives
COMMON = ("kunit.enable=1", "printk.time=1")  # on every command line; the stamps tell how long each case took
WORDS = ("console=tty0", "con=null", "con0=fd:0,fd:1", "kunit_shutdown=halt", "noreboot", *COMMON)  # of a UML
BOOT = Path(__file__).with_name("boot.c")  # of a library
START = 60.0  # seconds to boot
SILENCE = 2.0  # seconds until a kernel is asked to print what it keeps back
TICK = 0.1  # seconds until a wait looks whether it is to stop
LONGEST = 1 << 16  # bytes of a line
NO_ROOT = "VFS: Unable to mount root fs"  # the end of a kernel that has nothing to list
KEPT = 400  # lines of a boot that came to nothing
FILTERS = ("kunit.filter=", "kunit.filter_glob=")  # words that may leave no test
# Of KUnit's executor, where it is built in; the second one since Linux 6.6.
BY_NAME, BY_ATTRIBUTES = b"kunit.filter_glob", b"kunit.filter\0"


@dataclass(frozen=True)
class Options:
    """The settings with which kernels are run."""

    timeout: float = 60.0  # seconds of a case, or of a parameter, which does not say that it is slow
    words: tuple[str, ...] = ()  # added to the kernel's command line
    # Those with which a library's program is compiled.
    settings: Settings = field(default_factory=lambda: Settings.load({}), compare=False, repr=False)


class StoppedError(Exception):
    """The end of a read of a kernel whose results nobody wants any more."""


class Machine(Closing):
    """A running kernel, line by line."""

    def __init__(
        self, kernel: Kernel, words: Sequence[str], workdir: Path, options: Options,
        stop: threading.Event | None = None,
    ) -> None:  # fmt: skip
        """Boot it in the empty directory `workdir`, with `words` added to the options'; `stop` ends each read."""
        argv = command(kernel, [*words, *options.words], workdir, options.settings)
        # UML's library mode leaves a directory in ~/.uml at each start. A UML has a guard that ends it with us.
        self.child = Child(argv, env={"HOME": str(workdir)}, die_with_parent=kernel.linked)
        self.workdir = workdir
        self.stop = stop or threading.Event()
        self.rest = b""
        self.over = False
        self.late: Deadline | None = None  # passed: what had come by then has been read

    def lines(self, deadline: Deadline) -> list[str]:
        """The lines that have come, at least one unless it has ended or the deadline has passed.

        Raises StoppedError when it is to stop.
        """
        nudged = False
        while not self.over and not self._flooded(deadline):
            silence = _left(deadline) if nudged else min(SILENCE, _left(deadline) / 2)
            data = self._read(silence)
            if data is None:
                if deadline.passed():
                    return []
                if not nudged:
                    nudge(self.workdir)
                nudged = True
                continue
            self.over = not data
            *lines, self.rest = (self.rest + data).split(b"\n")
            if self.over or len(self.rest) > LONGEST:
                lines, self.rest = [*lines, *filter(None, [self.rest])], b""
            texts = [line.decode(errors="backslashreplace") for line in lines]
            nudged = nudged and all(NUDGE in text for text in texts)
            if texts := [text for text in texts if NUDGE not in text]:
                return texts
        return []

    def _read(self, seconds: float) -> bytes | None:
        """The next bytes; None after that many silent seconds."""
        until = time.monotonic() + seconds
        while True:
            if self.stop.is_set():
                raise StoppedError
            left = until - time.monotonic()
            data = self.child.read(max(0.0, min(TICK, left)))
            if data is not None or left <= TICK:
                return data

    def _flooded(self, deadline: Deadline) -> bool:
        """Whether there is still more to read after the deadline than the pipe held when it passed."""
        late, self.late = self.late, deadline if deadline.passed() else None
        return late is deadline

    def end(self) -> Ended:
        """The way in which it ended, or was ended by us."""
        timed_out = not self.child.wait(5.0 if self.over else 0.0)
        self.child.kill()
        return self.child.ended(timed_out=timed_out)

    def close(self) -> None:
        """End whatever is left."""
        self.child.close()


def command(kernel: Kernel, words: Sequence[str], workdir: Path, settings: Settings) -> list[str]:
    """The command that boots a kernel with these words on its command line, in the empty directory `workdir`."""
    if _is_library(kernel):
        return [str(cc.compile(BOOT, kernel, settings)), str(MEMORY), *COMMON, *words]
    assert _is_uml(kernel)
    return guarded(kernel, workdir, [*WORDS, *words], mem=MEMORY, processes=False)


def _is_library(kernel: Kernel) -> TypeGuard[Liblkl]:
    return kernel.linked


def _is_uml(kernel: Kernel) -> TypeGuard[Uml]:
    return not kernel.linked


def _left(deadline: Deadline) -> float:
    return deadline.at - time.monotonic()


def carries_kunit(kernel: Kernel) -> bool:
    """Whether KUnit is built into the kernel, read off its file: nothing is booted."""
    return _has(kernel, BY_NAME)


def demand_filter(kernel: Kernel) -> None:
    """Raise UsageError where the kernel cannot select cases by attributes: it would run all, in silence."""
    if not _has(kernel, BY_ATTRIBUTES):
        raise UsageError(f"{kernel.path} knows no kunit.filter, which came with Linux 6.6: leave out --filter, or "
                         "select cases by their names")  # fmt: skip


def _has(kernel: Kernel, parameter: bytes) -> bool:
    import mmap

    with kernel.file.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
        return image.find(parameter) >= 0


def boot(kernel: Kernel, words: Sequence[str], options: Options) -> Iterator[str]:
    """Boot the kernel, and yield the lines of its console until it halts; raises KernelLost where it does not."""
    deadline = Deadline(START)
    last: list[str] = []
    with directory() as workdir, Machine(kernel, words, workdir, options) as machine:
        while lines := machine.lines(deadline):
            last = [*last, *lines][-KEPT:]
            yield from lines
        ended = machine.end()
    if not ended.ok and not any(NO_ROOT in line for line in last):
        how = f"it had not halted after {START:g} s" if ended.timed_out else ended.describe()
        text = last_lines("\n".join(last).encode())
        raise KernelLost(f"{kernel.path} does not list its tests: {how}; the console's last lines:\n{text}")


def list_cases(kernel: Kernel, options: Options) -> tuple[Case, ...]:
    """The cases that the kernel has, with their attributes where it knows any; raises UsageError where it has none."""
    for action in ("list_attr", "list"):
        console = list(boot(kernel, [f"kunit.action={action}"], options))
        cases = listing.parse(console)
        if cases:
            return cases
        refused = listing.refusal(console)
    if refused:
        raise UsageError(f"{kernel.path} lists no tests: KUnit says {refused!r}: mend --filter, or --kernel-args")
    if any(word.startswith(FILTERS) for word in options.words):
        raise UsageError(f"{kernel.path} lists no tests with {' '.join(options.words)}: select others, or leave it out")
    raise UsageError(f"{kernel.path} lists no tests of KUnit: it has no KUnit, or no tests in it; build it with "
                     "CONFIG_KUNIT=y and tests, such as CONFIG_KUNIT_ALL_TESTS=y, not as modules")  # fmt: skip
