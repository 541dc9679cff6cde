"""The headline of a kernel's log: the bug that it tells of, and the function that is to blame.

A log tells of one bug in many lines: the complaint, a stack, and consequences such as a panic. `headline` takes the
most specific complaint, in the kernel's own words without addresses, and names the function where the line does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lkltest.crash.formats import FORMATS, UNDEFINED, Format, Rank
from lkltest.crash.reporters import REPORTERS, WAITERS
from lkltest.klog import STAMP

DEPTH = 3  # functions of a stack that tell one place from another
REPORT_LINES = 150  # after a complaint: its stack is among them

_OFFSET = re.compile(r"\+0x[0-9a-f]+(/0x[0-9a-f]+)?|\(\)$")
_FRAME = re.compile(r"^\s*(?:\[<\S+>\]\s+)?(?P<guess>\? )?(?P<func>[A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+")
_POINTER = re.compile(r"^(?:[RE]?IP|pc|PC is at|NIP|epc)\b[ :]*.*?\b(?P<func>[A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+")
_CALLER = re.compile(r"^caller is (?P<func>[A-Za-z_][\w.]*)\+0x")
_OWNER = re.compile(r"Allocated in (\w+)")
_QUOTES = re.compile(r"(Kernel )?[Cc]ommand line:|Unknown kernel command line|Bug report|rcu: \t?RCU lockdep checking")


@dataclass(frozen=True)
class Headline:
    """The bug that a log tells of."""

    title: str  # one line: "KASAN: use-after-free in f"
    signature: tuple[str, ...]  # functions or places that tell it from others, the innermost first
    rank: Rank
    placed: bool = True  # whether the log names a function; else the signature is its place, or made of the title
    damages: bool = False  # the kernel's memory, or its state, may be damaged afterwards
    waits: bool = False  # functions that lock and wait are not the place
    symbol: str = ""  # the function that the log names, where the kernel has found it by an address

    @property
    def words(self) -> str:
        """The title without the symbol."""
        return re.sub(rf"(?: in)? {re.escape(self.symbol)}$", "", self.title) if self.symbol else self.title

    def misplaced(self, functions: tuple[str, ...]) -> bool:
        """Whether the log names a function that the complaint's stack has not got.

        In an LKL with CONFIG_KALLSYMS_ALL, addresses of data lie among those of the code: it finds the wrong symbols.
        """
        return bool(self.symbol and functions and self.symbol not in functions)

    def at(self, functions: tuple[str, ...]) -> Headline:
        """The same with the signature of the stack that it comes from, as LKL's own log often has no stack.

        `functions` are all of the kernel's on the stack, the innermost first.
        """
        if self.placed and not self.misplaced(functions):
            more = tuple(name for name in functions if name not in self.signature)
            length = max(len(self.signature), min(len(functions), DEPTH))
            return replace(self, signature=(*self.signature, *more)[:length])
        reporters = WAITERS if self.waits else REPORTERS
        stack = tuple(name for name in functions if not reporters.fullmatch(name))[:DEPTH]
        if not stack:
            return self
        return replace(self, title=f"{self.words} in {stack[0]}", signature=stack, placed=True, symbol="")


def headline(console: bytes) -> Headline | None:
    """The bug that a log tells of; None where the kernel complains of nothing.

    Of complaints that are equally specific, the first is the cause of the others. Warnings that a kernel survives are
    no causes: of these the last one counts where the kernel has panicked since.
    """
    lines = [STAMP.sub(b"", raw).decode(errors="replace").rstrip() for raw in console.splitlines()]
    found = [(n, format, match) for n, line in enumerate(lines) for format, match in _complaint(line)]
    if not found:
        return None
    rank = max(format.rank for _, format, _ in found)
    equal = [each for each in found if each[1].rank is rank]
    panicked = any(format.rank is Rank.CONSEQUENCE for _, format, _ in found)
    number, format, match = equal[-1 if rank is Rank.WARNING and panicked else 0]
    return _headline(format, match, lines[number + 1 : number + 1 + REPORT_LINES], lines)


def _complaint(line: str) -> list[tuple[Format, re.Match[str]]]:
    """The kind of complaint that a line is, at most one."""
    if _QUOTES.match(line):
        return []
    return next(([(format, match)] for format in FORMATS if (match := format.pattern.search(line))), [])


def _headline(format: Format, match: re.Match[str], report: Sequence[str], log: Sequence[str]) -> Headline:
    groups = match.groupdict()
    title = _OFFSET.sub("", match["title"].strip())
    if "Undefined behaviour" in title:
        title = title.replace("Undefined behaviour", _undefined(report))
    if cache := groups.get("cache"):
        owner = next((found[1] for line in log if (found := _OWNER.search(line))), None)
        damage = groups["damage"].replace(" ", "_")
        return Headline(title, (f"{cache}-{damage}", *filter(None, [owner])), format.rank, damages=format.damages)
    blamed, certain = _blamed(format, groups.get("func") or "", report)
    behind = match.string[match.end("func") :] if groups.get("func") else ""
    if behind.startswith("()"):  # a BUG() names its own function, whatever it is called
        blamed, certain = groups["func"], True
    if blamed and certain and not re.search(rf"\b{re.escape(blamed)}\b", title):
        title = f"{_without_reporter(title, groups.get('func'))} in {blamed}"
    symbol = blamed if certain and behind.startswith("+0x") and blamed == _base(groups["func"]) else ""
    place = blamed or groups.get("place")
    placed = bool(blamed and certain)  # the stack names the function of a place, and the one that asked for a lock
    plain = re.sub(r"\W+", "_", re.sub(r"\d+", "N", title))[:60]
    return Headline(
        title, (place or plain,), format.rank, placed=placed, damages=format.damages, waits=format.waits,
        symbol=symbol,
    )  # fmt: skip


def _without_reporter(title: str, func: str | None) -> str:
    """A title without the function that it names, where that only reports."""
    return title.removesuffix(f" in {func}") if func else title


def _undefined(report: Sequence[str]) -> str:
    """The name that later kernels give to the undefined behaviour that a report describes."""
    for line in report[:4]:
        for words, name in UNDEFINED.items():
            if words in line:
                return name
    return "undefined-behaviour"


def _blamed(format: Format, named: str, report: Sequence[str]) -> tuple[str, bool]:
    """The function to blame: the one that the line names, else that of the faulting instruction, else of the stack.

    Also returns whether the function is more than a reporting helper, which is taken only where there is no other.
    """
    reporters = WAITERS if format.waits else REPORTERS
    pointer = _pointer(report) if format.faults else ""
    stack = _stack(report, format)
    for name in (named, pointer, *stack):
        if name and not reporters.fullmatch(name):
            return name, True
    return named or pointer or next(iter(stack), ""), False


def _pointer(report: Sequence[str]) -> str:
    """The function of the instruction pointer that a report shows; empty where there is none."""
    return next((_base(found["func"]) for line in report if (found := _POINTER.match(line.strip()))), "")


def _stack(report: Sequence[str], format: Format) -> list[str]:
    """The functions of the first stack after a complaint; those that the kernel doubts only where it has no other."""
    sure: list[str] = []
    doubtful: list[str] = []
    seen = False
    for line in report:
        if caller := _CALLER.match(line):
            return [_base(caller["func"])]
        if frame := _FRAME.match(line):
            (doubtful if frame["guess"] else sure).append(_base(frame["func"]))
            seen = True
        elif format.waits and ("</IRQ>" in line or "</NMI>" in line or "<EOI>" in line):
            sure, doubtful = [], []  # the watchdog's own, on top of what it has interrupted
        elif seen and not re.match(r"\s*(<|R[A-Z0-9]+: |RIP|Code|$)", line):
            break
    return sure or doubtful


def _base(function: str) -> str:
    """A function's name without what the compiler appended to that of a part or copy of it."""
    return re.sub(r"(\.(part|isra|constprop|cold|lto_priv)(\.\d+)*)+$", "", function)
