"""Reproduces a failure: finds the smallest programs that make a fresh kernel fail in the same way.

A failure that the fuzzer met has a suspect, the program that ran, and a history, the programs that ran before it on the
same kernel. `reproduce` goes through these phases, each a function of this module:

1. `retry`: run the suspect alone, each time on a fresh kernel. Most failures come again, and go on with phase 4.
2. `minimize_history`: run the last programs of the history on a fresh kernel, the last 2, 8, 32 and so on, until the
   failure comes again; then find the fewest of them that are enough. If even the whole history does not fail, the
   failure is kept without a program.
3. Join what was found to one program, if that still fails.
4. `minimize_programs`: make each program smaller (`repro.minimize`), the last one first. If the suspect failed alone,
   candidates share a kernel as long as it survives, which saves most of the boots; a candidate that fails on a used
   kernel must fail on a fresh one, too. At the end, calls are dropped once more, on fresh kernels only.
5. `rate`: run the result on ten fresh kernels, and count how often it fails.

"The same failure" is one of the same type with the same innermost frame; of two hangs, one that shares a function
(`Report.same`). A race may need some tries: that is why phase 1 tries three times, and why the rate is part of a
finding.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.gen.generator import EncodedProgram
from lkltest.fuzz.prog.edit import joined
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.minimize import SearchDeadline, minimize, minimize_list, remove_calls
from lkltest.fuzz.repro.report import Report
from lkltest.fuzz.repro.runner import Runner, RunResult

TRIES = 3  # runs of the suspect alone, before its history is run
RATE_OF = 10  # kernels on which the result is run, to say how often it fails
LONGEST = 100  # calls of a joined program: the executor keeps the results of as many (MAX_PROGRAM_RESULTS)
MINIMIZE_SECONDS = 120.0  # long, because the fuzzed kernels have most of the processors
HISTORY_SECONDS = 120.0
HISTORY = 256  # programs that are kept of the history of a failure that was not reproduced for want of time


@dataclass(frozen=True)
class Reproduction:
    """The result of reproducing a failure."""

    report: Report  # of the last run of the programs that failed
    programs: tuple[Program, ...]  # run in this order on a fresh kernel; empty where nothing fails again
    times: int  # runs that failed
    of: int  # runs
    complete: bool = True  # whether minimizing came to its end before the deadline
    history: tuple[Program, ...] = ()  # the last programs before the failure, where there was no time to reproduce it


class History(Sequence[EncodedProgram]):
    """The programs that a kernel ran, packed, because most failures only pass through a session.

    The last ones are packed for themselves: to unpack all of 20,000 programs takes a second.
    """

    def __init__(self, programs: Sequence[EncodedProgram]) -> None:
        self.length = len(programs)
        self.parts = [_pack(programs[:-HISTORY]), _pack(programs[-HISTORY:])]

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[EncodedProgram]:
        return (program for part in self.parts for program in _unpack(part))

    @overload
    def __getitem__(self, index: int) -> EncodedProgram: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[EncodedProgram]: ...

    def __getitem__(self, index: int | slice) -> EncodedProgram | Sequence[EncodedProgram]:
        start = index.start if isinstance(index, slice) else index
        recent = start is not None and -HISTORY <= start < 0
        programs = _unpack(self.parts[1]) if recent else list(self)
        return programs[index]


def _pack(programs: Sequence[EncodedProgram]) -> bytes:
    return pickle.dumps([program.calls for program in programs])


def _unpack(packed: bytes) -> list[EncodedProgram]:
    return [EncodedProgram(calls) for calls in pickle.loads(packed)]


@dataclass(frozen=True)
class Crash:
    """A failure as the fuzzer met it."""

    report: Report
    history: Sequence[EncodedProgram]  # programs that its kernel ran; the last one failed
    returned: tuple[int, ...]  # results of the last program's calls
    config: KernelConfig  # of its kernel

    def program(self) -> Program:
        """The program that failed, up to the call that failed."""
        program = self.history[-1].program(self.returned)
        if self.report.call == BETWEEN:
            return program
        return Program(program.calls[: self.report.call + 1])


def reproduce(
    crash: Crash, runner: Runner, *, history: bool = True, minimize_seconds: float = MINIMIZE_SECONDS,
    hurry: threading.Event | None = None,
) -> Reproduction:
    """Find the smallest programs that fail in the same way; the module explains the phases.

    Without `history`, phase 2 is left out, which takes minutes. `hurry` ends the search early: what was found until
    then is the result.
    """
    program = crash.program()
    report = retry(lambda: runner.run([program]).report, crash.report, hurry)
    alone = report is not None
    programs = [program]
    if report is None:
        report = crash.report
        programs = minimize_history(crash, runner, SearchDeadline(HISTORY_SECONDS, hurry)) if history else []
        if not programs:
            return Reproduction(report, (), 0, TRIES)
        together = joined(programs)
        if len(together.calls) <= LONGEST and report.same(runner.run([together]).report):
            programs = [together]
    deadline = SearchDeadline(minimize_seconds, hurry)
    programs = minimize_programs(programs, report, runner, deadline, fresh=not alone)
    return rate(programs, report, runner, complete=not deadline.passed(), hurry=hurry)


def unexamined(crash: Crash) -> Reproduction:
    """The result for a failure that there was no time to reproduce: its history is kept instead."""
    before = [program.program() for program in crash.history[-HISTORY:-1]]
    return Reproduction(crash.report, (), 0, 0, complete=False, history=(*before, crash.program()))


def retry(
    run: Callable[[], Report | None], report: Report, hurry: threading.Event | None = None
) -> Report | None:
    """Run some times until the same failure comes again; None where it does not, or where `hurry` ends the search."""
    for _ in range(TRIES):
        if hurry is not None and hurry.is_set():
            return None
        found = run()
        if report.same(found):
            return found
    return None


def minimize_programs(
    programs: list[Program], report: Report, runner: Runner, deadline: SearchDeadline, *, fresh: bool
) -> list[Program]:
    """Minimize each program, the last one first; with `fresh`, each candidate runs on a kernel of its own."""

    def fails(candidate: Sequence[Program]) -> bool:
        return report.same(runner.run(candidate).report)

    def quickly(candidate: Sequence[Program]) -> bool:
        # A kernel that survived the last candidate is used again; a failure there must come on a fresh kernel, too.
        used = runner.kernel is not None
        return report.same(runner.run(candidate, fresh=False).report) and (not used or fails(candidate))

    def among(index: int, try_all: Callable[[Sequence[Program]], bool]) -> Callable[[Program], bool]:
        return lambda program: try_all([*programs[:index], program, *programs[index + 1 :]])

    for index in reversed(range(len(programs))):
        small = minimize(programs[index], runner.description, among(index, fails if fresh else quickly), deadline)
        programs[index] = small if fresh else remove_calls(small, among(index, fails), deadline)
    return programs


def minimize_history(crash: Crash, runner: Runner, deadline: SearchDeadline) -> list[Program]:
    """Find the fewest programs of the history that fail on a fresh kernel; none where all together do not."""
    history = list(crash.history)

    def fails(some: Sequence[EncodedProgram]) -> bool:
        return crash.report.same(rerun(some, runner).report)

    length = 2
    while not fails(history[-length:]):
        if length >= len(history) or deadline.passed():
            return []
        length = min(length * 4, len(history))
    return resolved(minimize_list(history[-length:], fails, deadline), runner)


def rerun(chosen: Sequence[EncodedProgram], runner: Runner) -> RunResult:
    """Run programs of the history one after the other on a fresh kernel, as the fuzzer did."""
    names = [[encoded.call.name for encoded in candidate.calls] for candidate in chosen]
    return runner.run_encoded([candidate.encoded() for candidate in chosen], names)


def resolved(chosen: Sequence[EncodedProgram], runner: Runner) -> list[Program]:
    """Make programs of candidates, their references resolved as the executor did when they ran one after the other."""
    returned = rerun(chosen, runner).returned
    programs = []
    for candidate in chosen:
        programs.append(candidate.program(returned[: len(candidate.calls)]))
        returned = returned[len(candidate.calls) :]
    return programs


def rate(
    programs: Sequence[Program], report: Report, runner: Runner, *, complete: bool,
    hurry: threading.Event | None = None,
) -> Reproduction:
    """Count how often the programs fail, each time on a fresh kernel; with `hurry`, until they have failed once."""
    last, times, of = count_failures(lambda: runner.run(programs).report, report, hurry)
    return Reproduction(last, tuple(programs) if times else (), times, of, complete)


def count_failures(
    run: Callable[[], Report | None], report: Report, hurry: threading.Event | None = None
) -> tuple[Report, int, int]:
    """Run ten times, with `hurry` until it has failed once: the last report, the runs that failed, and all runs."""
    times = of = 0
    last = report
    while of < RATE_OF and not (times and hurry is not None and hurry.is_set()):
        of += 1
        found = run()
        if found is not None and report.same(found):
            times += 1
            last = found
    return last, times, of
