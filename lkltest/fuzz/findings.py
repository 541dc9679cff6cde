"""Findings on disk."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lkltest import cc
from lkltest.errors import UsageError
from lkltest.fuzz.exec.kernel import KernelConfig, WorkerExit
from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.exec.shmem import Memory
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.lang.naming import Namer
from lkltest.fuzz.prog.text import parse_program, print_program
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro import csource
from lkltest.fuzz.repro.report import Report, ReportType, from_exit, repeats
from lkltest.fuzz.repro.repro import Reproduction
from lkltest.host import process
from lkltest.host.cache import discard
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

BREAK = "---"  # between programs that run one after the other
HANG_SECONDS = 10.0  # after which a C program that should hang is taken to hang
BUSY_SECONDS = 60.0  # after which another one is given up: it takes less than a second where the host is not busy
LOCATED = (ReportType.CRASH, ReportType.PANIC, ReportType.HANG, ReportType.OVERRUN)  # known again by their stacks
# Compiles lkltest's crash handler into the program that is tried, to see where it fails. The user's has none.
HANDLED = ("-DLKLTEST_CRASH_CONSTRUCTOR", f"-I{cc.HARNESS}", "-include", "lkltest/crash.h")
DATA = "finding.json"
HISTORY = "history.txt"  # of a failure that there was no time to reproduce
CONFIRMED = "This C program failed in the same way in the one run that was tried."
SIGNALLED = "This C program was ended by the same signal in the one run that was tried; where, was not seen."
UNENDED = f"This C program did not end in {HANG_SECONDS:.0f} s in the one run that was tried; where, was not seen."
UNTRIED = "This C program was NOT run: the session was at its end. Run it: it may or may not hang."
UNCONFIRMED = "This C program did NOT fail in the one run that was tried, or does not compile: it is no reproducer."


@dataclass(frozen=True)
class Finding:
    """One finding, as it stands in its directory."""

    name: str  # of the directory
    kind: ReportType  # docs/fuzzing.md has the types
    title: str  # the failure on one line
    signature: tuple[str, ...]  # the innermost functions, by which it is known again
    kernel: str  # "lkl-4.9.0"
    version: str  # "4.9.0"
    times: int  # runs that failed
    of: int  # runs on fresh kernels
    reproducer: bool  # whether there is a C program, which failed when it was run
    count: int = 1  # how often the fuzzer met it
    seed: str = ""  # of the session
    cmdline: str = ""  # of the kernel; empty in old findings
    shrunk: bool = True  # whether minimizing came to its end
    examined: bool = True  # whether there was time to reproduce it
    image: str = ""  # the recipe of its disk image; empty where it has none

    @property
    def rate(self) -> str:
        """The number of times that it reproduced, for people."""
        return f"{self.times} of {self.of}" if self.examined else "not tried"

    @property
    def told(self) -> str:
        """The number of times that it was met, and whether it fails again, for people."""
        often = "once" if self.count == 1 else f"{self.count} times"
        again = (
            f"fails again {self.rate} times" if self.times
            else f"did not fail again in {self.of} tries" if self.examined
            else f"no time to reproduce it: see {HISTORY}"
        )  # fmt: skip
        return f"met {often}, {again}{'' if self.shrunk or not self.times else ', not shrunk to the end'}"


def ranked(found: Iterable[Finding]) -> list[Finding]:
    """Findings in the order of their worth: first those that fail again, then by how often they were met."""
    return sorted(found, key=lambda finding: (not finding.times, -finding.count))


def remove(directory: Path, finding: Finding) -> None:
    """Remove a finding that turned out to be another one."""
    shutil.rmtree(directory / finding.name, ignore_errors=True)


def save(
    directory: Path, reproduction: Reproduction, *, config: KernelConfig, settings: Settings,
    description: Description, seed: str, hurried: bool = False,
) -> Finding:
    """Write a finding's directory: whole, or not at all. A finding of the same name is replaced.

    `hurried` leaves out what takes long: to wait whether the C program of a hang hangs.
    Raises UsageError where it cannot be written.
    """
    with replacing(directory, reproduction.report) as work:
        return fill(
            work, reproduction, config=config, settings=settings, description=description, seed=seed, hurried=hurried
        )


@contextlib.contextmanager
def replacing(directory: Path, report: Report) -> Iterator[Path]:
    """A directory to fill, which takes the place of the finding's when it is whole; raises UsageError where it cannot.

    An exception leaves the one that was there.
    """
    place, work = directory / report.name, directory / f".{report.name}.new"
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        yield work
        shutil.rmtree(place, ignore_errors=True)
        work.rename(place)
    except OSError as error:
        raise UsageError(f"cannot write {place}: {error.strerror}; it is {report.title}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def fill(
    work: Path, reproduction: Reproduction, *, config: KernelConfig, settings: Settings,
    description: Description, seed: str, hurried: bool,
) -> Finding:
    """Write a finding's files into a directory."""
    report, liblkl = reproduction.report, config.liblkl
    programs, history = reproduction.programs, reproduction.history
    namer = Namer(description)
    (work / "program.txt").write_text(text(programs or history[-1:], namer), encoding="utf-8")
    if history:
        (work / HISTORY).write_text(text(history, namer), encoding="utf-8")
    (work / "console.log").write_text(report.console, encoding="utf-8", errors="surrogateescape")
    (work / "stack.txt").write_text(report.stack, encoding="utf-8", errors="surrogateescape")
    (work / "kernel.txt").write_text(describe_kernel(liblkl, config), encoding="utf-8", errors="surrogateescape")
    source: Path | None = None
    if programs:
        source = write_reproducer(work, reproduction, config, settings, description, hurried=hurried)
    finding = Finding(
        name=report.name, kind=report.type, title=report.title, signature=report.signature, kernel=liblkl.name,
        version=liblkl.version, times=reproduction.times, of=reproduction.of, reproducer=source is not None, seed=seed,
        shrunk=reproduction.complete, cmdline=config.cmdline, examined=not history,
    )
    (work / DATA).write_text(json.dumps(asdict(finding), indent=1) + "\n", encoding="utf-8")
    return finding


