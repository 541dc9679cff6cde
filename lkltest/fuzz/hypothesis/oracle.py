"""An oracle for Hypothesis: it runs programs, and raises PropertyFailed where the kernel fails."""

from __future__ import annotations

import contextlib
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lkltest.coverage.collect import is_instrumented
from lkltest.errors import PropertyFailed
from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.lang.naming import Namer
from lkltest.fuzz.prog.text import print_program
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.minimize import SearchDeadline, minimize_list
from lkltest.fuzz.repro.report import Report, ReportType
from lkltest.fuzz.repro.runner import Runner
from lkltest.host.closing import Closing

TRIES = 3  # on fresh kernels, before the history is asked
HISTORY = 2000  # programs that one kernel runs at most
SECONDS = 30.0  # to reduce a history


@dataclass(frozen=True)
class Ran:
    """The results of a program's calls."""

    returned: tuple[int, ...]
    interrupted: int  # calls that had to be interrupted
    known: Report | None = None  # a failure that is known, and not raised
    new_edges: int = 0  # that no program of this oracle has reached before, on an instrumented kernel


class Oracle(Closing):
    """Runs programs on a kernel that lives from one program to the next, and raises PropertyFailed where it fails.

    Use it as a context manager. `known` are names of failures that are not raised (* stands for any letters), each
    with its reason.
    """

    def __init__(self, config: KernelConfig, description: Description, known: Mapping[str, str]) -> None:
        self.seen = SeenEdges() if is_instrumented(config.liblkl) else None
        self.feedback = Feedback(self.seen) if self.seen is not None else None
        self.runner = Runner(config, description, feedback=self.feedback)
        self.description = description
        self.known = known
        self.namer = Namer(description)
        self.history: list[Program] = []  # of the kernel that runs
        # What is raised for programs that failed: Hypothesis runs them again.
        self.reports: dict[Program, tuple[str, str, str, dict[str, str]]] = {}

    def close(self) -> None:
        """End the kernel that runs."""
        self.runner.close()
        if self.seen is not None and self.feedback is not None:
            self.feedback.close()
            self.seen.close()

    def show(self, programs: Sequence[Program]) -> str:
        """Programs as text."""
        return "---\n".join(print_program(program, self.namer) for program in programs)

    def run(self, program: Program) -> Ran:
        """Run a program on the kernel that is there; raises PropertyFailed with a report where it fails.

        In a Hypothesis test on an instrumented kernel, Hypothesis goes on from the programs with the most new edges.
        """
        if program not in self.reports:
            if self.runner.kernel is None or len(self.history) >= HISTORY:
                self.runner.drop()
                self.history = []
            before = self.runner.memory.head().interrupted if self.history else 0
            self.history.append(program)
            result = self.runner.run([program], fresh=False)
            if result.report is None:
                edges = self.new_edges()
                return Ran(result.returned, self.runner.memory.head().interrupted - before, new_edges=edges)
            self.fail(program, result.report)
            if program not in self.reports:
                return Ran(result.returned, 0, result.report)
        # One line for all failures: Hypothesis takes failures raised on different lines for different ones.
        raise PropertyFailed(*self.reports[program])

    def new_edges(self) -> int:
        """The new edges of the program that ran last, which Hypothesis is told of."""
        from hypothesis import target
        from hypothesis.errors import InvalidArgument

        if self.feedback is None:
            return 0
        edges = sum(outcome.new_edges for outcome in self.feedback.outcomes())
        with contextlib.suppress(InvalidArgument):  # outside of a test, or of the second program of one example
            target(float(edges), label="new edges")
        return edges

    def fresh(self, programs: Sequence[Program]) -> Ran:
        """Run programs on a kernel of their own; raises PropertyFailed with a report where one fails."""
        self.history = list(programs)
        result = self.runner.run(programs)
        if result.report is not None:
            self.fail(programs[-1], result.report)
            if programs[-1] in self.reports:
                raise PropertyFailed(*self.reports[programs[-1]])
        return Ran(result.returned, self.runner.memory.head().interrupted, result.report)

    def fail(self, program: Program, report: Report) -> None:
        """Reproduce the failure, and keep a text about it; no text for a known failure, or one of a slow host."""
        history, self.history = self.history, []
        if any(fnmatch.fnmatchcase(report.name, known) for known in self.known):
            return None
        for _ in range(TRIES):
            if report.same(self.runner.run([program]).report):
                self.runner.drop()
                return self.describe(program, [program], report, "on a fresh kernel")
        if report.type == ReportType.HANG and not report.same(self.runner.run(history).report):
            return None  # the machine was so busy that a call took long: no hang
        deadline = SearchDeadline(SECONDS)
        fails = report.same(self.runner.run(history).report)
        if fails:
            history = minimize_list(history, lambda some: report.same(self.runner.run(some).report), deadline)
        self.runner.drop()
        return self.describe(program, history, report, "after each other" if fails else "once, not again")

    def describe(self, program: Program, programs: Sequence[Program], report: Report, when: str) -> None:
        """Keep the text about a failure, which is raised whenever the program is run."""
        evidence = report.stack or report.console[-3000:]
        shown = self.show(programs)
        files = {PropertyFailed.program: shown, "stack.txt": report.stack, "console.txt": report.console}
        text = f"{report.title} ({report.name}), {when}:\n\n{shown}\n{evidence}"
        self.reports[program] = (report.title, report.name, text, {name: told for name, told in files.items() if told})
