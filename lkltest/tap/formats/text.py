"""Reports as text for people."""

from __future__ import annotations

from collections.abc import Iterator

from lkltest.tap.dialect import Dialect
from lkltest.tap.point import Point, Subtest
from lkltest.tap.report import Report

SHOWN_LINES = 40  # of a failure's diagnostics, and of its output: the last ones
SHOWN_FAILURES = 100
SHOWN_PROBLEMS = 20

UNEXCUSED = "`not ok # SKIP` fails in this dialect; if its producer (such as bats or cmocka) skips so: --excuse-skips"

_TITLES = {
    Dialect.TAP12: "TAP 12",
    Dialect.TAP13: "TAP 13",
    Dialect.TAP14: "TAP 14",
    Dialect.KTAP: "KTAP",
    Dialect.LKL: "LKL",
}


def headline(point: Point) -> str:
    """Describe a point in one line: "FAILED        2 getpid"."""
    word = _word(point)
    number = "" if point.number is None else str(point.number)
    told = show(point.known) if point.known is not None else _directive(point, word) if point.directive else ""
    reason = f"  ({told})" if told else ""
    return f"{word:<11} {number:>4} {show(point.description)}{reason}"


def _word(point: Point) -> str:
    if point.ok is None:
        return "NEVER ENDED"
    if not point.passed:
        return "FAILED" if point.known is None else "known"
    return point.directive if point.directive in ("skip", "todo") else "ok"


def _directive(point: Point, word: str) -> str:
    name = "" if point.directive == word else (point.directive or "").upper()
    return f"{name} {show(point.reason or '')}".strip()


def summarize(file: str, report: Report) -> Iterator[str]:
    """Yield the lines of a stream's summary: failures, problems, and the verdict last."""
    failures = _failures(report, "")
    for number, (path, point) in enumerate(failures):
        if number == SHOWN_FAILURES:
            yield "\n... more failures are not shown"
            break
        yield ""
        yield f"{_word(point)}: {path}{show(point.description) or '(no name)'}, point {point.number}, line {point.line}"
        if point.known is None:
            yield from _details(point)
        else:
            yield f"    {show(point.known)}"
    problems = report.problems
    if problems:
        yield ""
    for problem in problems[:SHOWN_PROBLEMS]:
        yield f"problem in line {problem.line}: {show(problem.message)} [{problem.kind}]"
    if len(problems) > SHOWN_PROBLEMS:
        yield f"... and {len(problems) - SHOWN_PROBLEMS} more problems"
    if report.output and not report.passed and not report.skip_all:
        yield ""
        yield "the last lines that were not TAP:"
        yield from _indented(report.output)
    yield ""
    yield _verdict(file, report)


def _verdict(file: str, report: Report) -> str:
    if not report.started:
        return f"{show(file)}: no TAP"
    counts = report.counts
    words = ("passed", "failed", "skipped", "todo", "never ended", "known to fail")
    parts = [f"{count} {word}" for count, word in zip(counts, words, strict=True) if count] or ["no points"]
    plan = "no plan" if report.plan is None else f"{report.plan} planned"
    if report.plan is not None and report.met:
        plan = ""
    if report.skip_all is not None:
        parts, plan = [f"all skipped: {show(report.skip_all)}" if report.skip_all else "nothing ran"], ""
    if report.bail_out is not None:
        parts.append(f"Bail out! {show(report.bail_out)}".rstrip())
    name = f' "{show(report.name)}"' if report.name else ""
    verdict = "passed" if report.passed else "FAILED"
    because = " (strict: it has problems)" if report.strict and report.problems else ""
    details = ", ".join(part for part in (plan, *parts) if part)
    return f"{show(file)}: {_TITLES[report.dialect]}{name}: {verdict}{because}: {details}"


def _failures(report: Subtest, path: str) -> Iterator[tuple[str, Point]]:
    for point in report.points.beside(lambda run: not run.failed):
        if not point.passed:
            yield path, point
        if point.subtest:
            yield from _failures(point.subtest, f"{path}{show(point.description)} > ")


def _details(point: Point) -> Iterator[str]:
    if point.directive:
        yield f"    {_directive(point, '')}"
    if point.directive == "skip":
        yield f"    {UNEXCUSED}"
    for comment in point.comments[-SHOWN_LINES:]:
        yield f"    # {show(comment)}"
    if point.raw_diagnostics:
        yield from _indented(point.raw_diagnostics)
    if point.output:
        yield from _indented(point.output)


def _indented(text: str) -> Iterator[str]:
    lines = text.rstrip("\n").split("\n")
    if len(lines) > SHOWN_LINES:
        yield f"    ... {len(lines) - SHOWN_LINES} lines, then"
    for line in lines[-SHOWN_LINES:]:
        yield f"    {show(line.rstrip(chr(13)))}"


def show(text: str) -> str:
    """Escape what would move the cursor or color the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else ascii(char)[1:-1] for char in text)
