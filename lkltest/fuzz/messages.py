"""The messages between a fuzzing session and its loops, each of which runs in a process of its own.

A loop is given a `Task`. It sends its `Progress` some times a second, the failures that it meets (`Crash`, or `Met`
where the session wants no more of that failure), the functions that it reaches first (`NewFunctions`), and in the end
`Ended`. The session sends `Known` whenever it knows
more of the failures, and `Stop`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from traceback import format_exception
from typing import Protocol

from lkltest.errors import LkltestError
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.functions import FunctionTable, NewFunctions
from lkltest.fuzz.gen.generator import EncodedProgram
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.repro.report import Report
from lkltest.fuzz.repro.repro import Crash


@dataclass(frozen=True)
class Task:
    """The work of all loops of a session."""

    config: KernelConfig
    description: Description
    scenarios: tuple[str, ...]  # all, where it is empty
    corpus: Path | None = None  # directory of the corpus of guided loops; None makes them blind
    functions: FunctionTable | None = None  # of an instrumented kernel


@dataclass
class Progress:
    """The progress of a loop, or of a session: the sum of its loops."""

    programs: int = 0
    calls: int = 0
    succeeded: int = 0
    interrupted: int = 0
    lost: int = 0  # kernels
    silent: int = 0  # kernels replaced without a finding: out of memory, or blocked for ever
    boots: int = 0
    corpus: int = 0  # programs that it added to the corpus
    edges: Counter[str] = field(default_factory=Counter)  # new ones that its programs reached, by scenario
    downtime: float = 0.0  # seconds between a kernel's death and the next one's first program: the longest

    def add(self, other: Progress) -> None:
        """Add the progress of another loop."""
        longest = max(self.downtime, other.downtime)
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        self.downtime = longest


def total(parts: Iterable[Progress]) -> Progress:
    """The sum of the progress of several loops."""
    whole = Progress()
    for part in parts:
        whole.add(part)
    return whole


@dataclass(frozen=True)
class Known:
    """The knowledge of a session about the failures that were met; failures and findings go by their names."""

    hangs: frozenset[str] = frozenset()  # that come again: a loop need not wait to recognize them
    settled: frozenset[str] = frozenset()  # failures that are only counted from now on
    aliases: Mapping[str, str] = field(default_factory=dict)  # findings, by the names that failures were met by
    alone: Mapping[str, frozenset[str]] = field(default_factory=dict)  # calls of findings that one program reproduces

    def explains(self, report: Report, program: EncodedProgram) -> bool:
        """Whether a program makes all calls of a program that is known to fail like this on a fresh kernel.

        Otherwise the failure may be the consequence of an earlier program.
        """
        calls = self.alone.get(self.aliases.get(report.name, report.name))
        return calls is not None and calls <= {encoded.call.name for encoded in program.calls}


@dataclass(frozen=True)
class Met:
    """A failure that was met again, and that is only counted."""

    name: str


@dataclass(frozen=True)
class Failed:
    """The exception that ended a loop."""

    error: LkltestError


class InternalError(LkltestError):
    """A fault of lkltest itself in a process or a thread of a session."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback

    @classmethod
    def of(cls, error: BaseException) -> LkltestError:
        """The error for an exception: itself, where it has a message for users."""
        if isinstance(error, LkltestError):
            return error
        return cls(f"{type(error).__name__}: {error}", "".join(format_exception(error)))


@dataclass(frozen=True)
class Ended:
    """The last message of a loop that was stopped."""


@dataclass(frozen=True)
class Stop:
    """Ends a loop after its batch."""


FromLoop = Progress | Crash | Met | NewFunctions | Failed | Ended
ToLoop = Known | Stop


class Failures(Protocol):
    """Takes the failures of loops, and knows which are known."""

    def meet(self, name: str) -> None:
        """Count a failure."""

    def add(self, crash: Crash) -> None:
        """Count a failure, and take it if it is new."""

    def known(self) -> Known:
        """All that a loop needs to know."""


class Loops(Protocol):
    """The loops of a session, wherever they run. `run` is a thread's, all else is for any thread."""

    lost: list[str]  # a sentence for each process that was lost, and replaced

    def run(self) -> None:
        """Keep the loops going until the session stops; raises the first exception of a loop."""

    def progress(self) -> list[Progress]:
        """Numbers whose sum is the progress."""

    def counts(self) -> Counter[tuple[int, int]]:
        """Counts of how calls ended, by the call's number and the bucket (0 for success, else the errno)."""

    def close(self) -> None:
        """End what still runs, and free its memory."""


class Link(Protocol):
    """A loop's connection to its session."""

    known: Known
    stopped: bool

    def send(self, message: FromLoop) -> None:
        """Send a message to the session."""
