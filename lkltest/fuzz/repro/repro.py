"""From a failure to the smallest programs that bring it about again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lkltest.fuzz.exec.kernel import Setup
from lkltest.fuzz.exec.shmem import BETWEEN
from lkltest.fuzz.gen.generator import Planned
from lkltest.fuzz.prog.values import Program, joined
from lkltest.fuzz.repro.minimize import Patience, fewer, fewest, shrink
from lkltest.fuzz.repro.report import Failure
from lkltest.fuzz.repro.runner import Lab, Trial

TRIES = 3  # on kernels of their own, before the history of the worker is asked
RATE_OF = 10  # kernels on which the result is tried, to say how often it fails
LONGEST = 100  # calls of one program: the executor keeps 256 results
SHRINK_SECONDS = 120.0  # long, for the kernels that are fuzzed have most of the processors
HISTORY_SECONDS = 120.0


@dataclass(frozen=True)
class Result:
    """What triage found out."""

    failure: Failure  # as it was when the programs below were run last
    programs: tuple[Program, ...]  # to be run in this order on a fresh kernel; empty where nothing fails again
    times: int  # that it failed again
    of: int  # tries
    complete: bool = True  # whether it was shrunk to its end


@dataclass(frozen=True)
class Suspect:
    """A failure as the fuzzer met it."""

    failure: Failure
    history: Sequence[Planned]  # what its kernel ran, up to the program that failed
    returned: tuple[int, ...]  # what the last program's calls returned
    setup: Setup  # of its kernel

    def program(self) -> Program:
        """The program that failed, as far as it came."""
        program = self.history[-1].program(self.returned)
        if self.failure.call == BETWEEN:
            return program
        return Program(program.calls[: self.failure.call + 1])


def triage(
    suspect: Suspect, lab: Lab, *, shrink_seconds: float = SHRINK_SECONDS, hurry: threading.Event | None = None
) -> Result:
    """Find out what brings the failure about: the program alone, or some of what ran before it.

    `hurry` ends the search and the shrinking early: what was found until then is the result.
    """
    program = suspect.program()
    failure = again(lambda: lab.run([program]).failure, suspect.failure)
    alone = failure is not None
    programs = [program]
    if failure is None:
        failure = suspect.failure
        programs = from_history(suspect, lab, Patience(HISTORY_SECONDS, hurry))
        if not programs:
            return Result(failure, (), 0, TRIES)
        together = joined(programs)
        if len(together.calls) <= LONGEST and failure.same(lab.run([together]).failure):
            programs = [together]
    patience = Patience(shrink_seconds, hurry)
    programs = smallest(programs, failure, lab, patience, fresh=not alone)
    return rate(programs, failure, lab, complete=not patience.over())


def again(run: Callable[[], Failure | None], failure: Failure) -> Failure | None:
    """Try some times whether the failure comes again."""
    for _ in range(TRIES):
        found = run()
        if failure.same(found):
            return found
    return None


def smallest(
    programs: list[Program], failure: Failure, lab: Lab, patience: Patience, *, fresh: bool
) -> list[Program]:
    """Shrink the programs, the last one first; `fresh` tries each candidate on a kernel of its own."""

    def fails(candidate: Sequence[Program]) -> bool:
        return failure.same(lab.run(candidate).failure)

    def quickly(candidate: Sequence[Program]) -> bool:
        # A kernel that survived the last candidate will do for this one; but what fails must fail on a fresh one.
        used = lab.kernel is not None
        return failure.same(lab.run(candidate, fresh=False).failure) and (not used or fails(candidate))

    def among(index: int, try_all: Callable[[Sequence[Program]], bool]) -> Callable[[Program], bool]:
        return lambda program: try_all([*programs[:index], program, *programs[index + 1 :]])

    for index in reversed(range(len(programs))):
        small = shrink(programs[index], lab.description, among(index, fails if fresh else quickly), patience)
        programs[index] = small if fresh else fewer(small, among(index, fails), patience)
    return programs


def from_history(suspect: Suspect, lab: Lab, patience: Patience) -> list[Program]:
    """The fewest of the worker's programs that bring the failure about on a fresh kernel; none where all do not."""
    history = list(suspect.history)

    def fails(some: Sequence[Planned]) -> bool:
        return suspect.failure.same(repeat(some, lab).failure)

    length = 2
    while not fails(history[-length:]):
        if length >= len(history) or patience.over():
            return []
        length = min(length * 4, len(history))
    return bound(fewest(history[-length:], fails, patience), lab)


def repeat(chosen: Sequence[Planned], lab: Lab) -> Trial:
    """Run planned programs one after the other on a fresh kernel, as the fuzzer did."""
    names = [[ready.call.name for ready in planned.calls] for planned in chosen]
    return lab.run_encoded([planned.encoded() for planned in chosen], names)


def bound(chosen: Sequence[Planned], lab: Lab) -> list[Program]:
    """Programs with their picks bound as they were when they ran one after the other."""
    returned = repeat(chosen, lab).returned
    programs = []
    for planned in chosen:
        programs.append(planned.program(returned[: len(planned.calls)]))
        returned = returned[len(planned.calls) :]
    return programs


def rate(programs: Sequence[Program], failure: Failure, lab: Lab, *, complete: bool) -> Result:
    """Say how often the programs fail, each time on a fresh kernel."""
    times = 0
    last = failure
    for _ in range(RATE_OF):
        found = lab.run(programs).failure
        if found is not None and failure.same(found):
            times += 1
            last = found
    return Result(last, tuple(programs) if times else (), times, RATE_OF, complete)
