"""Reproduces a failure of an input, and makes the input smaller: the fewest changed bytes, the fewest calls.

1. Run the input on a fresh kernel, some times. A failure that does not come again may need what earlier images did to
   the same kernel: it is kept without an input.
2. `fewer_changes`: drop changed bytes, halves first, down to single ones. Each candidate's checksums are put right
   again, so that the kernel gets as far as before; the bytes of checksums follow from the others. They are left alone
   where the failure needs a wrong checksum.
3. `repro.minimize`: drop calls, and simplify their arguments. Then step 2 once more: a shorter program reads less.
4. Count on how many of ten fresh kernels the result fails.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.images.inputs import Changes, Input
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.minimize import SearchDeadline, minimize, minimize_list
from lkltest.fuzz.repro.report import Report, ReportType
from lkltest.fuzz.repro.repro import TRIES, count_failures, retry
from lkltest.fuzz.repro.runner import Runner, RunResult
from lkltest.host.closing import Closing

SECONDS = 120.0


@dataclass(frozen=True)
class Shrunk:
    """The result of reproducing a failure."""

    report: Report  # of the last run that failed
    input: Input  # the smallest; as it was met where nothing failed again
    times: int  # runs that failed
    of: int
    complete: bool = True  # whether shrinking came to its end before the deadline
    places: frozenset[int] = frozenset()  # offsets of the changed bytes, without those of checksums


class Shrinker(Closing):
    """Runs inputs of one target on kernels of its own. Use it as a context manager."""

    def __init__(self, target: Target, *, nice: int = 0) -> None:
        self.target = target
        config = replace(target.config, nice=nice)
        self.runner = Runner(config, target.description, stuck_after=config.stuck_after)

    def close(self) -> None:
        """End the kernel."""
        self.runner.close()

    def result(self, tried: Input, *, fresh: bool = True) -> RunResult:
        """Run an input on a fresh kernel, or without `fresh` on the last one if it lives."""
        return self.runner.run_encoded([tried.encode(self.target.description)], [tried.names], fresh=fresh)

    def run(self, tried: Input, *, fresh: bool = True) -> Report | None:
        """The failure of an input; None where it runs through."""
        return self.result(tried, fresh=fresh).report

    def shrink(
        self, met: Input, report: Report, seconds: float = SECONDS, hurry: threading.Event | None = None
    ) -> Shrunk:
        """Find the smallest input that fails in the same way; the module explains the steps.

        `hurry` ends the search early: what was found until then is the result.
        """
        deadline = SearchDeadline(seconds if report.type != ReportType.HANG else 2 * seconds, hurry)
        if report.call != BETWEEN:
            met = replace(met, program=Program(met.program.calls[: report.call + 1]))
        if retry(lambda: self.run(met), report, hurry) is None:
            hurried = hurry is not None and hurry.is_set()  # not all tries were made: it counts as not examined
            return Shrunk(report, met, 0, 0 if hurried else TRIES, complete=not hurried)

        def fails(candidate: Input) -> bool:
            # A kernel that survived the last candidate is used again; a failure there must come on a fresh one, too.
            used = self.runner.kernel is not None
            return report.same(self.run(candidate, fresh=False)) and (not used or report.same(self.run(candidate)))

        small = self.fewer_changes(met, fails, deadline)
        program = minimize(
            small.program, self.target.description,
            lambda program: fails(replace(small, program=program)) if program.calls else False, deadline,
        )
        small = self.fewer_changes(replace(small, program=program), fails, deadline)
        complete = not deadline.passed()
        last, times, of = count_failures(lambda: self.run(small), report, hurry)
        return Shrunk(last, small, times, of, complete, self.places(small))

    def fewer_changes(self, met: Input, fails: Callable[[Input], bool], deadline: SearchDeadline) -> Input:
        """Drop the changed bytes that the failure does not need."""
        places = [(offset + n, data[n : n + 1]) for offset, data in met.changes for n in range(len(data))]
        if not places or deadline.passed():
            return met

        def repaired(kept: Sequence[tuple[int, bytes]]) -> Input:
            return replace(met, changes=self.repaired(kept))

        def bare(kept: Sequence[tuple[int, bytes]]) -> Input:
            return replace(met, changes=tuple(self.target.overlay(kept).changes()))

        if fails(bare([])):
            return bare([])
        among = repaired if fails(repaired(places)) else bare  # what fails by a wrong checksum must keep it
        return among(minimize_list(places, lambda kept: fails(among(kept)), deadline))

    def places(self, small: Input) -> frozenset[int]:
        """The offsets of an input's changed bytes, without those of checksums: repair brings these back by itself."""
        found: set[int] = set()
        for offset, data in small.changes:
            rest = [change for change in small.changes if change[0] != offset]
            if tuple(self.repaired(rest)) != small.changes:
                found |= set(range(offset, offset + len(data)))
        return frozenset(found)

    def repaired(self, places: Sequence[tuple[int, bytes]]) -> Changes:
        """The changes of an image with these bytes, and right checksums."""
        image = self.target.overlay(places)
        self.target.metadata.repair(image)
        return tuple(image.changes())
