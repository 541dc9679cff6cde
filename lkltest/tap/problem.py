"""Problems of a stream: their kinds, and which of them fail it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Self

PROBLEMS_OF_A_KIND = 1000  # more are only counted: endless rubbish needs bounded memory


class ProblemKind(StrEnum):
    """The kinds of problems, which docs/tap.md explains, each with whether all problems of the kind fail the document.

    Behind those that fail it a failed point may be hidden. Of some other kinds only some problems fail the document.
    """

    fails: bool  # the document, whatever its points

    def __new__(cls, name: str, fails: bool) -> Self:
        """Make a kind of its name and its effect."""
        kind = str.__new__(cls, name)
        kind._value_, kind.fails = name, fails
        return kind

    NO_PLAN = "no-plan", False
    SECOND_PLAN = "second-plan", False
    MISPLACED_PLAN = "misplaced-plan", True
    HUGE_PLAN = "huge-plan", True
    HUGE_NUMBER = "huge-number", True
    MISSING_POINTS = "missing-points", True
    OUTSIDE_PLAN = "outside-plan", True
    DUPLICATE_NUMBER = "duplicate-number", True
    OUT_OF_ORDER = "out-of-order", False
    AFTER_SKIP_ALL = "after-skip-all", True
    AFTER_BAIL_OUT = "after-bail-out", True
    UNFINISHED_POINT = "unfinished-point", True
    UNTERMINATED_SUBTEST = "unterminated-subtest", False
    FAILING_CHILD = "failing-child", False
    SUBTEST_NAME = "subtest-name", False
    NOTHING_RAN = "nothing-ran", False
    GLUED_LINE = "glued-line", False
    NO_TESTS = "no-tests", False
    NO_NUMBER = "no-number", True
    MALFORMED_FAILURE = "malformed-failure", True
    LOST_FAILURE = "lost-failure", True
    LOST_HEAD = "lost-head", True
    INVALID_YAML = "invalid-yaml", False
    UNTERMINATED_YAML = "unterminated-yaml", False
    LONG_YAML = "long-yaml", False
    TORN_LINE = "torn-line", False
    LONG_LINE = "long-line", False
    UNKNOWN_VERSION = "unknown-version", False
    NOT_TAP = "not-tap", True
    NO_TAP = "no-tap", True
    UNREADABLE = "unreadable", True


class Problem(NamedTuple):
    """Something in the stream that is not as its specification wants it."""

    line: int  # from 1; the last line where something is missing
    kind: ProblemKind
    message: str


class Problems:
    """The problems of one stream."""

    def __init__(self) -> None:
        self.listed: list[Problem] = []
        self.more: dict[ProblemKind, int] = {}  # how many of a kind are not listed
        self._of_kind: dict[ProblemKind, int] = {}

    def add(self, problem: Problem) -> bool:
        """Note a problem; whether it is listed."""
        count = self._of_kind.get(problem.kind, 0) + 1
        self._of_kind[problem.kind] = count
        if count > PROBLEMS_OF_A_KIND:
            self.more[problem.kind] = count - PROBLEMS_OF_A_KIND
            return False
        self.listed.append(problem)
        return True


class Remark(NamedTuple):
    """A problem of a document, before it is noted with its line."""

    kind: ProblemKind
    message: str
