"""TAP written: the counterpart of the parser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lkltest.tap.point import Point


def write(points: Iterable[Point], *, plan: int | None, skip_all: str | None = None) -> Iterator[bytes]:
    """Yield the lines of a TAP 14 stream; `plan` is printed first, unless it is None.

    Descriptions and reasons must be without line ends, the YAML of a block without its marks.
    """
    yield b"TAP version 14\n"
    yield from _document(points, plan, skip_all, b"")


def _document(points: Iterable[Point], plan: int | None, skip_all: str | None, indent: bytes) -> Iterator[bytes]:
    if plan is not None:
        reason = b" # SKIP " + _escape(skip_all) if skip_all else b""
        yield b"%s1..%d%s\n" % (indent, plan, reason)
    for point in points:
        yield from _point(point, indent)


def _point(point: Point, indent: bytes) -> Iterator[bytes]:
    if point.subtest:
        named = b": " + point.description.encode() if point.description else b""
        yield indent + b"# Subtest" + named + b"\n"
        subtest = point.subtest
        yield from _document(subtest.points, subtest.plan, subtest.skip_all, indent + b"    ")
    line = indent + (b"ok" if point.ok else b"not ok")
    line += b"" if point.number is None else b" %d" % point.number
    line += b" - " + _escape(point.description) if point.description else b""
    if point.directive:
        line += b" # " + point.directive.upper().encode() + (b" " + _escape(point.reason) if point.reason else b"")
    yield line + b"\n"
    for comment in point.comments:
        yield indent + b"# " + comment.encode() + b"\n"
    if point.raw_block is not None:
        yield indent + b"  ---\n"
        for line in point.raw_block.split(b"\n")[:-1]:
            yield indent + b"  " + line + b"\n"
        yield indent + b"  ...\n"


def _escape(text: str) -> bytes:
    return text.replace("\\", "\\\\").replace("#", "\\#").encode()
