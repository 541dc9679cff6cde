"""What a lost worker or an alarm means."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, replace
from itertools import dropwhile
from pathlib import Path

from lkltest import addresses, symbolize
from lkltest.crashreport import Address, CrashReport, parse
from lkltest.fuzz.exec import native
from lkltest.fuzz.exec.kernel import Death
from lkltest.fuzz.exec.shmem import BETWEEN, Alarm, Head, Memory
from lkltest.symbolize import Frame, Stack

STAMP = re.compile(rb"^\[ *\d+\.\d+\](?:\[[^\]]*\])? ")
COMPLAINT = re.compile(
    r"WARNING:|BUG:|BUG at|kernel BUG|Oops|KASAN:|UBSAN:|Kernel panic|INFO: (?:possible|suspicious|trying|task|rcu)"
    r"|general protection|Unable to handle kernel|Call Trace:|BUG [\w-]+ \("
)
SLAB = re.compile(r"BUG ([\w-]+) \([^)]*\): ([\w ]+)")  # the slab allocator's own checks: the cache, the damage
OWNER = re.compile(r"INFO: Allocated in (\w+)")
PLACE = re.compile(r" (?:in|at) (?:[\w./-]+:\d+ )?([a-zA-Z_]\w*)(?:\+0x|\(|\.|$| )|at ([\w./-]+:\d+)")
FAILURE = re.compile(r"BUG: failure at ([\w./-]+:\d+)/(\w+)")
PANIC = re.compile(r"Kernel panic - not syncing: (.*)")
SCARCE = re.compile(r"Out of memory|no killable processes")
PRINTS = re.compile(
    r"|\w*(console|print|printk)\w*|call_(console_)?drivers?|panic|lkl_\w*print\w*|__warn|warn_slowpath\w*|__lkl_\w*"
)
CONSOLE_TAIL = 16 << 10  # bytes of the log that a finding keeps


@dataclass(frozen=True)
class Failure:
    """One way in which a kernel failed."""

    kind: str  # crash, panic, hang, overrun, console, errno, result
    title: str  # one line for people
    signature: tuple[str, ...]  # functions or places that tell it from others, the innermost first
    program: int  # number of the program since boot
    call: int  # index of the call; BETWEEN where none was running
    stack: str  # with names; empty where there is none
    console: str  # the end of the kernel's log
    fatal: bool = True  # the kernel is gone

    @property
    def name(self) -> str:
        """The stable name that duplicates share."""
        return name_of(self.kind, self.signature)

    @property
    def spoils(self) -> bool:
        """Whether the kernel's memory is no longer what it should be: what fails next only follows from that."""
        return self.fatal or self.kind == "overrun" or self.title.startswith(("BUG", "Oops"))

    def same(self, other: Failure | None) -> bool:
        """Whether the other one is of the same bug, as far as one can tell."""
        return other is not None and other.kind == self.kind and other.signature[:1] == self.signature[:1]


def name_of(kind: str, signature: tuple[str, ...]) -> str:
    """The name of failures of a kind and a signature, which is also that of a directory."""
    return re.sub(r"[^\w.+-]+", "_", "-".join([kind, *(signature or ("nowhere",))]))[:120]


def name_of_hang(stderr: bytes) -> str:
    """The name that a hang would have, by the stacks that its worker wrote when it was asked; "" if there are none."""
    reports = [report for report in parse(stderr) if report.hang and report.complete]
    signature = symbolize.signature(stacks(reports[-1])[0]) if reports else ()
    return name_of("hang", signature) if signature else ""


def tail(console: bytes) -> str:
    """The end of the log, as a finding keeps it."""
    return console[-CONSOLE_TAIL:].decode(errors="replace")


def stacks(report: CrashReport) -> list[Stack]:
    """The stacks of a worker's report, the one that was running a call first."""
    threads = tuple(replace(thread, frames=_trim(report, thread.frames)) for thread in report.threads)
    short = replace(report, threads=threads)
    key = tuple(_place(short, frame.pc) for thread in threads for frame in thread.frames)
    # Naming takes a second, and the same crash comes again and again.
    if key not in NAMED:
        if len(NAMED) >= MOST_NAMED:
            NAMED.clear()
        NAMED[key] = tuple(symbolize.symbolize(short))
    return sorted(NAMED[key], key=lambda stack: not any(map(_ours, stack.frames)) or any(map(_waits, stack.frames)))


MOST_NAMED = 1000
NAMED: dict[tuple[object, ...], tuple[Stack, ...]] = {}


def _place(report: CrashReport, address: int) -> tuple[str, int]:
    """An address as its file and the offset in it, which are the same in every process."""
    mapping = addresses.find(report.maps, address)
    return (mapping.path, address - mapping.start + mapping.offset) if mapping else ("", address)


