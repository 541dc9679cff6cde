"""Results of test points and ends of runs, as values."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class State(enum.Enum):
    """The outcome of a test point."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    TODO = "todo"  # not ok, and known to be so
    LOST = "lost"  # running when the program ended, or never reached


@dataclass(frozen=True)
class Result:
    """The result of one test point."""

    name: str
    state: State
    message: str = ""  # why it failed or was skipped, for people
    todo: str | None = None  # why it is expected to fail; None: it is not
    log: str = ""  # what the program logged and the kernel printed during the point
    seconds: float = 0.0
    properties: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""  # the sentence on what ended the program, of a lost point
    need: str = ""  # the point whose failure kept this one from running
    reached: bool = True  # whether the program came to the point, and ran it
    within: tuple[Result, ...] = ()  # of a point that sums a subtest up: the results inside it, each by its way "a > b"

    @property
    def passed(self) -> bool:
        """Whether the point ran to its end and was ok."""
        return self.state is State.PASSED

    @property
    def bad(self) -> bool:
        """Whether it fails the run."""
        return self.state in {State.FAILED, State.LOST}


class Kind(enum.Enum):
    """A way in which a run ends badly."""

    PANIC = "panic"  # the kernel's log tells it
    SIGNAL = "signal"  # killed the program
    TIMEOUT = "timeout"  # of the program or of a point; it was killed for that
    EXIT_STATUS = "exit status"  # that no failed point explains
    NO_RESULT = "no result"  # of the point that was running
    BAIL_OUT = "bail out"
    OUTPUT = "output"  # contradicts its own plan or specification
    UNDECLARED = "undeclared"  # a result of a point that the table has not got, has twice, or was not announced
    MISSING = "missing"  # results of points of the table
    RESTARTED = "restarted"  # after a point in which the program died; not bad by itself
    COMPLAINT = "complaint"  # of the kernel, which a kselftest has provoked
    MEMCHECK = "memcheck"  # errors outside of any point


LOST = frozenset({Kind.PANIC, Kind.SIGNAL, Kind.TIMEOUT})  # the kernel is gone: it crashed, or it hung


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a run."""

    kind: Kind
    text: str  # a sentence, for people

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class End:
    """The end of a program's run, judged pessimistically: `problems` is empty only for a run that was good.

    A program that reports a failed point and therefore exits with status 1 has ended well.
    """

    how: str  # "exit status 0", "killed by SIGSEGV"
    seconds: float
    problems: tuple[Problem, ...]
    crash: str = ""  # signal, address and stack, where there are any
    console: str = ""  # the last lines of the kernel's console, where the end was bad
    source: str = "the console"  # of these lines, for people

    @property
    def lost(self) -> Kind | None:
        """The way in which the kernel was lost; None where it was not."""
        return next((problem.kind for problem in self.problems if problem.kind in LOST), None)

    def describe(self) -> str:
        """All facts about a bad end, for people."""
        parts = ["\n".join(map(str, self.problems)), self.crash]
        if self.console:
            parts.append(f"last lines of {self.source}:\n{self.console}")
        return "\n\n".join(part for part in parts if part)
