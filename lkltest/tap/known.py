"""Known failures among the points of a stream."""

from __future__ import annotations

from collections.abc import Iterator

from lkltest.known_failures import Entry, KnownFailures
from lkltest.tap.point import Point
from lkltest.tap.report import Report


def excuse(report: Report, known: KnownFailures, file: str) -> list[tuple[str, Entry]]:
    """Excuse the failed points of a stream that are known; return those that are listed and passed.

    Only a result that came is excused: neither a point that never ended nor a plan that was missed. A point that sums
    a subtest up is known where all failures in it are, and never where one of them is not.
    """
    path = "".join(f"{level} > " for level in (file, report.name) if level)
    passed = list(_excuse_points(report, known, path))
    excused = sum(point.known is not None for point in report.points.beside(lambda run: not run.failed))
    report.counts = report.counts._replace(failed=report.counts.failed - excused, known=excused)
    return passed


def _excuse_points(report: Report, known: KnownFailures, path: str) -> Iterator[tuple[str, Entry]]:
    report.points.unfold(lambda run: not run.failed)
    for point in report.points:
        name = path + point.name
        if isinstance(point.subtest, Report):
            yield from _excuse_points(point.subtest, known, f"{name} > ")
        entry = known.find(name)
        if not point.passed:
            point.known = _reason(point, entry or _of_need(point, known, path))
        elif entry is not None and point.directive not in ("skip", "todo"):
            yield name, entry


def _of_need(point: Point, known: KnownFailures, path: str) -> Entry | None:
    """The entry of the point whose failure kept this one from running."""
    return None if point.need is None else known.find(path + point.need)


def _reason(point: Point, entry: Entry | None) -> str | None:
    """Why the failure of a point is known; None where it is not."""
    inner = [each.known for each in point.points if not each.passed]
    if point.ok is None or None in inner:
        return None
    if entry is not None:
        return entry.reason
    whole = point.subtest is not None and point.subtest.whole
    return inner[0] if inner and whole else None