def _trim(report: CrashReport, frames: tuple[Address, ...]) -> tuple[Address, ...]:
    """The frames between the executor's: those that watch the console, and those above which only Python follows."""

    def own(frame: Address) -> bool:
        return Path(_place(report, frame.pc)[0]).name.startswith(native.MODULE)

    kept = tuple(dropwhile(own, frames)) if report.complaint else frames
    last = next((n for n, frame in enumerate(kept) if own(frame)), len(kept))
    return kept[: last + 1]


def _ours(frame: Frame) -> bool:
    """Whether a frame is the executor's."""
    return Path(frame.module).name.startswith(native.MODULE)


def of_death(death: Death, memory: Memory) -> Failure | None:
    """What a death means; None where the kernel, or the host, only ran out of memory."""
    console = tail(death.console)
    reports = [report for report in parse(death.stderr) if not report.complaint and report.hang == death.hung]
    reports = [report for report in reports if report.complete] or reports
    killed = death.ended.signal == signal.SIGKILL and not reports
    if not death.hung and (killed or SCARCE.search(console[-4000:])):
        return None
    found = stacks(reports[-1]) if reports else []
    stack = found[0] if found else None
    signature = symbolize.signature(stack) if stack else ()
    kind, title = "crash", death.ended.describe()
    panic = PANIC.search(console)
    address = reports[-1].address if reports else None
    if death.hung:
        kind, title = "hang", "a call does not return"
    elif panic:
        failure = FAILURE.search(console)
        kind, title = "panic", f"Kernel panic: {panic[1].strip()}"
        signature = (failure[2], *signature) if failure else signature
    elif address is not None and memory.in_buffers(address):
        kind, title = "overrun", "the kernel reached past the end of a buffer of its caller"
    if signature:
        title += f" in {signature[0]}"
    return Failure(
        kind=kind, title=title, signature=signature, program=death.head.program, call=death.head.call,
        stack=symbolize.render(found[:1] if not death.hung else found), console=console,
    )


def of_alarm(head: Head, console: bytes, call: str, stderr: bytes) -> Failure:
    """What an alarm means; `call` is the name of the call at fault, `console` the end of the log."""
    kind, title, stack = "console", "", ""
    signature: tuple[str, ...] = (call,)
    if head.alarm == Alarm.CONSOLE:
        # Before it, there may be what is no complaint although it has a trace: memory was short.
        since = head.console - head.alarm_value
        title, signature = complaint(console[-since:] if since > 0 else console)
        stack = _complainer(stderr)
    elif head.alarm == Alarm.ERRNO:
        kind, title = "errno", f"{call} returned {head.alarm_value}, which is no errno of a system call"
    elif head.alarm == Alarm.SHAPE:
        kind, title = "result", f"{call} returned {head.alarm_value}, which its success cannot be"
    elif head.alarm == Alarm.CANARY:
        kind, title = "overrun", f"{call} wrote before the start of a buffer of its caller"
    return Failure(
        kind=kind, title=title, signature=signature, program=head.alarm_program, call=head.alarm_call, stack=stack,
        console=tail(console), fatal=False,
    )


def _waits(frame: Frame) -> bool:
    """Whether a frame is of a thread that waits for a program's own task, or watches."""
    return frame.function == "sandbox_watch" or ("pthread" in frame.function and "join" in frame.function)


def _complainer(stderr: bytes) -> str:
    """The stack of the last one that printed a complaint, without what prints."""
    reports = parse(stderr[max(0, stderr.rfind(b"\nlkltest: signal ")) :])
    for stack in stacks(reports[0]) if reports and reports[0].complaint else ():
        frames = tuple(dropwhile(_prints, stack.frames))
        counted = tuple(replace(frame, number=frame.number - frames[0].number) for frame in frames)
        return symbolize.render([replace(stack, title="The complaint comes from", frames=counted)])
    return ""


def _prints(frame: Frame) -> bool:
    return bool(PRINTS.fullmatch(frame.function))


def complaint(console: bytes) -> tuple[str, tuple[str, ...]]:
    """The first complaint of a log: its line, and the place that it names."""
    for raw in console.splitlines():
        line = STAMP.sub(b"", raw).decode(errors="replace").strip()
        if COMPLAINT.search(line):
            if slab := SLAB.search(line):
                owner = OWNER.search(console.decode(errors="replace"))
                damage = re.sub(r"\W+", "_", slab[2].strip())
                return line, (f"{slab[1]}-{damage}", *(owner.groups() if owner else ()))
            failure = FAILURE.search(line)
            place = PLACE.search(line)
            where = failure[2] if failure else (place[1] or place[2]) if place else ""
            plain = re.sub(r"\d+", "N", line)
            return line, (where or re.sub(r"\W+", "_", plain)[:60],)
    return "the kernel printed a complaint", ("unknown",)


__all__ = ["BETWEEN", "Failure", "of_alarm", "of_death"]
