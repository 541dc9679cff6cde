"""The one rule for what a program's output and its end mean."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class State(enum.Enum):
    """What became of a test point."""

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
    cause: str = ""  # of a lost point: the sentence on what ended the program
    reached: bool = True  # whether the program came to the point

    @property
    def passed(self) -> bool:
        """Whether the point ran to its end and was ok."""
        return self.state is State.PASSED

    @property
    def bad(self) -> bool:
        """Whether it fails the run."""
        return self.state in {State.FAILED, State.LOST}


@dataclass(frozen=True)
class End:
    """How a program's run ended, judged pessimistically: `problems` is empty only for a run that was good.

    A program that reports a failed point and therefore exits with status 1 has ended well.
    """

    how: str  # "exit status 0", "killed by SIGSEGV"
    seconds: float
    problems: tuple[str, ...]  # each a sentence
    crash: str = ""  # signal, address and stack, where there are any
    console: str = ""  # the last lines of the kernel's console, where the end was bad

    def describe(self) -> str:
        """All that is known of a bad end, for people."""
        parts = ["\n".join(self.problems), self.crash]
        if self.console:
            parts.append("last lines of the console:\n" + self.console)
        return "\n\n".join(part for part in parts if part)
