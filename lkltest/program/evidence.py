"""The evidence of a finished run, from which the verdict is made."""

from __future__ import annotations

import enum
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from lkltest import tap
from lkltest.host.process import Ended
from lkltest.program.results import Result


class Limited(enum.Enum):
    """A thing whose time is limited."""

    PROGRAM = "program"
    POINT = "point"


@dataclass(frozen=True)
class Timeout:
    """A limit of time that has passed."""

    of: Limited
    seconds: float
    slowdown: float = 1.0  # by how much it was made longer, for a busy machine

    @property
    def grown(self) -> float:
        """The seconds that were given."""
        return self.seconds * self.slowdown

    def __str__(self) -> str:
        busy = f" (made {self.slowdown:.1f} times as long: this machine is busy)" if self.slowdown > 1 else ""
        return f"the {self.of.value}'s timeout of {self.seconds:g} s has passed{busy}"


@dataclass(frozen=True)
class Output:
    """The statements of a TAP stream about itself, when it has ended."""

    planned: bool  # exactly the planned points came, and nothing forbids that it passes
    problems: tuple[tap.Problem, ...] = ()
    bail_out: str | None = None  # the reason, "" where none is given
    skip_all: str | None = None  # likewise
    comments: tuple[str, ...] = ()  # that belong to no point

    @classmethod
    def of(cls, *reports: tap.Report) -> Output:
        """Read the reports of the closed streams of one output."""
        bail_outs = (report.bail_out for report in reports if report.bail_out is not None)
        return cls(
            planned=all(report.finished and report.met and not report.broken for report in reports),
            problems=tuple(problem for report in reports for problem in report.noted.listed),
            bail_out=next(bail_outs, None),
            skip_all=reports[0].skip_all if all(report.skip_all is not None for report in reports) else None,
            comments=tuple(comment for report in reports for comment in report.comments),
        )


@dataclass(frozen=True)
class Evidence:
    """All that is known of a finished run."""

    ended: Ended  # the process
    output: Output
    points: tuple[str, ...] = ()  # of the program's table; where it is empty, any point is expected
    results: Mapping[str, Result] = field(default_factory=dict)  # by name, in the order in which they came
    running: str | None = None  # the point that was announced last and has no result
    strays: tuple[str, ...] = ()  # results that were not announced, by a program that announces
    init_status: int | None = None  # the exit status that a UML's init printed: its kernel cannot pass it on
    halted: bool = False  # the last thing that a UML's kernel said is that it halts
    timeout: Timeout | None = None  # for which the program was killed
    memcheck: tuple[str, ...] = ()  # errors after the last result
    console: bytes = b""  # the end of standard error
    printed: bytes = b""  # the end of standard output: a kernel tree's own program has the kernel print there
    foreign: bool = False  # any program that prints TAP: its points are known from hearsay, so that others may come
    by_status: bool = False  # a kselftest in a UML: its exit status decides, and its TAP may be missing
    stack: tuple[str, ...] = ()  # the kernel's functions of its crash or hang, the innermost first
    complaints: tuple[str, ...] = ()  # lines of the kernel's, while it ran
    flood: int = 0  # the number of points after which it was killed; 0: it was not killed for that

    @property
    def killed(self) -> bool:
        """Whether a signal ended the program, and not a UML's process on its last steps.

        Seen: about one UML in two hundred ends with SIGABRT after its kernel's "System halted". Probably a last signal
        of its timer does it, of which a comment in main() of arch/um/os-Linux/main.c warns; nobody has proved it. Init
        has told its exit status by then, and the kernel its halt: both are the verdict.
        """
        on_last_steps = self.halted and self.init_status is not None and self.ended.signal == signal.SIGABRT
        return self.ended.signal is not None and not on_last_steps

    @property
    def status(self) -> int | None:
        """The program's exit status, an init's as it printed it; None where a signal ended it."""
        return self.ended.status if self.init_status is None else self.init_status
