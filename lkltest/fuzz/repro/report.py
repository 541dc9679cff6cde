"""Reports of failures, made of a lost worker or of an alarm."""

from __future__ import annotations

import enum
import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile
from pathlib import Path

from lkltest.crash import addresses, symbolize
from lkltest.crash.formats import Rank
from lkltest.crash.headline import REPORT_LINES, Headline, headline
from lkltest.crash.report import Address, CrashReport, parse
from lkltest.crash.symbolize import Frame, Stack
from lkltest.fuzz.exec import native
from lkltest.fuzz.exec.kernel import WorkerExit
from lkltest.fuzz.exec.protocol import Alarm
from lkltest.fuzz.exec.shmem import Head, Memory
from lkltest.klog import COMPLAINTS, panic

COMPLAINT = re.compile("|".join([*map(re.escape, COMPLAINTS), r"BUG [\w-]+ \("]))
SCARCE = re.compile(r"Out of memory|no killable processes")
UNKNOWN = Headline("the kernel printed a complaint", ("unknown",), Rank.WARNING)
LINES_BEFORE = 3  # of the line that is watched for: "refcount_t: underflow" before its WARNING
CONSOLE_TAIL = 16 << 10  # bytes of the log that a finding keeps


class ReportType(enum.StrEnum):
    """The kinds of failures; findings on disk are named by their values."""

    CRASH = "crash"  # a fatal signal in the kernel
    PANIC = "panic"
    HANG = "hang"  # a call does not return
    OVERRUN = "overrun"  # the kernel wrote or read outside of a buffer of its caller
    CONSOLE = "console"  # a complaint in the kernel's log, such as WARNING or BUG
    ERRNO = "errno"  # a call returned a negative number that is no errno
    RESULT = "result"  # a call succeeded with a value that its documentation excludes


@dataclass(frozen=True)
class Report:
    """One failure of a kernel."""

    type: ReportType
    title: str  # one line for people
    signature: tuple[str, ...]  # functions or places that tell it from others, the innermost first
    program: int  # number of the program since boot
    call: int  # index of the call; BETWEEN where none was running
    stack: str  # with names; empty where there is none
    console: str  # the end of the kernel's log
    fatal: bool = True  # the kernel is gone
    corrupted: bool = False  # the kernel's memory may be damaged: later failures may only follow from this one
    value: int | None = None  # the result of a call that is at fault for it (ERRNO, RESULT)

    @property
    def frame(self) -> str:
        """The function or place that is blamed; "" where none is known."""
        return self.signature[0] if self.signature else ""

    @property
    def name(self) -> str:
        """The stable name that duplicates share."""
        return name_of(self.type, self.signature)

    @property
    def ends_kernel(self) -> bool:
        """Whether the kernel is gone, or not to be used any longer."""
        return self.fatal or self.corrupted

    def same(self, other: Report | None) -> bool:
        """Whether the other report seems to be of the same bug: of the same type, with the same innermost frame.

        A call that works for ever is seen in another function each time: two hangs need only share one.
        """
        if other is None or other.type != self.type:
            return False
        if self.type is ReportType.HANG and not set(self.signature).isdisjoint(other.signature):
            return True
        return other.frame == self.frame


def name_of(type: ReportType, signature: tuple[str, ...]) -> str:
    """The name of failures of a type and a signature, which is also that of a directory."""
    return re.sub(r"[^\w.+-]+", "_", "-".join([type, *(signature or ("nowhere",))]))[:120]


def name_of_hang(stderr: bytes) -> str:
    """The name of a hang, by the stacks that its worker wrote; "" where it wrote none."""
    crash_reports = [crash_report for crash_report in parse(stderr) if crash_report.hang and crash_report.complete]
    signature = hang_signature(stacks(crash_reports[-1])) if crash_reports else ()
    return name_of(ReportType.HANG, signature) if signature else ""


