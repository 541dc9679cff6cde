"""The results of KUnit's cases."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from lkltest.kunit.listing import Case


class Status(enum.Enum):
    """The outcome of a case, or of one of its parameters."""

    PASSED = "passed"
    FAILED = "FAILED"
    SKIPPED = "skipped"
    CRASHED = "CRASHED"  # its kernel was lost while it ran
    HUNG = "HUNG"  # its kernel was killed when the case's timeout had passed

    @property
    def bad(self) -> bool:
        """Whether it fails the run."""
        return self not in {Status.PASSED, Status.SKIPPED}

    @property
    def lost(self) -> bool:
        """Whether the kernel was lost."""
        return self in {Status.CRASHED, Status.HUNG}


@dataclass(frozen=True)
class Parameter:
    """The result of one parameter of a parametrized case."""

    name: str
    status: Status
    reason: str = ""  # of a skip


@dataclass(frozen=True)
class Result:
    """The result of one case."""

    case: Case
    status: Status
    reason: str = ""  # of a skip, or of a failure that the case's own messages do not tell
    parameters: tuple[Parameter, ...] = ()
    console: str = ""  # what the kernel printed from the case before to the end of this one
    warnings: int = 0  # WARN()s among it
    seconds: float = 0.0
