"""What the parser says while it reads."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from typing import NamedTuple

from lkltest.tap.point import Point
from lkltest.tap.report import Problem, Report


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


def whole(points: list[Point]) -> Iterator[Event]:
    """`PointSeen` and `PointComplete` of each point, made as fast as Python can."""
    make = tuple.__new__  # what a NamedTuple's own constructor ends in
    seen = map(make, repeat(PointSeen), zip(points, repeat(0)))
    complete = map(make, repeat(PointComplete), zip(points, repeat(0)))
    return chain.from_iterable(zip(seen, complete, strict=True))


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
