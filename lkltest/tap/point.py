"""Test points."""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, count, repeat
from types import MappingProxyType
from typing import NamedTuple, Protocol, Self, overload

from lkltest import expressions
from lkltest.tap import fields
from lkltest.tap.diagnostics import Read, read, read_log
from lkltest.tap.grammar import describe, text

COMMENT_BYTES = 1 << 18  # of the comments of one point, the latest are kept

_O = ord("o")
_NOTHING: Mapping[str, object] = MappingProxyType({})


class Subtest(Protocol):
    """The document inside a point, a Report: the part of it that a point's readers need."""

    points: Points
    plan: int | None
    skip_all: str | None
    attributes: dict[str, str]

    @property
    def whole(self) -> bool:
        """Whether it is complete, whatever its results."""


class Comments:
    """The last lines of a run of comments, so that endless ones need bounded memory."""

    __slots__ = ("_lines", "_size", "left_out")

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._size = 0
        self.left_out = 0

    def append(self, line: bytes) -> None:
        """Keep one more comment, and let go of the oldest where there are too many."""
        self._lines.append(line)
        self._size += len(line) + 64
        while self._size > COMMENT_BYTES and len(self._lines) > 1:
            self._size -= len(self._lines.popleft()) + 64
            self.left_out += 1

    def texts(self) -> list[str]:
        """Decode them; the first says how many were left out."""
        note = [f"({self.left_out} earlier comments left out)"] if self.left_out else []
        return note + [text(line) for line in self._lines]

    def lines(self) -> list[bytes]:
        """The lines as they are kept."""
        return list(self._lines)

    def clear(self) -> None:
        """Forget them all."""
        if self._lines:
            self._lines.clear()
            self._size = self.left_out = 0

    def __len__(self) -> int:
        return len(self._lines)


class _TestLine(NamedTuple):
    """A test line: this much of a point never changes, and can be made by the thousand."""

    number: int | None  # as printed, or the running count; None for one too large to be a number
    ok: bool | None  # as printed; None: it was announced and never ended
    line: int  # of the stream, from 1
    raw: bytes  # as it came


class Point(_TestLine):
    """One test point, with all that belongs to it.

    Comments, block and subtest can still come between the parser's `PointSeen` and its `PointComplete`.
    """

    directive: str | None = None  # "skip", "todo", in KTAP also "xfail", "timeout", "error"
    reason: str | None = None  # the directive's
    excused = False  # the directive excuses a failure
    raw_block: bytes | None = None  # the YAML block, without its marks and indentation
    log_is_text = False  # the block is LKL's
    subtest: Subtest | None = None
    known: str | None = None  # of a point that failed, and is listed as a known failure: why
    output = ""  # of a point that failed or never ended: the last lines before it that were not TAP
    _name: str | None = None
    _comments: Comments | None = None
    _read: Read | None = None

    def __new__(cls, number: int | None, ok: bool | None, name: str, line: int, raw: bytes = b"") -> Self:
        """Make a point with a name that was read."""
        point = super().__new__(cls, number, ok, line, raw)
        point._name = name
        return point

    @staticmethod
    def plain(
        numbers: Iterable[int], oks: Iterable[bool], lines: Iterable[int], raws: Iterable[bytes]
    ) -> Iterator[Point]:
        """Make points of lines without a directive, as fast as Python can: their names are read when asked for."""
        make: Callable[..., Point] = tuple.__new__  # the constructor above ends in it
        return map(make, repeat(Point), zip(numbers, oks, lines, raws))  # noqa: B905  # the shortest ends it

    @property
    def passed(self) -> bool:
        """Whether it passed, with the directive considered."""
        return self.ok is True or self.excused

    @property
    def description(self) -> str:
        """Its name, without the dash before it; decoded when it is first asked for."""
        if self._name is None:
            after = self.raw.partition(b"ok ")[2].partition(b" ")[2]
            self._name = text(describe(after))
        return self._name

    def rename(self, description: str) -> None:
        """Correct the description."""
        self._name = description

    @property
    def name(self) -> str:
        """The description without a duration at its end, so that it is the same in each run."""
        return fields.split_duration(self.description)[0]

    @property
    def duration(self) -> float | None:
        """The seconds that its description or its YAML block says."""
        found = fields.split_duration(self.description)[1]
        return fields.duration(self.diagnostics) if found is None else found

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes by kunit: the speed of a test, the module of a suite."""
        suite = self.subtest.attributes if self.subtest else {}
        return {**suite, **(fields.test_attributes(self.comments, self.name) if self._comments else {})}

    @property
    def comments(self) -> list[str]:
        """The comments that belong to it, without their #."""
        return self._comments.texts() if self._comments else []

    @property
    def points(self) -> Sequence[Point]:
        """The points of its subtest."""
        return self.subtest.points if self.subtest else ()

    @property
    def raw_diagnostics(self) -> str | None:
        """The text of its YAML block, without marks and indentation; None where it has none."""
        return None if self.raw_block is None else text(self.raw_block)

    @property
    def document(self) -> object:
        """The value of the YAML block, of any type; None where there is none, or none that can be read."""
        return self._parse().value

    @property
    def diagnostics(self) -> Mapping[str, object]:
        """The value of the YAML block, if it is a mapping; otherwise an empty one."""
        found = (self._read or self._parse()).value
        return found if isinstance(found, dict) else _NOTHING

    @property
    def need(self) -> str | None:
        """The name of the point whose failure kept this one of our harness's from running; None for any other."""
        need = self.diagnostics.get("not_reached") if self.raw_block and not self.passed else None
        return need if isinstance(need, str) else None

    @property
    def yaml_error(self) -> str | None:
        """Why the block is not valid YAML."""
        return self._parse().error

    def _parse(self) -> Read:
        found = self._read
        if found is None:
            if self.raw_block is None:
                return Read(None)
            found = self._read = (read_log if self.log_is_text else read)(self.raw_block)
        return found

    def comment(self, line: bytes) -> None:
        """Add a comment."""
        if self._comments is None:
            self._comments = Comments()
        self._comments.append(line)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Point):
            return NotImplemented
        return self._key() == other._key()

    __hash__ = None  # type: ignore[assignment]  # it grows until it is complete

    def _key(self) -> tuple[object, ...]:
        return (
            *(self.number, self.ok, self.description, self.line, self.raw, self.directive, self.reason, self.passed),
            *(self.raw_block, self.output, self.comments, list(self.points)),
        )

    def __repr__(self) -> str:
        return f"Point({self.number!r}, {self.ok!r}, {self.description!r}, line={self.line})"