def text(programs: Iterable[Program], namer: Namer) -> str:
    """The text form of programs that run one after the other."""
    return f"{BREAK}\n".join(print_program(program, namer) for program in programs)


def describe_kernel(liblkl: Liblkl, config: KernelConfig) -> str:
    """The facts about the kernel for kernel.txt."""
    return (
        f"{liblkl.name} ({liblkl.version}), {liblkl.machine}, API generation {liblkl.generation.value}\n"
        f"from: {liblkl.origin}\nlibrary: {liblkl.shared}\nmemory: {config.mem >> 20} MiB\n"
        f"command line: {config.cmdline}\n"
        + "".join(f"{option}=y\n" for option in sorted(liblkl.config))
    )


def write_reproducer(
    directory: Path, reproduction: Reproduction, config: KernelConfig, settings: Settings, description: Description,
    *, hurried: bool,
) -> Path | None:
    """Write reproducer.c if it compiles and fails as the finding does; None where it does not."""
    report = reproduction.report
    path = directory / "reproducer.c"
    about = [
        f"Kernel: {config.liblkl.version} ({config.liblkl.name}).",
        f"In lkltest's executor these calls failed {reproduction.times} of {reproduction.of} times.",
        CONFIRMED,
        *(["", *report.stack.strip().splitlines()[:14]] if report.stack else []), "",
        f"Build: {' '.join(map(str, command(config.liblkl, settings, Path('reproducer.c'), Path('reproducer'))))}",
    ]
    try:
        source = csource.write(
            reproduction.programs, description, config.liblkl, title=report.title, about=about, mem=config.mem,
            cmdline=config.cmdline, guarded=report.type == ReportType.OVERRUN, clean=report.call == BETWEEN,
        )
    except (KeyError, ValueError):
        return None
    return keep(path, source, report, config, settings, untried=hurried and report.type == ReportType.HANG)


def keep(
    path: Path, source: str, report: Report, config: KernelConfig, settings: Settings, arguments: Sequence[str] = (),
    *, untried: bool = False,
) -> Path | None:
    """Run a C program and write it with what was seen: to `path`, or, where it is no reproducer, to unconfirmed.c."""
    path.write_text(source, encoding="utf-8", errors="surrogateescape")
    seen = UNTRIED if untried else confirm(path, report, config, settings, arguments)
    path.unlink()
    confirmed = seen not in (UNTRIED, UNCONFIRMED)
    kept = path if confirmed else path.with_name("unconfirmed.c")  # a start for an investigation
    kept.write_text(source.replace(CONFIRMED, seen, 1), encoding="utf-8", errors="surrogateescape")
    return kept if confirmed else None


def command(liblkl: Liblkl, settings: Settings, source: Path, output: Path) -> list[str | Path]:
    """The command that compiles a reproducer."""
    library = liblkl.shared or liblkl.library
    return [
        *settings.cc, "-g", "-w", *(f"-I{path}" for path in liblkl.include), *liblkl.cflags, source, "-o", output,
        library, f"-Wl,-rpath,{library.parent}", *liblkl.libs, "-lpthread",
    ]