def hang_signature(named: Sequence[Stack]) -> tuple[str, ...]:
    """The kernel's functions to blame for a hang, never the executor's, which only waits for the kernel.

    They are those of the thread that ran the call, else of the one that has the kernel's CPU, else of another one
    that the executor has in a call.
    """
    running = symbolize.holder(named)
    others = [stack for stack in named[1:] if any(map(_ours, stack.frames))]
    for stack in (*named[:1], *([running] if running else []), *others):
        own = {frame.function for frame in stack.frames if _ours(frame)}
        if names := tuple(name for name in symbolize.signature(stack) if name not in own):
            return names
    frames = [frame for frame in symbolize.awake(named[0].frames) if frame.function and not _ours(frame)]
    return (frames[0].function,) if frames else ()


def tail(console: bytes) -> str:
    """The end of the log that a finding keeps."""
    return console[-CONSOLE_TAIL:].decode(errors="replace")


def stacks(crash_report: CrashReport) -> list[Stack]:
    """The stacks of a worker's crash report; the stack of the thread that ran a call comes first."""
    threads = tuple(replace(thread, frames=_trim(crash_report, thread.frames)) for thread in crash_report.threads)
    short = replace(crash_report, threads=threads)
    key = tuple(_place(short, frame.pc) for thread in threads for frame in thread.frames)
    # Symbolizing takes a second, and the same crash comes again and again.
    if key not in NAMED:
        if len(NAMED) >= MOST_NAMED:
            NAMED.clear()
        NAMED[key] = tuple(symbolize.symbolize(short))
    return sorted(NAMED[key], key=lambda stack: not any(map(_ours, stack.frames)) or any(map(_waits, stack.frames)))


MOST_NAMED = 1000
NAMED: dict[tuple[object, ...], tuple[Stack, ...]] = {}


def _place(crash_report: CrashReport, address: int) -> tuple[str, int]:
    """The file and the offset of an address, which are the same in every process."""
    mapping = addresses.find(crash_report.maps, address)
    return (mapping.path, address - mapping.start + mapping.offset) if mapping else ("", address)


def _trim(crash_report: CrashReport, frames: tuple[Address, ...]) -> tuple[Address, ...]:
    """The frames of the kernel: without the executor's that the kernel calls, and without Python's.

    It calls them to print, and an instrumented kernel in each of its blocks and comparisons: a call that works for
    ever, or whose stack overflows, is there most of the time.
    """

    def own(frame: Address) -> bool:
        return Path(_place(crash_report, frame.pc)[0]).name.startswith(native.MODULE)

    kept = tuple(dropwhile(own, frames))
    if not (crash_report.complaint or any(map(own, kept)) or (kept and _kernels(crash_report, kept[0]))):
        kept = frames  # all of the executor's stand together: the kernel is in none of its calls
    last = next((n for n, frame in enumerate(kept) if own(frame)), len(kept))
    return kept[: last + 1]


def _kernels(crash_report: CrashReport, frame: Address) -> bool:
    """Whether a frame is in the kernel's library."""
    return Path(_place(crash_report, frame.pc)[0]).name.startswith("liblkl")


def _ours(frame: Frame) -> bool:
    """Whether a frame belongs to the executor."""
    return Path(frame.module).name.startswith(native.MODULE)


