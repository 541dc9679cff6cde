"""Reports as KTAP, version 1, whatever dialect they were read in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lkltest import expressions
from lkltest.tap.formats.text import show
from lkltest.tap.point import Point
from lkltest.tap.report import Report

VERSION = "KTAP version 1"
STEP = "    "
DIRECTIVES = frozenset({"skip", "todo", "xfail", "timeout", "error"})
# Comments that a reader takes for more than that: they get a bar in front, and a result in them one in the middle.
MEANT = expressions.compile(
    r"^\s*(?:[#[*]|\d+\.\.\d|Subtest\b|selftests?:|running \d|Bail out|pragma\b|module:)|K?TAP version|ok +\d",
    re.IGNORECASE,
)
RESULT = expressions.compile(r"ok(?= +\d)", re.IGNORECASE)
# A hash that would begin a directive, or stands where the line's own begins.
HASH = expressions.compile(r"#(?=[\s#]*(?:skip|todo|xfail|timeout|error|$))", re.IGNORECASE)


class _Line(NamedTuple):
    """One test line to write."""

    ok: bool
    name: str
    directive: str = ""
    reason: str = ""


def write(reports: Sequence[tuple[str, Report]]) -> Iterator[str]:
    """Yield the lines of a document; `reports` are (file, report).

    The points of a single stream are at its top; of several streams, each is a point with a subtest. Points are
    numbered anew. What no point stands for, such as a missed plan or a bail-out, is a failed point `stream`, so that
    the document passes only where the streams do.
    """
    yield f"{VERSION}\n"
    if len(reports) == 1:
        yield from _document(reports[0][1], "")
        return
    yield f"1..{len(reports)}\n"
    for number, (file, report) in enumerate(reports, 1):
        name = f"{file}: {report.name}" if report.name else file
        yield f"{STEP}{VERSION}\n{STEP}# Subtest: {_name(name)}\n"
        yield from _document(report, STEP)
        yield f"{_render(number, _Line(report.passed, name))}\n"


def _document(report: Report, indent: str) -> Iterator[str]:
    """The plan and the points of a stream, and what no point stands for."""
    own = list(_of_stream(report))
    yield f"{indent}1..{len(report.points) + len(own)}\n"
    number = 0
    for number, point in enumerate(report.points, 1):
        yield from _point(number, point, indent, excused=False)
    for line, told in own:
        number += 1
        yield from _comments(told, indent)
        yield f"{indent}{_render(number, line)}\n"


def _of_stream(report: Report) -> Iterator[tuple[_Line, Iterable[str]]]:
    """The point `stream`, with what it is about, where the points alone would tell another verdict, or none."""
    if report.passed and not len(report.points):
        yield _Line(True, "stream", "skip", report.skip_all or ""), ()
    bad = report.counts.failed or report.counts.unfinished
    if not report.passed and not (bad and report.met and report.bail_out is None):
        reasons = [f"Bail out! {report.bail_out}"] if report.bail_out is not None else []
        reasons += [f"line {problem.line}: {problem.message}" for problem in report.problems]
        yield _Line(False, "stream"), [*reasons, *report.output.splitlines()]


def _point(number: int, point: Point, indent: str, *, excused: bool) -> Iterator[str]:
    """The lines of a point; a failure inside one that passes fails nothing (`excused`)."""
    inner = list(point.points)
    if inner:
        yield f"{indent}{STEP}{VERSION}\n{indent}{STEP}# Subtest: {_name(point.description)}\n"
        yield f"{indent}{STEP}1..{len(inner)}\n"
        for place, child in enumerate(inner, 1):
            yield from _point(place, child, indent + STEP, excused=excused or point.passed)
    yield from _comments(_told(point), indent)
    yield f"{indent}{_render(number, _line(point, excused=excused))}\n"


def _line(point: Point, *, excused: bool) -> _Line:
    """The test line of a point."""
    name, reason = point.description, point.reason or ""
    if point.known is not None:
        return _Line(False, name, "todo", f"known: {point.known}")
    if not point.passed and excused:
        return _Line(False, name, "todo", "the point that sums it up is ok")
    if point.ok is None:
        return _Line(False, name, "error", "never ended")
    if not point.passed:
        directive = point.directive if point.directive in {"timeout", "error"} else ""
        return _Line(False, name, directive or "", reason)
    directive = point.directive if point.directive in DIRECTIVES else ""
    return _Line(bool(point.ok), name, directive or "", reason)


def _told(point: Point) -> Iterator[str]:
    """The comments of a point, its YAML block, and of a failed one what came beside it."""
    yield from point.comments
    if point.raw_diagnostics:
        yield from point.raw_diagnostics.splitlines()
    yield from point.output.splitlines()


def _comments(lines: Iterable[str], indent: str) -> Iterator[str]:
    for line in lines:
        text = show(line.rstrip())
        text = f"| {RESULT.sub('ok |', text)}" if MEANT.search(text) else text
        yield f"{indent}# {text}".rstrip() + "\n"


def _render(number: int, line: _Line) -> str:
    directive = f" # {line.directive.upper()} {_plain(line.reason)}".rstrip() if line.directive else ""
    return f"{'ok' if line.ok else 'not ok'} {number} {_name(line.name)}".rstrip() + directive


def _name(text: str) -> str:
    """A description in which no directive can be read."""
    return HASH.sub("", _plain(text)).strip()


def _plain(text: str) -> str:
    return show(text).strip()