def confirm(
    source: Path, report: Report, config: KernelConfig, settings: Settings, arguments: Sequence[str] = ()
) -> str:
    """Compile and run a C program; what was seen of the failure: CONFIRMED, SIGNALLED, UNENDED or UNCONFIRMED."""
    program = source.with_suffix("")
    plain = command(config.liblkl, settings, source, program)
    handled = [*plain, *HANDLED] if report.type in LOCATED else plain
    try:
        if not any(process.run(argv, timeout=120, merge=True).ok for argv in (handled, plain)):
            return UNCONFIRMED
        return _seen(report, _run([program, *arguments], source.parent, config, report.type))
    finally:
        program.unlink(missing_ok=True)


def _run(argv: Sequence[str | Path], directory: Path, config: KernelConfig, type: ReportType) -> process.Completed:
    """Run a C program; where it should hang and does, its stacks are in what it printed to standard error."""
    seconds = HANG_SECONDS if type is ReportType.HANG else BUSY_SECONDS
    asked = process.SIGUSR2 if type is ReportType.HANG else None
    return process.run(argv, cwd=directory, env=config.env, timeout=seconds, final_signal=asked)


def _seen(report: Report, ran: process.Completed) -> str:
    """The words for how a C program failed in its run: never more than there is evidence for."""
    match report.type:
        case ReportType.CONSOLE:
            return CONFIRMED if repeats(report, ran.output + ran.errors) else UNCONFIRMED
        case ReportType.ERRNO | ReportType.RESULT:
            return CONFIRMED if f"= {report.value}\n" in ran.output.decode(errors="replace") else UNCONFIRMED
    hangs = report.type is ReportType.HANG
    if hangs != ran.timed_out or (not hangs and ran.signal is None):
        return UNCONFIRMED
    with contextlib.closing(Memory()) as memory:
        found = from_exit(WorkerExit(ran, hangs, memory.head(), ran.errors, ran.output), memory)
    if found is None:
        return UNCONFIRMED
    if report.type is ReportType.OVERRUN and found.type is ReportType.CRASH:
        found = replace(found, type=ReportType.OVERRUN)  # which buffers a C program has, is not known
    if report.same(found) and found.signature:
        return CONFIRMED
    if (found.stack and report.signature) or found.type is not report.type:
        return UNCONFIRMED  # it failed elsewhere, or in another way
    match report.type:
        case ReportType.HANG:
            return UNENDED
        case ReportType.PANIC:
            return CONFIRMED if repeats(report, ran.output) else UNCONFIRMED
        case ReportType.OVERRUN:
            return SIGNALLED if ran.signal in (signal.SIGSEGV, signal.SIGBUS) else UNCONFIRMED
    return SIGNALLED if report.title.startswith(ran.describe()) else UNCONFIRMED


def load(directory: Path) -> Finding:
    """Read a finding; raises UsageError where the directory has none."""
    try:
        data = json.loads((directory / DATA).read_text(encoding="utf-8"))
        return Finding(**{**data, "kind": ReportType(data["kind"]), "signature": tuple(data["signature"])})
    except (OSError, ValueError, TypeError, KeyError):
        raise UsageError(
            f"{directory} is no finding: name a directory that lkltest fuzz wrote, with {DATA} and program.txt in it"
        ) from None


def config_of(directory: Path, config: KernelConfig) -> KernelConfig:
    """The configuration of the kernel on which a finding, or a program's text, is run again."""
    if not (directory / DATA).is_file():
        return config
    cmdline = load(directory).cmdline
    return replace(config, cmdline=cmdline) if cmdline else config


def count(directory: Path, finding: Finding) -> None:
    """Write how often a finding was met. Raises UsageError where it cannot be written."""
    path = directory / finding.name / DATA
    temporary = path.with_suffix(".new")
    try:
        if path.is_file():
            temporary.write_text(json.dumps(asdict(finding), indent=1) + "\n", encoding="utf-8")
            temporary.rename(path)
    except OSError as error:
        discard(temporary)
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def programs(directory: Path, description: Description) -> list[Program]:
    """The programs of a finding, or of a text file; raises UsageError where they cannot be read."""
    path = directory / "program.txt" if directory.is_dir() else directory
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no program's text: name what lkltest fuzz wrote, or a text of your own") from None
    constants = description.headers.constants
    found = [parse_program(part, constants, description.produces, description.encoder.call) for part in split(text)]
    if not any(program.calls for program in found):
        raise UsageError(f"no call in {path}: what failed did not fail again, or this is no program's text")
    return found


def split(text: str) -> Sequence[str]:
    """Split a text into its programs; empty lines keep the line numbers of the whole text."""
    parts: list[list[str]] = [[]]
    for number, line in enumerate(text.splitlines()):
        if line.strip() == BREAK:
            parts.append([""] * (number + 1))
        else:
            parts[-1].append(line)
    return ["\n".join(part) for part in parts]
