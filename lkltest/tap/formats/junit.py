"""Reports as JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from lkltest import expressions
from lkltest.tap.formats.text import UNEXCUSED
from lkltest.tap.point import Point
from lkltest.tap.report import Report

# The characters that XML 1.0 cannot carry in any form.
_FORBIDDEN = expressions.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(reports: Iterable[tuple[str, Report]]) -> Iterator[str]:
    """Yield the document in pieces; `reports` are (file, report).

    Each stream is a suite, each innermost point a case. What no point stands for, such as a missed plan or a bail-out,
    is the case `stream`, so that a stream which failed never shows as a suite that passed. Elements stand where the
    schemas of Jenkins's xUnit plugin and of JUnit have them: properties are the suite's, and times have three decimals.
    """
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="lkltest tap">\n'
    names: dict[str, _Names] = {}  # of each file
    owners: dict[str, str] = {}  # of the names of suites: the file that has it
    for file, report in reports:
        name = report.name or file
        if owners.setdefault(name, file) != file:
            name = f"{file}: {name}"
        suite = _Suite(name, names.setdefault(file, _Names()))
        suite.add(report)
        yield from suite.write(report)
    yield "</testsuites>\n"


class _Names:
    """Names of the cases of a file, each of its own, and the same in each run that has the same points."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """The name, with a number where it has come before."""
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return name if count == 1 else self.unique(f"{name} #{count}")


class _Suite:
    """The cases of a stream."""

    def __init__(self, name: str, names: _Names) -> None:
        self.name = name
        self.names = names
        self.cases: list[str] = []
        self.properties: list[tuple[str, str]] = []

    def add(self, report: Report) -> None:
        """Take in the points of a stream, and what no point stands for."""
        for point in report.points:
            self._add_point(point, "")
        if report.skip_all is not None and report.passed:
            self._add(self.names.unique("stream"), None, f"<skipped message={_attribute(report.skip_all)}/>")
        bad = report.counts.failed or report.counts.unfinished
        if not report.passed and not (bad and report.met and report.bail_out is None):
            reasons = [f"line {problem.line}: {problem.message}" for problem in report.problems]
            if report.bail_out is not None:
                reasons.insert(0, f"Bail out! {report.bail_out}")
            message = reasons[0] if reasons else "the stream did not pass"
            self._add(self.names.unique("stream"), None, _failure(message, "\n".join([*reasons, report.output])))

    def _add_point(self, point: Point, path: str, excuse: str | None = None) -> None:
        """Add the innermost points of a point.

        `path` is the names of the points around it; `excuse`: why a failure is none, as the outer line of a subtest
        decides.
        """
        full = self.names.unique(path + (point.name or "(no name)"))
        below = excuse
        if below is None and point.passed:
            ok = f"not ok, but {point.name or point.number} is ok"
            below = f"TODO {point.reason}" if point.directive == "todo" else ok
        for child in point.points:
            self._add_point(child, f"{full} > ", below)
        self.properties += [(f"{full}: {key}", value) for key, value in _properties(point).items()]
        # A parent is a case of its own only where it says more than its children.
        if not point.subtest or (not point.passed and all(child.passed for child in point.points)):
            self._add(full, point.duration, _outcome(point, excuse))

    def _add(self, name: str, time: float | None, inside: str) -> None:
        took = "" if time is None else f' time="{time:.3f}"'
        names = f"classname={_attribute(self.name)} name={_attribute(name)}"
        self.cases.append(f"<testcase {names}{took}>{inside}</testcase>\n")

    def write(self, report: Report) -> Iterator[str]:
        """Yield the suite in pieces."""
        failures = sum("<failure" in case for case in self.cases)
        skipped = sum("<skipped" in case for case in self.cases)
        yield (
            f'<testsuite name={_attribute(self.name)} tests="{len(self.cases)}" failures="{failures}" errors="0" '
            f'skipped="{skipped}">\n'
        )
        if report.started:
            yield "<properties>\n"
            for key, value in [("dialect", report.dialect.value), *self.properties]:
                yield f"<property name={_attribute(key)} value={_attribute(value)}/>\n"
            yield "</properties>\n"
        yield from self.cases
        yield "</testsuite>\n"


def _properties(point: Point) -> dict[str, str]:
    """The properties of a point: kunit's attributes, the properties of our own programs' points."""
    told = point.diagnostics.get("properties") if point.raw_block is not None else None
    own = {str(key): str(value) for key, value in told.items()} if isinstance(told, dict) else {}
    return {**point.attributes, **own}


def _outcome(point: Point, excuse: str | None) -> str:
    detail = "\n".join([*point.comments, point.raw_diagnostics or "", point.output]).strip("\n")
    if not point.passed and excuse is not None:
        return f"<skipped message={_attribute(excuse.strip())}>{_text(detail)}</skipped>"
    if point.known is not None:
        return f"<skipped message={_attribute(f'known: {point.known}')}>{_text(detail)}</skipped>"
    if not point.passed:
        if point.directive == "skip":
            detail = f"{UNEXCUSED}\n{detail}"
        return _failure("never ended" if point.ok is None else "not ok", detail)
    if point.directive in ("skip", "todo"):
        reason = f"TODO {point.reason}" if point.directive == "todo" else point.reason or ""
        return f"<skipped message={_attribute(reason.strip())}/>"
    return f"<system-out>{_text(detail)}</system-out>" if detail else ""


def _failure(message: str, detail: str) -> str:
    return f"<failure message={_attribute(message)}>{_text(detail)}</failure>"


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub(_shown, text))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub(_shown, text))


def _shown(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]