def from_exit(exited: WorkerExit, memory: Memory) -> Report | None:
    """Report a lost worker; None where the kernel, or the host, only ran out of memory."""
    console = tail(exited.console)
    found = [crash for crash in parse(exited.stderr) if not crash.complaint and crash.hang == exited.hung]
    found = [crash for crash in found if crash.complete] or found
    killed = exited.ended.signal == signal.SIGKILL and not found
    if not exited.hung and (killed or SCARCE.search(console[-4000:])):
        return None
    named = stacks(found[-1]) if found else []
    signature = (hang_signature(named) if exited.hung else symbolize.signature(named[0])) if named else ()
    type, title = ReportType.CRASH, exited.ended.describe()
    address = found[-1].address if found else None
    told = headline(exited.console) if panic(exited.console) else None
    if exited.hung:
        type, title = ReportType.HANG, "a call does not return"
    elif told is not None:
        told = told.at(symbolize.blamed(named[:1]) or (() if told.symbol else signature))
        type, title, signature = ReportType.PANIC, told.title, told.signature
    elif address is not None and memory.in_buffers(address):
        type, title = ReportType.OVERRUN, "the kernel reached past the end of a buffer of its caller"
    if signature and type is not ReportType.PANIC:
        title += f" in {signature[0]}"
    return Report(
        type=type, title=title, signature=signature, program=exited.head.program, call=exited.head.call,
        stack=symbolize.render(named if exited.hung else named[:1]), console=console,
    )


def from_alarm(head: Head, console: bytes, call: str, stderr: bytes) -> Report:
    """Report an alarm; `call` is the name of the call at fault, `console` the end of the log."""
    type, stack, corrupted, value = ReportType.CONSOLE, "", False, head.alarm_value
    signature: tuple[str, ...] = (call,)
    if head.alarm == Alarm.ERRNO:
        type, title = ReportType.ERRNO, f"{call} returned {value}, which is no errno of a system call"
    elif head.alarm == Alarm.SHAPE:
        type, title = ReportType.RESULT, f"{call} returned {value}, which its success cannot be"
    elif head.alarm == Alarm.CANARY:
        type, title, corrupted = ReportType.OVERRUN, f"{call} wrote before the start of a buffer of its caller", True
    else:
        # The log before it may hold a trace that is no complaint: memory was short. A line just before it may say more.
        since = max(0, len(console) - (head.console - value)) if head.console > value else 0
        before = console[:since].splitlines(keepends=True)[-LINES_BEFORE:]
        told = headline(b"".join(before) + console[since:]) or UNKNOWN
        complainer = _complainer(stderr)
        if complainer is not None:
            stack = symbolize.render([complainer])
            functions = symbolize.blamed([complainer])
            if not told.placed:
                told = told.at(functions or symbolize.signature(complainer))
            elif told.misplaced(functions):
                told = told.at(functions)
        title, signature, corrupted = told.title, told.signature, told.damages
    return Report(
        type=type, title=title, signature=signature, program=head.alarm_program, call=head.alarm_call, stack=stack,
        console=tail(console), fatal=False, corrupted=corrupted,
        value=value if type in (ReportType.ERRNO, ReportType.RESULT) else None,
    )


def repeats(report: Report, console: bytes) -> bool:
    """Whether a log has the complaint of a CONSOLE report again.

    That is one at the report's function or place; where the log names neither, one in the same words.
    """
    return any(
        (told.placed and told.signature[0] == report.frame)
        or ((told.symbol or not told.placed) and _plain(report.title).startswith(_plain(told.words)))
        for told in _complaints(console)
    )


def _complaints(console: bytes) -> Iterator[Headline]:
    """The headline of each complaint of a log."""
    lines = console.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if COMPLAINT.search(line.decode(errors="replace")):
            yield headline(b"".join(lines[max(0, number - LINES_BEFORE) : number + 1 + REPORT_LINES])) or UNKNOWN


def _plain(title: str) -> str:
    """A title without the numbers, which differ from run to run."""
    return re.sub(r"\d+", "N", title)


def _waits(frame: Frame) -> bool:
    """Whether a frame belongs to a thread that waits for a program's own task, or watches the calls."""
    return frame.function == "sandbox_watch" or ("pthread" in frame.function and "join" in frame.function)


def _complainer(stderr: bytes) -> Stack | None:
    """The stack of the last complaint, without the frames that print it."""
    crash_reports = parse(stderr[max(0, stderr.rfind(b"\nlkltest: signal ")) :])
    return next(iter(stacks(crash_reports[0])), None) if crash_reports and crash_reports[0].complaint else None
