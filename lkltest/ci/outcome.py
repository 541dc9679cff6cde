"""The outcome of a test of any kind, for documents."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Status(enum.Enum):
    """The outcome in one word."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXPECTED = "expected to fail"  # and did
    LOST = "lost"  # its kernel crashed or hung in it
    MISSED = "missed"  # it was not reached
    ERROR = "error"  # it could not be run

    @property
    def bad(self) -> bool:
        """Whether it fails the run."""
        return self not in {Status.PASSED, Status.SKIPPED, Status.EXPECTED}


@dataclass(frozen=True)
class Outcome:
    """A test, or a group of them."""

    name: str
    status: Status | None = None  # None: it is a group, and has no result of its own
    inner: tuple[Outcome, ...] = ()  # subtests, or the members of a group
    path: tuple[str, ...] = ()  # its place in a tree of all tests of a kernel, from the root
    kernel: str = ""  # the name of the kernel that it ran on; empty: on none
    seconds: float | None = None
    reason: str = ""
    log: str = ""
    misc: Mapping[str, object] = field(default_factory=dict)
