"""A session as its report sees it: kernels, items, and the causes of failures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

FAILED, ERROR = "failed", "error"
BAD = frozenset({FAILED, ERROR})
ORDER = (FAILED, ERROR, "xpassed", "xfailed", "skipped", "passed")  # the worst first

CHECK = re.compile(r"^(\S[^:\n]*\.(?:c|h|py)):(\d+): ", re.MULTILINE)  # the place of a check in a message


@dataclass(frozen=True)
class Item:
    """The outcome of one item: of a test point on a kernel, or of another test."""

    point: str  # the item's id without its kernel
    kernel: str  # empty for a test that has none
    outcome: str  # as pytest counts it: passed, failed, error, skipped, xfailed, xpassed
    seconds: float
    text: str = ""  # the message of a failure, the reason of a skip
    log: str = ""  # output of the point, and the kernel's console during it
    cause: str = ""  # one sentence that items with the same cause share

    @property
    def bad(self) -> bool:
        """Whether it makes the session fail."""
        return self.outcome in BAD

    @property
    def file(self) -> str:
        """The test file that it is in."""
        return self.point.partition("::")[0]

    @property
    def place(self) -> tuple[str, int] | None:
        """The source file and the line of the check that failed; None where the message names none."""
        found = CHECK.search(self.text) if self.bad else None
        return (found[1], int(found[2])) if found else None


@dataclass(frozen=True)
class Cause:
    """One cause of failures, with all the items that fail for it."""

    title: str
    items: tuple[Item, ...]

    @property
    def text(self) -> str:
        """All that is known of it: the longest message of its items."""
        return max((item.text for item in self.items), key=len)


@dataclass(frozen=True)
class Finding:
    """A failure that a property's test has found, with its files."""

    title: str
    name: str  # the same for the same failure
    place: str  # the directory of its files
    files: tuple[str, ...]  # their names
    item: str  # the item that found it


@dataclass(frozen=True)
class Session:
    """All that the report tells of a session."""

    title: str
    started: float  # seconds since 1970
    seconds: float
    kernels: Mapping[str, str]  # name -> description, in the order in which the user named them
    items: tuple[Item, ...]
    coverage: tuple[tuple[str, int, int], ...] = ()  # directory, lines, lines that were reached
    notes: tuple[str, ...] = field(default=())  # "artifacts: ..."
    findings: tuple[Finding, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of items by outcome, the worst outcome first."""
        found = Counter(item.outcome for item in self.items)
        return {outcome: found[outcome] for outcome in ORDER if found[outcome]}

    @property
    def causes(self) -> list[Cause]:
        """The causes of all failures, in the order in which they came."""
        groups: dict[tuple[str, str], list[Item]] = {}
        for item in self.items:
            if item.bad:
                title = item.cause or first_line(item.text) or item.point
                # Another kernel that was lost in the same words has a text of its own.
                groups.setdefault((title, item.kernel if item.cause else ""), []).append(item)
        return [Cause(title, tuple(items)) for (title, _), items in groups.items()]

    @property
    def points(self) -> dict[str, dict[str, Item]]:
        """The items by point, then by kernel: the rows of the matrix."""
        rows: dict[str, dict[str, Item]] = {}
        for item in self.items:
            rows.setdefault(item.point, {})[item.kernel] = item
        return rows

    @property
    def columns(self) -> list[str]:
        """The kernels of the matrix: those of the session, then "" where a test has none."""
        seen = {item.kernel for item in self.items}
        named = [kernel for kernel in self.kernels if kernel in seen]
        return [*named, *sorted(seen - set(named), reverse=True)]

    def slowest(self, number: int) -> list[Item]:
        """The items that took longest."""
        return sorted(self.items, key=lambda item: -item.seconds)[:number]


def first_line(text: str) -> str:
    """The first line of a text that has any."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def latest(items: Iterable[Item]) -> tuple[Item, ...]:
    """One item for each id and kernel: of several reports the worst, of equal ones the last."""
    found: dict[tuple[str, str], Item] = {}
    for item in items:
        key = (item.point, item.kernel)
        earlier = found.get(key)
        if earlier is None or rank(item.outcome) <= rank(earlier.outcome):
            found[key] = item
    return tuple(found.values())


def rank(outcome: str) -> int:
    """The place of an outcome among all of them, the worst first."""
    return ORDER.index(outcome) if outcome in ORDER else 0
