"""One level of a stream's nesting, with the judgement of its points."""

from __future__ import annotations

from typing import NamedTuple

from lkltest.tap.dialect import RULES, Dialect, Rules
from lkltest.tap.grammar import text
from lkltest.tap.point import Comments, Point
from lkltest.tap.problem import ProblemKind, Remark
from lkltest.tap.report import Report


class Announced(NamedTuple):
    """A point that was said to start."""

    number: int
    description: bytes
    line: int
    binding: bool  # LKL's line means it; a comment may mean something else


class Level:
    """A document that is being read, at its indentation."""

    def __init__(self, indent: int, report: Report, parent: Level | None = None) -> None:
        self.indent = indent  # columns
        self.report = report
        self.strict: bool = parent.strict if parent else False  # pragma +strict
        self.open: Point | None = None  # the latest point, while more may belong to it
        self.latest: Point | None = None  # the latest point, complete or not
        self.comments = Comments()  # for the point that comes
        self.announced: Announced | None = None
        self.braced: Point | None = None  # the point whose line ended in {, until its subtest begins
        self.owner: Point | None = None  # the point whose braces this document stands in
        self.todo: frozenset[int] = frozenset()  # of TAP 12's plan

    @property
    def rules(self) -> Rules:
        """Of the stream's dialect."""
        return RULES[self.report.dialect]

    @property
    def fresh(self) -> bool:
        """Whether neither plan nor point has come."""
        return self.report.plan is None and not len(self.report.points)

    @property
    def next_number(self) -> int:
        """The number of a point that says none."""
        return len(self.report.points) + 1 - self.report.base

    def _remark(self, kind: ProblemKind, message: str) -> Remark:
        """A problem of this document, which it fails if its kind does."""
        if kind.fails:
            self.report.broken = True
        return Remark(kind, message)

    def judge(self, point: Point) -> list[Remark]:
        """Take in a point's number, before the point is counted; say what is wrong with it."""
        report, remarks = self.report, []
        if report.bail_out is not None and point.ok is not None:
            remarks.append(self._remark(ProblemKind.AFTER_BAIL_OUT, "a result after the bail-out"))
        if report.skip_all is not None:
            return [*remarks, self._remark(ProblemKind.AFTER_SKIP_ALL, "a result though the plan skips all")]
        if report.plan is not None and report.plan_line < 0:
            message = f"a result after the plan of line {-report.plan_line} at the end"
            remarks.append(self._remark(ProblemKind.MISPLACED_PLAN, message))
        return remarks + self._judge_number(point.number)

    def _judge_number(self, number: int | None) -> list[Remark]:
        report, remarks = self.report, []
        if number is None:
            return [self._remark(ProblemKind.HUGE_NUMBER, "the number of this point is too large")]
        number += report.base
        if number < 1 or (report.plan is not None and number > report.plan):
            planned = "" if report.plan is None else f" 1..{report.plan}"
            remarks.append(self._remark(ProblemKind.OUTSIDE_PLAN, f"point {number} is outside the plan{planned}"))
        if number in report.numbers:
            remarks.append(self._remark(ProblemKind.DUPLICATE_NUMBER, f"point {number} comes again"))
        elif self.rules.ordered and number < report.last:
            remarks.append(self._remark(ProblemKind.OUT_OF_ORDER, f"point {number} comes after point {report.last}"))
        if number >= 1:
            report.numbers.add(number)
        report.last = number
        return remarks

    def plan(self, planned: int | None) -> list[Remark]:
        """Take in a plan."""
        report = self.report
        if planned is None:
            return [self._remark(ProblemKind.HUGE_PLAN, "the plan is too large to be met")]
        if report.plan is not None:
            if planned != report.plan:
                report.broken = True
            message = f"a second plan, 1..{planned}, after that of line {abs(report.plan_line)}"
            return [self._remark(ProblemKind.SECOND_PLAN, message)]
        report.plan = planned
        if planned == 0 and len(report.points):
            return [self._remark(ProblemKind.AFTER_SKIP_ALL, "the plan skips all though results have come")]
        beyond = [number for number in (report.numbers.upto, *report.numbers.beyond) if number > planned]
        if beyond:
            return [self._remark(ProblemKind.OUTSIDE_PLAN, f"point {max(beyond)} is outside the plan 1..{planned}")]
        return []

    def finish(self) -> list[Remark]:
        """End the document; say what is missing."""
        report, remarks = self.report, []
        report.finished = True
        report.comments += self.comments.texts()
        if report.plan is None:
            if self.indent == 0 or self.rules.subtest_plan_needed:
                needed = "" if not report.unplanned else "; all subtests are whole, so that KTAP can do without it"
                remarks.append(self._remark(ProblemKind.NO_PLAN, f"there is no plan{needed}"))
        elif report.skip_all == "" and report.dialect is Dialect.KTAP:
            report.broken = True
            message = "the plan is 1..0 and gives no reason for skipping: no test was run"
            remarks.append(self._remark(ProblemKind.NO_TESTS, message))
        elif report.skip_all == "" and self.indent == 0:
            message = "the plan is 1..0 and gives no reason for skipping: nothing ran"
            remarks.append(self._remark(ProblemKind.NOTHING_RAN, message))
        elif gaps := report.numbers.missing(report.plan):
            ranges = ", ".join(str(first) if first == last else f"{first}..{last}" for first, last in gaps)
            plan = f"the plan 1..{report.plan} of line {abs(report.plan_line)}"
            remarks.append(self._remark(ProblemKind.MISSING_POINTS, f"of {plan} these never came: {ranges}"))
        return remarks

    def leftover(self) -> Point | None:
        """The point that was announced and never ended."""
        announced, self.announced = self.announced, None
        if announced is None:
            return None
        report, number = self.report, announced.number + self.report.base
        came = number in report.numbers or (report.plan is not None and number > report.plan)
        if came and not announced.binding:
            return None  # a comment must not make a stream fail: it counts only where a planned point never came
        return Point(announced.number, None, text(announced.description), announced.line)
