"""Reports as JSON, in the schema of docs/tap.md."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator

from lkltest.tap.formats import plain_run
from lkltest.tap.point import Point
from lkltest.tap.problem import Problem
from lkltest.tap.report import Report

SCHEMA = 1

Json = dict[str, object]


def write(reports: Iterable[tuple[str, Report]], known: Json | None = None) -> Iterator[str]:
    """Yield the document in pieces, so that a million points need no second copy; `reports` are (file, report).

    `known` is the entry on the list of known failures, where one was given.
    """
    yield f'{{"schema": {SCHEMA}, "streams": ['
    for number, (file, report) in enumerate(reports):
        yield ", " if number else ""
        head = json.dumps(describe(report, file))
        before, after = head.split('"points": null', 1)
        yield f'{before}"points": ['
        for count, text in enumerate(_points(report)):
            yield ",\n" if count else "\n"
            yield text
        yield f"]{after}"
    yield "]" if known is None else f'], "known": {json.dumps(known)}'
    yield "}\n"


def _points(report: Report) -> Iterator[str]:
    """The objects of a stream's points, one or many at once."""
    for part in report.points.parts():
        if isinstance(part, Point):
            yield json.dumps(describe_point(part))
        elif plain_run.is_plain(part):
            yield from plain_run.write(part)
        else:
            yield from (json.dumps(describe_point(point)) for point in part.points())


def describe(report: Report, file: str) -> Json:
    """A stream's object; its points are left to `describe_point`."""
    return {
        "file": file,
        "line": report.line,
        "name": report.name,
        "dialect": report.dialect.value if report.started else None,
        "version": report.version,
        "plan": report.plan,
        "skip_all": report.skip_all,
        "points": None,
        "bail_out": report.bail_out,
        "passed": report.passed,
        "counts": report.counts._asdict(),
        "problems": [describe_problem(problem) for problem in report.problems],
        "comments": report.comments,
        "output": report.output or None,
    }


def describe_point(point: Point) -> Json:
    """A point's object."""
    found: Json = {
        "number": point.number,
        "ok": point.ok,
        "description": point.description,
        "directive": point.directive,
        "reason": point.reason,
        "passed": point.passed,
        "diagnostics": plain(point.document),
        "raw_diagnostics": point.raw_diagnostics,
        "duration": point.duration,
        "comments": point.comments,
        "points": [describe_point(each) for each in point.points],
        "line": point.line,
    }
    if attributes := point.attributes:
        found["attributes"] = attributes
    if point.known is not None:
        found["known"] = point.known
    if point.subtest:
        found["plan"] = point.subtest.plan
    if point.output:
        found["output"] = point.output
    return found


def describe_problem(problem: Problem) -> Json:
    """A problem's object."""
    return {"line": problem.line, "kind": problem.kind, "message": problem.message}


def plain(value: object) -> object:
    """Values of YAML that JSON does not have, as text: dates, bytes, keys that are no strings, infinities."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, set):
        return sorted(str(each) for each in value)
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
