"""Failures that are alike: of many on one kernel the first is shown in full, the others are counted."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FEW = 2  # reports that are alike are shown one by one
FRAMES = 3  # of a stack tell one crash from another
WAITS = 2  # frames, likewise of a thread that hangs: further out is the call that it makes
LINES = 4  # of a failure's text tell it from another
POINT = "point_"  # before the name of a point, as stacks show its function
CALL = "lkl_sys_"  # before the name of a system call of the kernel's
HOLDS = ", has the kernel's CPU"  # behind the heading of the one thread for which the others wait

_STACK = r"((?: +\S.*\n?)+)"
_CRASH = re.compile(rf"^(SIG[A-Z0-9]+)\b.* in thread \d+:\n{_STACK}", re.MULTILINE)
_HANG = re.compile(rf"^(?:thread \d+|\d+ threads)\b([^\n]*):\n{_STACK}", re.MULTILINE)
_FRAME = re.compile(r"^ +#\d+ +([A-Za-z_][\w.]*)", re.MULTILINE)
# Functions of the harness, and of the C library on the way to a signal: they tell how a crash ends, not where it is.
_ENDS = re.compile(r"lkltest_\w+|gsignal|_*(GI_)?(tg)?kill|_*libc_(message|fatal)\w*|_*fortify_fail\w*|malloc_printerr")
# Functions of the host in which a thread waits.
_HOST_WAITS = re.compile(
    r"lkl_cpu_get|_*(do_)?futex_(abstimed_)?wait\w*|_*lll_lock\w*|syscall"
    r"|_*(new_)?(pthread_)?(cond|sem|mutex)_(timed|clock)?(wait|lock)\w*"
)
_OURS = re.compile(r"unpack:|by hand:|artifacts:|again:|last lines of ")
_DISK = re.compile(r"\b(vd|ubd|sd)[a-z]+\b")  # by its place among the others
_NUMBER = re.compile(r"(?<![\w.])(?<!\.[ch]:)(?:0x[0-9a-f]+|\d+)\b")  # but not the line of a source


@dataclass(frozen=True)
class Likeness:
    """The part of a failure's text that others with the same cause have too."""

    kernel: str
    line: str  # for people
    key: str  # equal where failures are alike
    hang: bool = False  # it is where a thread was when it was looked at, which may have another reason each time

    @property
    def title(self) -> str:
        """The first line of the paragraph on failures that have it."""
        return f"alike: {self.line}" if self.hang else f"the same failure: {self.line}"


def of(kernel: str, text: str) -> Likeness:
    """The likeness of a failure with this text: the place of its crash or hang, or else its first words."""
    crash = _CRASH.search(text)
    frames = _telling(crash[2], _ends)[:FRAMES] if crash else []
    if crash and frames:
        line = f"{crash[1]} in {', called by '.join(frames)}"
        return Likeness(kernel, line, line)
    threads = list(_HANG.finditer(text))
    hang = next((thread for thread in threads if thread[1].endswith(HOLDS)), threads[0] if threads else None)
    waits = _telling(hang[2], _waits)[:WAITS] if hang else []
    if waits:
        line = f"a hang in {', called by '.join(waits)}"
        return Likeness(kernel, line, line, hang=True)
    lines: list[str] = []
    for line in text.strip().splitlines():
        if not line.strip() or _OURS.match(line) or len(lines) == LINES:
            break
        lines.append(line.strip())
    key = _NUMBER.sub("N", _DISK.sub(r"\1X", "\n".join(lines)))
    return Likeness(kernel, lines[0] if lines else "no reason given", key)


def _telling(stack: str, says_nothing: Callable[[str], bool]) -> list[str]:
    """The functions of a printed stack that tell one place from another, the innermost first.

    The function of the point does where there is no other.
    """
    from lkltest.crash.symbolize import base_name

    names = [base_name(name) for name in _FRAME.findall(stack)]
    kept = [name for name in names if not says_nothing(name)]
    return list(itertools.takewhile(lambda name: not name.startswith(POINT), kept)) or kept or names


def _ends(name: str) -> bool:
    """Whether a function only reports a crash, or copies what others give it."""
    from lkltest.crash.reporters import REPORTERS

    return bool(REPORTERS.fullmatch(name) or _ENDS.fullmatch(name))


def _waits(name: str) -> bool:
    """Whether a thread waits in a function, for whatever it is."""
    from lkltest.crash.reporters import WAITERS
    from lkltest.crash.symbolize import SLEEP

    if name.startswith(CALL):
        return False  # the only one that tells where a thread waits that has not got into the kernel
    return name in SLEEP or bool(WAITERS.fullmatch(name) or _HOST_WAITS.fullmatch(name))


def repeated(reports: list[Any]) -> list[tuple[Likeness, list[Any]]]:
    """The groups of more than a few reports that are alike, in the order in which they came."""
    groups: dict[tuple[str, str], tuple[Likeness, list[Any]]] = {}
    for report in reports:
        told = getattr(report, "lkltest_likeness", None)
        if told:
            likeness = Likeness(**told)
            groups.setdefault((likeness.kernel, likeness.key), (likeness, []))[1].append(report)
    return [group for group in groups.values() if len(group[1]) > FEW]
