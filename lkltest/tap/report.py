"""A TAP document, read: its points, its problems, its verdict."""

from __future__ import annotations

import copy
from typing import NamedTuple

from lkltest.tap.dialect import Dialect
from lkltest.tap.point import Point, Points, Run
from lkltest.tap.problem import Problem, ProblemKind, Problems


class Counts(NamedTuple):
    """The numbers of a document's points by outcome; a skipped or excused point is in one of them only."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    todo: int = 0
    unfinished: int = 0
    known: int = 0  # failed, and listed as known failures

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


class Numbers:
    """The numbers that came, in memory that holds only those out of order."""

    def __init__(self) -> None:
        self.upto = 0  # all from 1 to here came
        self.beyond: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return 1 <= number <= self.upto or number in self.beyond

    def add(self, number: int) -> None:
        """Note a number."""
        if number == self.upto + 1:
            self.upto = number
            while self.upto + 1 in self.beyond:
                self.upto += 1
                self.beyond.remove(self.upto)
        else:
            self.beyond.add(number)

    def missing(self, last: int, most: int = 10) -> list[tuple[int, int]]:
        """The ranges up to `last` that did not come, the first `most` of them."""
        gaps: list[tuple[int, int]] = []
        expected = self.upto + 1
        for number in [*sorted(each for each in self.beyond if each <= last), last + 1]:
            if number > expected and len(gaps) < most:
                gaps.append((expected, number - 1))
            expected = max(expected, number + 1)
        return gaps


class Report:
    """One TAP document: a stream, or a subtest.

    The verdict starts at failed. Only the end of a document whose plan was met, all of whose points are ok, skipped or
    todo, and which did not bail out makes it passed; where `strict` is set, only if it has no problems.
    """

    def __init__(self, dialect: Dialect, line: int, name: str | None = None) -> None:
        self.dialect = dialect
        self.line = line  # on which it begins
        self.name = name  # of LKL's suite, or of the subtest
        self.version: int | None = None
        self.plan: int | None = None
        self.plan_line = 0
        self.skip_all: str | None = None  # the reason, "" where none is given
        self.points = Points()
        self.bail_out: str | None = None  # the reason, "" where none is given
        self.comments: list[str] = []  # that belong to no point
        self.attributes: dict[str, str] = {}  # of a kunit suite, such as its module
        self.output = ""  # of a stream that ended early: its last lines that were not TAP
        self.counts = Counts()
        self.numbers = Numbers()
        self.base = 0  # of LKL: the plans before the present one
        self.last = 0  # the number of the latest point
        self.started = False  # something of TAP has come
        self.broken = False  # nothing can make it pass any more
        self.finished = False
        self.kernel = False  # a version line says that it is KTAP
        self.doubtful = False  # a line of it that was not read has a `not ok`
        self.strict = False  # every problem fails it
        self.noted = Problems()
        self._yaml: list[Problem] | None = None  # found when the blocks were read

    @property
    def met(self) -> bool:
        """Whether exactly the planned points came."""
        plan = len(self.points) if self.plan is None and self.unplanned else self.plan
        return plan is not None and plan == len(self.points) == self.numbers.upto

    @property
    def unplanned(self) -> bool:
        """Whether it is a kunit log that may go without a plan at top level, as all else is whole."""
        if not self.kernel or self.doubtful or not self.finished or self.dialect is not Dialect.KTAP:
            return False
        if not len(self.points) or self.counts.unfinished:
            return False
        return all(point.subtest is not None and point.subtest.whole for point in self.points)

    @property
    def whole(self) -> bool:
        """Whether a subtest is complete, whatever its results: a plan that was met, or numbers without a gap."""
        planned = self.plan is None or self.plan == len(self.points)
        points = len(self.points) > 0 and self.numbers.upto == len(self.points) and not self.counts.unfinished
        inner = all(point.subtest is None or point.subtest.whole for point in self.points)
        return (planned and points and inner and not self.broken) or self.skip_all is not None

    @property
    def passed(self) -> bool:
        """The verdict."""
        bad = self.counts.failed or self.counts.unfinished
        good = self.finished and self.met and not bad and not self.broken and self.bail_out is None
        return good and not (self.strict and self.problems)

    @property
    def problems(self) -> list[Problem]:
        """All problems in order of their lines, those of the points' YAML among them, which is read for this."""
        if self._yaml is None or not self.finished:
            self._yaml = _yaml_problems(self.points)
        found = self.noted.listed + self._yaml
        found.sort(key=lambda problem: problem.line)
        last = found[-1].line if found else self.line
        return found + [
            Problem(last, kind, f"{count} more of this kind are not listed") for kind, count in self.noted.more.items()
        ]

    def fault(self, line: int, kind: ProblemKind, message: str) -> None:
        """Note a problem behind its end, which fails it."""
        self.broken = True
        self.noted.add(Problem(line, kind, message))

    def count(self, point: Point) -> None:
        """Take in a point, whose number has been judged."""
        self.points.append(point)
        kind = (
            ("unfinished" if point.ok is None else "failed")
            if not point.passed
            else point.directive
            if point.directive in ("skip", "todo")
            else "passed"
        )
        passed, failed, skipped, todo, unfinished, known = self.counts
        self.counts = Counts(
            passed + (kind == "passed"),
            failed + (kind == "failed"),
            skipped + (kind == "skip"),
            todo + (kind == "todo"),
            unfinished + (kind == "unfinished"),
            known,
        )

    def count_run(self, run: Run) -> None:
        """Take in many plain points, numbered on from the latest."""
        self.points.append(run)
        self.numbers.upto += run.count
        self.last += run.count
        passed, failed = self.counts.passed + run.count - run.failed, self.counts.failed + run.failed
        self.counts = self.counts._replace(passed=passed, failed=failed)

    def sink(self) -> Report:
        """Give what it has to a report of a subtest, and begin anew as one that cannot pass."""
        inner = copy.copy(self)
        self.__dict__.update(Report(self.dialect, self.line).__dict__)
        self.noted, inner.noted = inner.noted, self.noted  # problems are the stream's
        self.started = self.broken = True
        self.doubtful = inner.doubtful
        self.strict = inner.strict
        return inner

    def __repr__(self) -> str:
        verdict = "passed" if self.passed else "failed"
        return f"Report({self.dialect.value}, plan={self.plan}, {len(self.points)} points, {verdict})"


def _yaml_problems(points: Points) -> list[Problem]:
    found = []
    for point in points.beside(lambda run: run.bare):
        if point.raw_block is not None and point.yaml_error is not None:
            message = f"the block of this point is not valid YAML: {point.yaml_error}"
            found.append(Problem(point.line, ProblemKind.INVALID_YAML, message))
        if point.subtest:
            found += _yaml_problems(point.subtest.points)
    return found


