"""Parse the lines that a test program writes about its own crash or hang."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

HANG_SIGNAL = "SIGUSR2"  # the signal by which the runner asks for the stacks of all threads
COMPLAINT_SIGNAL = "SIGWARN"  # in place of a signal's name, where the fuzzer's executor tells who complains

# The line may follow the unfinished one of a kernel that was printing; docs/crashes.md describes all of them.
LINE = re.compile(
    r"lkltest: (?:"
    r"(?P<signal>signal) (?P<signal_tid>\d{1,9}) (?P<name>SIG[A-Z0-9]+) (?P<address>0x[0-9a-f]{1,16}|-|\?)"
    r"|(?P<again>again) \d{1,9} (?P<again_name>SIG[A-Z0-9]+)"
    r"|(?P<sp>sp) \d{1,9} (?P<sp_value>0x[0-9a-f]{1,16})"
    r"|(?P<stack>stack) (?P<stack_tid>\d{1,9}) #(?P<number>\d{1,9}) (?P<pc>0x[0-9a-f]{1,16})(?P<guess> \?)?"
    r"|(?P<thread>thread) (?P<thread_tid>\d{1,9}) (?P<comm>.*)"
    r"|(?P<mute>mute) (?P<mute_tid>\d{1,9}) (?P<state>.*)"
    r"|(?P<map>map) (?P<start>[0-9a-f]{1,16})-(?P<end>[0-9a-f]{1,16}) \S{4} (?P<offset>[0-9a-f]{1,16}) \S+ \d+ *"
    r"(?P<path>.*)"
    r"|(?P<finish>end) \d{1,9}"
    r")"
)


@dataclass(frozen=True)
class Mapping:
    """A line of /proc/PID/maps: a part of a file with code."""

    start: int
    end: int
    offset: int  # in the file, of `start`
    path: str  # or a name in brackets, or ""


@dataclass(frozen=True)
class Address:
    """One frame as the program wrote it."""

    number: int  # 0 is where the thread was
    pc: int  # the address of the next instruction
    guess: bool  # found by looking through the stack: perhaps of an earlier call


@dataclass(frozen=True)
class Thread:
    """One thread's stack as the program wrote it."""

    tid: int
    comm: str = ""
    state: str = ""  # of a thread that blocks signals: its line in /proc/TID/syscall
    frames: tuple[Address, ...] = ()


@dataclass(frozen=True)
class CrashReport:
    """The report that a program wrote about a fatal signal, or about a hang."""

    signal: str  # "SIGSEGV"; SIGUSR2 for a hang
    tid: int  # the thread that the signal came to
    address: int | None  # that could not be accessed; None where the CPU did not tell, or for other signals
    untold: bool = False  # a fault whose address the CPU does not tell, such as a non-canonical one
    sp: int | None = None
    again: str = ""  # the signal that came while the report was written
    threads: tuple[Thread, ...] = ()  # one for a crash
    maps: tuple[Mapping, ...] = ()
    complete: bool = False  # it was written to its end

    @property
    def hang(self) -> bool:
        """Whether the program was asked for its stacks, instead of having crashed."""
        return self.signal == HANG_SIGNAL

    @property
    def complaint(self) -> bool:
        """Whether the kernel only printed a complaint, and the program goes on."""
        return self.signal == COMPLAINT_SIGNAL


def parse(text: bytes | str) -> tuple[CrashReport, ...]:
    """Read the reports out of what a program wrote to standard error, in order; none is an empty tuple."""
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    reports: list[list[re.Match[str]]] = []
    for match in LINE.finditer(text):
        if match["signal"]:
            reports.append([])
        if reports:
            reports[-1].append(match)
    return tuple(read_report(lines) for lines in reports)


def read_report(lines: Sequence[re.Match[str]]) -> CrashReport:
    """Make a report of its lines, the first of which names the signal."""
    first = lines[0]
    told = first["address"] not in {"-", "?"}
    report = CrashReport(
        signal=first["name"],
        tid=int(first["signal_tid"]),
        address=int(first["address"], 16) if told else None,
        untold=first["address"] == "?",
        threads=read_threads(lines),
        maps=tuple(read_mapping(match) for match in lines if match["map"]),
        complete=any(match["finish"] for match in lines),
    )
    for match in lines:
        if match["sp"]:
            report = replace(report, sp=int(match["sp_value"], 16))
        if match["again"]:
            report = replace(report, again=match["again_name"])
    return report


def read_threads(lines: Iterable[re.Match[str]]) -> tuple[Thread, ...]:
    """The threads of a report, in its order."""
    comms: dict[int, str] = {}
    states: dict[int, str] = {}
    frames: dict[int, list[Address]] = {}
    for match in lines:
        if match["thread"]:
            comms[int(match["thread_tid"])] = match["comm"].strip()
        elif match["mute"]:
            states[int(match["mute_tid"])] = match["state"].strip()
        elif match["stack"]:
            frames.setdefault(int(match["stack_tid"]), []).append(
                Address(int(match["number"]), int(match["pc"], 16), bool(match["guess"]))
            )
    return tuple(
        Thread(tid, comms.get(tid, ""), states.get(tid, ""), tuple(frames.get(tid, ())))
        for tid in {**comms, **frames}
    )


def read_mapping(match: re.Match[str]) -> Mapping:
    """A mapped file; /proc writes a newline in its name as an octal number."""
    path = match["path"].strip().replace("\\012", "\n").removesuffix(" (deleted)")
    return Mapping(int(match["start"], 16), int(match["end"], 16), int(match["offset"], 16), path)