BLOCK_OPENS, BLOCK_ENDS = b"\n  ---\n", b"\n  ...\n"


@functools.cache
def plain_points() -> re.Pattern[bytes]:
    """Match as many points as need no closer look: without directive, with a well-formed YAML block or none."""
    return expressions.compile(
        rb"(?:(?:not )?+ok [1-9]\d{0,8}+(?: [^\n\r#\\\[{]*+)?+\n"
        rb"(?:  ---\n(?:  (?!\.\.\.\n)[^\n\r]*+\n)++  \.\.\.\n)?+)*+"
    )


class Run:
    """Points in their printed form: as long as nobody asks for them, they need no more memory than their text."""

    __slots__ = ("count", "data", "failed", "first", "line", "lines")

    def __init__(self, data: bytes, first: int, count: int, line: int) -> None:
        self.data = data
        self.first = first  # the number of its first point; those of the others follow
        self.count = count
        self.failed = data.count(b"\nnot ok ") + data.startswith(b"not ")
        self.line = line  # of its first point
        self.lines = data.count(b"\n")

    @property
    def bare(self) -> bool:
        """Whether none of its points has a block."""
        return self.lines == self.count

    def points(self) -> Iterator[Point]:
        """Make the points."""
        if self.bare and not self.failed:
            return Point.plain(count(self.first), repeat(True), count(self.line), self.data[:-1].split(b"\n"))
        return self._points()

    def _points(self) -> Iterator[Point]:
        # The indentation of all blocks at once: no line outside of them has any, nor begins with their marks.
        pieces = self.data.removesuffix(b"\n").replace(b"\n  ", b"\n").split(b"\n...\n")
        parts = [piece.removesuffix(b"\n...").partition(b"\n---\n") for piece in pieces]
        if len(parts) != self.count:
            parts = [each for part in parts for each in _split_heads(*part)]
        raws = [raw for raw, _, _ in parts]
        lines = accumulate([body.count(b"\n") + 4 if mark else 1 for _, mark, body in parts], initial=self.line)
        oks = [raw[0] == _O for raw in raws] if self.failed else repeat(True)
        points = list(Point.plain(count(self.first), oks, lines, raws))
        for point, (_, mark, body) in zip(points, parts, strict=True):
            if mark:
                point.raw_block = body + b"\n"
        return iter(points)


def _split_heads(heads: bytes, mark: bytes, body: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Split test lines, of which the last has a block."""
    *bare, head = heads.split(b"\n")
    yield from ((each, b"", b"") for each in bare)
    yield head, mark, body


class Points(Sequence[Point]):
    """The points of a document, in the order in which they came."""

    __slots__ = ("_last", "_parts", "_starts", "_total")

    def __init__(self) -> None:
        self._parts: list[Point | Run] = []
        self._starts: list[int] = []
        self._total = 0
        self._last: tuple[int, list[Point]] = (-1, [])

    def append(self, part: Point | Run) -> None:
        """Add a point, or many."""
        self._parts.append(part)
        self._starts.append(self._total)
        self._total += part.count if isinstance(part, Run) else 1

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[Point]:
        for part in self._parts:
            if isinstance(part, Run):
                yield from part.points()
            else:
                yield part

    def unfold(self, dull: Callable[[Run], bool]) -> None:
        """Make points of the runs that are not `dull`, so that what is noted on them stays."""
        parts, self._parts, self._starts, self._total, self._last = self._parts, [], [], 0, (-1, [])
        for part in parts:
            for each in [part] if isinstance(part, Point) or dull(part) else part.points():
                self.append(each)

    def parts(self) -> Iterator[Point | Run]:
        """The points, many at once where they are in their printed form."""
        return iter(self._parts)

    def beside(self, dull: Callable[[Run], bool]) -> Iterator[Point]:
        """All points but those of runs that are `dull`: most of a million need no look."""
        for part in self._parts:
            if isinstance(part, Point):
                yield part
            elif not dull(part):
                yield from part.points()

    @overload
    def __getitem__(self, index: int) -> Point: ...

    @overload
    def __getitem__(self, index: slice) -> list[Point]: ...

    def __getitem__(self, index: int | slice) -> Point | list[Point]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._total))]
        if index < 0:
            index += self._total
        if not 0 <= index < self._total:
            raise IndexError(index)
        at = bisect_right(self._starts, index) - 1
        part = self._parts[at]
        if isinstance(part, Point):
            return part
        if self._last[0] != at:
            self._last = (at, list(part.points()))
        return self._last[1][index - self._starts[at]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Points) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Points({list(self)!r})"
