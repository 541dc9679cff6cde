"""From a failure to the smallest programs that bring it about again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.gen.generator import Candidate
from lkltest.fuzz.prog.edit import joined
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.minimize import Deadline, minimize, minimize_list, remove_calls
from lkltest.fuzz.repro.report import Report
from lkltest.fuzz.repro.runner import Runner, RunResult

TRIES = 3  # on kernels of their own, before the history of the worker is asked
RATE_OF = 10  # kernels on which the result is tried, to say how often it fails
LONGEST = 100  # calls of one program: the executor keeps 256 results
MINIMIZE_SECONDS = 120.0  # long, for the kernels that are fuzzed have most of the processors
HISTORY_SECONDS = 120.0


@dataclass(frozen=True)
class Reproduction:
    """What triage found out."""

    report: Report  # as it was when the programs below were run last
    programs: tuple[Program, ...]  # to be run in this order on a fresh kernel; empty where nothing fails again
    times: int  # that it failed again
    of: int  # tries
    complete: bool = True  # whether it was shrunk to its end


@dataclass(frozen=True)
class Crash:
    """A failure as the fuzzer met it."""

    report: Report
    history: Sequence[Candidate]  # what its kernel ran, up to the program that failed
    returned: tuple[int, ...]  # what the last program's calls returned
    config: KernelConfig  # of its kernel

    def program(self) -> Program:
        """The program that failed, as far as it came."""
        program = self.history[-1].program(self.returned)
        if self.report.call == BETWEEN:
            return program
        return Program(program.calls[: self.report.call + 1])


def reproduce(
    crash: Crash, runner: Runner, *, minimize_seconds: float = MINIMIZE_SECONDS, hurry: threading.Event | None = None
) -> Reproduction:
    """Find out what brings the failure about: the program alone, or some of what ran before it.

    `hurry` ends the search and the shrinking early: what was found until then is the result.
    """
    program = crash.program()
    report = retry(lambda: runner.run([program]).report, crash.report)
    alone = report is not None
    programs = [program]
    if report is None:
        report = crash.report
        programs = minimize_history(crash, runner, Deadline(HISTORY_SECONDS, hurry))
        if not programs:
            return Reproduction(report, (), 0, TRIES)
        together = joined(programs)
        if len(together.calls) <= LONGEST and report.same(runner.run([together]).report):
            programs = [together]
    deadline = Deadline(minimize_seconds, hurry)
    programs = minimize_programs(programs, report, runner, deadline, fresh=not alone)
    return rate(programs, report, runner, complete=not deadline.passed())


def retry(run: Callable[[], Report | None], report: Report) -> Report | None:
    """Try some times whether the failure comes again."""
    for _ in range(TRIES):
        found = run()
        if report.same(found):
            return found
    return None


def minimize_programs(
    programs: list[Program], report: Report, runner: Runner, deadline: Deadline, *, fresh: bool
) -> list[Program]:
    """Shrink the programs, the last one first; `fresh` tries each candidate on a kernel of its own."""

    def fails(candidate: Sequence[Program]) -> bool:
        return report.same(runner.run(candidate).report)

    def quickly(candidate: Sequence[Program]) -> bool:
        # A kernel that survived the last candidate will do for this one; but what fails must fail on a fresh one.
        used = runner.kernel is not None
        return report.same(runner.run(candidate, fresh=False).report) and (not used or fails(candidate))

    def among(index: int, try_all: Callable[[Sequence[Program]], bool]) -> Callable[[Program], bool]:
        return lambda program: try_all([*programs[:index], program, *programs[index + 1 :]])

    for index in reversed(range(len(programs))):
        small = minimize(programs[index], runner.description, among(index, fails if fresh else quickly), deadline)
        programs[index] = small if fresh else remove_calls(small, among(index, fails), deadline)
    return programs


def minimize_history(crash: Crash, runner: Runner, deadline: Deadline) -> list[Program]:
    """The fewest of the worker's programs that bring the failure about on a fresh kernel; none where all do not."""
    history = list(crash.history)

    def fails(some: Sequence[Candidate]) -> bool:
        return crash.report.same(rerun(some, runner).report)

    length = 2
    while not fails(history[-length:]):
        if length >= len(history) or deadline.passed():
            return []
        length = min(length * 4, len(history))
    return resolved(minimize_list(history[-length:], fails, deadline), runner)


def rerun(chosen: Sequence[Candidate], runner: Runner) -> RunResult:
    """Run planned programs one after the other on a fresh kernel, as the fuzzer did."""
    names = [[encoded.call.name for encoded in candidate.calls] for candidate in chosen]
    return runner.run_encoded([candidate.encoded() for candidate in chosen], names)


def resolved(chosen: Sequence[Candidate], runner: Runner) -> list[Program]:
    """Programs with their picks bound as they were when they ran one after the other."""
    returned = rerun(chosen, runner).returned
    programs = []
    for candidate in chosen:
        programs.append(candidate.program(returned[: len(candidate.calls)]))
        returned = returned[len(candidate.calls) :]
    return programs


def rate(programs: Sequence[Program], report: Report, runner: Runner, *, complete: bool) -> Reproduction:
    """Say how often the programs fail, each time on a fresh kernel."""
    times = 0
    last = report
    for _ in range(RATE_OF):
        found = runner.run(programs).report
        if found is not None and report.same(found):
            times += 1
            last = found
    return Reproduction(last, tuple(programs) if times else (), times, RATE_OF, complete)
