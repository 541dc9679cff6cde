"""The events that the parser gives while it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat, tee
from typing import NamedTuple, overload

from lkltest.tap.point import Point, Run
from lkltest.tap.problem import Problem
from lkltest.tap.report import Report


class StreamStarted(NamedTuple):
    """A stream begins; the report fills as it is read."""

    report: Report
    line: int


class VersionSeen(NamedTuple):
    """A version line; `version` is None for one too large."""

    version: int | None
    line: int


class PlanSeen(NamedTuple):
    """A plan; `plan` is None for one too large, `depth` counts the subtests around it."""

    plan: int | None
    line: int
    depth: int = 0


class PointStarted(NamedTuple):
    """A point was announced: `* 3 join` of LKL, or our harness's `# running 3 join`."""

    number: int
    description: str
    line: int


class PointSeen(NamedTuple):
    """A test line has come, or a point that was announced is known never to end; diagnostics may follow."""

    point: Point
    depth: int = 0


class PointComplete(NamedTuple):
    """The point has all that belongs to it."""

    point: Point
    depth: int = 0


class CommentSeen(NamedTuple):
    """A comment, without its #."""

    text: str
    line: int


class BailedOut(NamedTuple):
    """A bail-out."""

    reason: str
    line: int


class ProblemSeen(NamedTuple):
    """A problem of the stream; those of invalid YAML are known only when the block is read, see `Report.problems`."""

    problem: Problem


class UnknownSeen(NamedTuple):
    """A line that is not TAP."""

    text: str
    line: int


class StreamEnded(NamedTuple):
    """A stream has ended: its verdict is known."""

    report: Report
    line: int


# Each value that `Parser.feed` gives.
Event = (
    StreamStarted
    | VersionSeen
    | PlanSeen
    | PointStarted
    | PointSeen
    | PointComplete
    | CommentSeen
    | BailedOut
    | ProblemSeen
    | UnknownSeen
    | StreamEnded
)


def _whole(points: Iterator[Point]) -> Iterator[Event]:
    """`PointSeen` and `PointComplete` of each point, made as fast as Python can.

    Each is made when it is read: the garbage collector then has nothing to look through.
    """
    make = tuple.__new__  # what a NamedTuple's own constructor ends in
    first, second = tee(points)
    seen = map(make, repeat(PointSeen), zip(first, repeat(0)))
    complete = map(make, repeat(PointComplete), zip(second, repeat(0)))
    return chain.from_iterable(zip(seen, complete, strict=True))


class Events(Sequence[Event]):
    """Events of a piece of the input; those of plain points are made whenever they are read, not all at once."""

    __slots__ = ("_others", "_runs")

    def __init__(self, others: list[Event], runs: list[tuple[int, Run]]) -> None:
        self._others = others
        self._runs = runs  # of plain points, each with the number of the others that come before it

    def __iter__(self) -> Iterator[Event]:
        return chain.from_iterable(self._parts())

    def _parts(self) -> Iterator[Iterable[Event]]:
        at = 0
        for position, run in self._runs:
            yield self._others[at:position]
            yield _whole(run.points())
            at = position
        yield self._others[at:]

    def __len__(self) -> int:
        return len(self._others) + 2 * sum(run.count for _, run in self._runs)

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        return list(self)[index]

    def __add__(self, others: Iterable[Event]) -> list[Event]:
        return [*self, *others]

    def __radd__(self, others: Iterable[Event]) -> list[Event]:
        return [*others, *self]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Events | list) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))
