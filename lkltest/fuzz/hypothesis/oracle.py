"""Programs judged on a kernel that lives from one to the next."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lkltest.closing import Closing
from lkltest.fuzz.exec.kernel import Setup
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.lang.naming import Namer
from lkltest.fuzz.prog.text import print_program
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.minimize import Patience, fewest
from lkltest.fuzz.repro.report import Failure
from lkltest.fuzz.repro.runner import Lab

TRIES = 3  # on fresh kernels, before the history is asked
HISTORY = 2000  # programs that one kernel runs at most
SECONDS = 30.0  # to reduce a history


@dataclass(frozen=True)
class Ran:
    """What a program's calls returned."""

    returned: tuple[int, ...]
    interrupted: int  # calls that had to be interrupted
    known: Failure | None = None  # it failed as the kernel is known to


class Bench(Closing):
    """Runs programs and raises AssertionError where the kernel fails.

    Use it as a context manager. `known` are names of failures that are not raised (* stands for any letters), each
    with its reason.
    """

    def __init__(self, setup: Setup, description: Description, known: Mapping[str, str]) -> None:
        self.lab = Lab(setup, description)
        self.description = description
        self.known = known
        self.namer = Namer(description)
        self.history: list[Program] = []  # of the kernel that runs
        self.reports: dict[Program, str] = {}  # of programs that failed: Hypothesis asks again

    def close(self) -> None:
        """End the kernel that runs."""
        self.lab.close()

    def show(self, programs: Sequence[Program]) -> str:
        """Programs as text."""
        return "---\n".join(print_program(program, self.namer) for program in programs)

    def run(self, program: Program) -> Ran:
        """Run a program on the kernel that is there; raises AssertionError with a report where it fails."""
        if program not in self.reports:
            if self.lab.kernel is None or len(self.history) >= HISTORY:
                self.lab.drop()
                self.history = []
            before = self.lab.memory.head().interrupted if self.history else 0
            self.history.append(program)
            trial = self.lab.run([program], fresh=False)
            if trial.failure is None:
                return Ran(trial.returned, self.lab.memory.head().interrupted - before)
            self.fail(program, trial.failure)
            if program not in self.reports:
                return Ran(trial.returned, 0, trial.failure)
        # One line for both: Hypothesis tells failures from each other by where they are raised.
        raise AssertionError(self.reports[program])

    def fresh(self, programs: Sequence[Program]) -> Ran:
        """Run programs on a kernel of their own; raises AssertionError with a report where one fails."""
        self.history = list(programs)
        trial = self.lab.run(programs)
        if trial.failure is not None:
            self.fail(programs[-1], trial.failure)
            if programs[-1] in self.reports:
                raise AssertionError(self.reports[programs[-1]])
        return Ran(trial.returned, self.lab.memory.head().interrupted, trial.failure)

    def fail(self, program: Program, failure: Failure) -> None:
        """Find out what brings the failure about, for a report; none for one that is known, or a slow host."""
        history, self.history = self.history, []
        if any(fnmatch.fnmatchcase(failure.name, known) for known in self.known):
            return None
        for _ in range(TRIES):
            if failure.same(self.lab.run([program]).failure):
                self.lab.drop()
                return self.report(program, [program], failure, "on a fresh kernel")
        if failure.kind == "hang" and not failure.same(self.lab.run(history).failure):
            return None  # a machine so busy that a call took long: it does not hang
        patience = Patience(SECONDS)
        fails = failure.same(self.lab.run(history).failure)
        if fails:
            history = fewest(history, lambda some: failure.same(self.lab.run(some).failure), patience)
        self.lab.drop()
        return self.report(program, history, failure, "after each other" if fails else "once, not again")

    def report(self, program: Program, programs: Sequence[Program], failure: Failure, when: str) -> None:
        """Keep what there is to say, for whenever the program is asked for again."""
        evidence = failure.stack or failure.console[-3000:]
        self.reports[program] = (
            f"{failure.title} ({failure.name}), {when}:\n\n{self.show(programs)}\n{evidence}"
        )
