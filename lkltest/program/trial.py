"""The trial boot of a kernel: the smallest program, run before any suite's."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lkltest.host.cache import key
from lkltest.host.closing import Closing
from lkltest.host.stamp import stamp
from lkltest.kernel import Kernel
from lkltest.program.command import Launch
from lkltest.program.declaration import Program, Timeouts
from lkltest.program.launch import prepare
from lkltest.program.results import State
from lkltest.program.table import Declared, read
from lkltest.settings import Settings

SOURCE = Path(__file__).with_name("trial.c")
KEPT = 200  # files of the newest trials that stay in the cache

# Lines of /proc/cpuinfo that say what the processor can do; on other machines than x86 too.
PROCESSOR = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU ")


@dataclass(frozen=True)
class Failure:
    """The failure of a kernel in its trial."""

    line: str  # one sentence
    text: str  # all that is known, for people: the problems, the stack, the console's last lines
    lost: str = ""  # how the kernel was lost, by the value of its Kind; empty where it was not


class Trial(Closing):
    """A running trial boot; a context manager that leaves nothing of it behind.

    It runs beside its caller, who does not have to read what it prints: `wait` does.
    """

    def __init__(self, kernel: Kernel, settings: Settings, directory: Path) -> None:
        """Compile the program where need be, and start it; what it prints will be kept in `directory`.

        Raises UnusableKernel where this host cannot run the kernel, BuildError or UsageError where the program
        cannot be made or started: then there is no verdict.
        """
        self.settings = settings
        self.directory = directory
        own = replace(settings, cache=place(settings))  # the cache of programs holds those of suites alone
        self.launch: Launch = prepare(Program(str(SOURCE)), SOURCE, kernel, [], own, directory / "root")
        library = kernel.linked
        self.points: tuple[Declared, ...] = tuple(one for one in read(SOURCE) if library or not one.library)
        self.child = self.launch.start()

    def close(self) -> None:
        """End the program."""
        self.child.close()

    def wait(self) -> Failure | None:
        """Wait until the kernel has answered; None where it has, else how it was lost.

        The timeout is that of a whole program, and begins now: the program's earlier output has not been read.
        """
        from lkltest.program.run import Run

        self.child.started = time.monotonic()  # its deadline counts from here
        timeouts = Timeouts(program=self.settings.timeout, point=None)
        with Run(self.launch, self.child, self.points, timeouts, self.directory) as run:
            # A bad end after the last point, or a complaint, is for the suites to tell: this kernel runs programs.
            if all(run.result(point.name).state is not State.LOST for point in self.points):
                return None
            end = run.end()
            line = str(end.problems[0]) if end.problems else f"the program ended with {end.how}"
            return Failure(line.splitlines()[0], end.describe() or line, end.lost.value if end.lost else "")


def place(settings: Settings) -> Path:
    """The directory of all trials in the cache."""
    return settings.cache / "trials"


def identity(kernel: Kernel, settings: Settings) -> str:
    """The name of a trial: the kernel's file, what it is started with, and the host's processor and kernel."""
    file = (str(kernel.file), stamp(kernel.file))
    started = (settings.mem, settings.cmdline, settings.wrapper, settings.cc, settings.cflags, settings.uml_fpstate)
    return key(repr(file), repr(started), SOURCE.read_bytes(), repr(os.uname()[2:]), processor())


def processor() -> str:
    """The lines that tell the first processor of this host from another model."""
    lines = []
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
        for line in iter(file.readline, "\n"):
            if not line:
                break
            lines.append(line)
    return "".join(line for line in lines if line.startswith(PROCESSOR))


class Memory:
    """The trials that are remembered in the cache: successes for good, failures for one session's processes."""

    def __init__(self, settings: Settings, session: str) -> None:
        """Remember in the cache of `settings`, for the processes of a `session`, which is empty where it is one."""
        self.directory = place(settings)
        self.session = session

    def passed(self, name: str) -> bool:
        """Whether a kernel of this identity has passed its trial."""
        return (self.directory / name).exists()

    def failure(self, name: str) -> Failure | None:
        """The failure that another process of this session has seen."""
        if not self.session:
            return None
        try:
            return Failure(**json.loads((self.directory / f"{name}.{self.session}").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def note(self, name: str, failure: Failure | None) -> None:
        """Remember the end of a trial, if the cache can be written to: this only saves time."""
        if failure is not None and not self.session:
            return
        file = self.directory / (f"{name}.{self.session}" if failure else name)
        with contextlib.suppress(OSError):
            self.directory.mkdir(parents=True, exist_ok=True)
            temporary = file.with_name(f".{file.name}.{os.getpid()}")
            temporary.write_text(json.dumps(asdict(failure) if failure else {}), encoding="utf-8")
            temporary.replace(file)
            self._forget()

    def _forget(self) -> None:
        ages = sorted((path.stat().st_mtime_ns, path) for path in self.directory.iterdir() if path.is_file())
        for _, path in ages[:-KEPT]:
            path.unlink(missing_ok=True)

    def alone(self, name: str) -> contextlib.AbstractContextManager[object]:
        """Keep the other processes of this session from trying the same kernel meanwhile."""
        with contextlib.suppress(OSError):
            self.directory.mkdir(parents=True, exist_ok=True)
        if not self.session or not os.access(self.directory, os.W_OK):
            return contextlib.nullcontext()
        from filelock import FileLock

        return FileLock(self.directory / f"{name}.{self.session}.lock")


def untooled(settings: Settings) -> Settings:
    """The settings of a trial: none of the tools that look into a program."""
    return replace(settings, gdb=False, valgrind=False, strace=False, passthrough=False)
