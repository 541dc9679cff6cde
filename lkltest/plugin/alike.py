"""Failures that are alike: of many on one kernel the first is shown in full, the others are counted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

FEW = 2  # reports that are alike are shown one by one
FRAMES = 3  # of a stack tell one crash from another
WAITS = 2  # frames, likewise of a thread that hangs: further out is the call that it makes
LINES = 4  # of a failure's text tell it from another

_CRASH = re.compile(r"^(SIG[A-Z0-9]+)\b.* in thread \d+:\n((?: +#\d+ .*\n?)+)", re.MULTILINE)
_HANG = re.compile(r"^thread \d+ \([^)\n]*\)[^\n]*:\n((?: +#\d+ .*\n?)+)", re.MULTILINE)
_FRAME = re.compile(r"^ +#\d+ +([A-Za-z_][\w.]*)", re.MULTILINE)
_OURS = re.compile(r"unpack:|by hand:|artifacts:|again:|last lines of ")
_DISK = re.compile(r"\b(vd|ubd|sd)[a-z]+\b")  # by its place among the others
_NUMBER = re.compile(r"(?<![\w.])(?<!\.[ch]:)(?:0x[0-9a-f]+|\d+)\b")  # but not the line of a source


@dataclass(frozen=True)
class Likeness:
    """The part of a failure's text that others with the same cause have too."""

    kernel: str
    line: str  # for people
    key: str  # equal where failures are alike


def of(kernel: str, text: str) -> Likeness:
    """The likeness of a failure with this text: the place of its crash or hang, or else its first words."""
    crash = _CRASH.search(text)
    frames = _FRAME.findall(crash[2])[:FRAMES] if crash else []
    if crash and frames:
        line = f"{crash[1]} in {frames[0]}" + "".join(f", called by {name}" for name in frames[1:])
        return Likeness(kernel, line, line)
    hang = _HANG.search(text)
    waits = _FRAME.findall(hang[1])[:WAITS] if hang else []
    if waits:
        line = f"a hang in {', called by '.join(waits)}"
        return Likeness(kernel, line, line)
    lines: list[str] = []
    for line in text.strip().splitlines():
        if not line.strip() or _OURS.match(line) or len(lines) == LINES:
            break
        lines.append(line.strip())
    key = _NUMBER.sub("N", _DISK.sub(r"\1X", "\n".join(lines)))
    return Likeness(kernel, lines[0] if lines else "no reason given", key)


def repeated(reports: list[Any]) -> list[tuple[Likeness, list[Any]]]:
    """The groups of more than a few reports that are alike, in the order in which they came."""
    groups: dict[tuple[str, str], tuple[Likeness, list[Any]]] = {}
    for report in reports:
        told = getattr(report, "lkltest_likeness", None)
        if told:
            likeness = Likeness(**told)
            groups.setdefault((likeness.kernel, likeness.key), (likeness, []))[1].append(report)
    return [group for group in groups.values() if len(group[1]) > FEW]
