"""Reports as JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from lkltest.tap.formats.text import UNEXCUSED
from lkltest.tap.point import Point
from lkltest.tap.report import Report

# What XML 1.0 cannot carry in any form.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(reports: Iterable[tuple[str, Report]]) -> Iterator[str]:
    """Yield the document in pieces; `reports` are (file, report).

    Each stream is a suite, each innermost point a case. What no point stands for, such as a missed plan or a bail-out,
    is the case `stream`, so that a stream which failed never shows as a suite that passed.
    """
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="lkltest tap">\n'
    for file, report in reports:
        name = report.name or file
        cases = list(_cases(report, name))
        failures = sum("<failure" in case for case in cases)
        skipped = sum("<skipped" in case for case in cases)
        yield (
            f'<testsuite name={_attribute(name)} tests="{len(cases)}" failures="{failures}" errors="0" '
            f'skipped="{skipped}">\n'
        )
        yield from cases
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def _cases(report: Report, path: str) -> Iterator[str]:
    for point in report.points:
        yield from _point_cases(point, path)
    if report.skip_all is not None and report.passed:
        yield _case(path, "stream", None, f"<skipped message={_attribute(report.skip_all)}/>")
    bad = report.counts.failed or report.counts.unfinished
    if not report.passed and not (bad and report.met and report.bail_out is None):
        reasons = [f"line {problem.line}: {problem.message}" for problem in report.problems]
        if report.bail_out is not None:
            reasons.insert(0, f"Bail out! {report.bail_out}")
        message = reasons[0] if reasons else "the stream did not pass"
        yield _case(path, "stream", None, _failure(message, "\n".join([*reasons, report.output])))


def _point_cases(point: Point, path: str, excuse: str | None = None) -> Iterator[str]:
    """The innermost cases of a point; `excuse`: why a failure is none, as the outer line of a subtest decides."""
    name = point.name or f"{point.number}"
    below = excuse
    if below is None and point.passed:
        below = f"TODO {point.reason}" if point.directive == "todo" else f"not ok, but {name} is ok"
    for child in point.points:
        yield from _point_cases(child, f"{path}.{name}", below)
    # A parent is a case of its own only where it says more than its children.
    if not point.subtest or (not point.passed and all(child.passed for child in point.points)):
        yield _case(path, name, point.duration, _outcome(point, excuse))


def _outcome(point: Point, excuse: str | None) -> str:
    detail = "\n".join([*point.comments, point.raw_diagnostics or "", point.output]).strip("\n")
    if not point.passed and excuse is not None:
        return f"<skipped message={_attribute(excuse.strip())}>{_text(detail)}</skipped>"
    if not point.passed:
        if point.directive == "skip":
            detail = f"{UNEXCUSED}\n{detail}"
        return _failure("never ended" if point.ok is None else "not ok", detail)
    if point.directive in ("skip", "todo"):
        reason = f"TODO {point.reason}" if point.directive == "todo" else point.reason or ""
        return f"<skipped message={_attribute(reason.strip())}/>"
    return f"<system-out>{_text(detail)}</system-out>" if detail else ""


def _case(path: str, name: str, time: float | None, inside: str) -> str:
    took = "" if time is None else f' time="{time:.6f}"'
    return f"<testcase classname={_attribute(path)} name={_attribute(name)}{took}>{inside}</testcase>\n"


def _failure(message: str, detail: str) -> str:
    return f"<failure message={_attribute(message)}>{_text(detail)}</failure>"


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub(_shown, text))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub(_shown, text))


def _shown(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]
