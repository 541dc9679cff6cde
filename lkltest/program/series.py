"""The runs of one program: it is started again after its kernel was lost in a point, for the points that are left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lkltest.host.closing import Closing
from lkltest.program.command import Launch
from lkltest.program.declaration import Timeouts
from lkltest.program.evidence import Limited
from lkltest.program.needs import Needs, argument
from lkltest.program.results import End, Kind, Problem, Result
from lkltest.program.table import Declared

if TYPE_CHECKING:
    from lkltest.program.run import Run


INIT_ARGUMENT = 1000  # bytes: an init's arguments stand on the command line of its kernel, which is bounded


class Series(Closing):
    """The runs of a program, whose points come one by one as if of one run; leaves none of their processes behind."""

    def __init__(
        self,
        launch: Launch,
        points: Sequence[Declared],
        timeouts: Timeouts,
        directory: Path,
        *,
        wanted: Collection[str] | None = None,
        restarts: int = 0,
        echo: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        """Start the program for the `wanted` points and what they need; None: for its whole table.

        It is started again at most `restarts` times. Each run keeps its output in `directory`, later ones below it.
        """
        self.needs = Needs(points)
        self.wanted = wanted
        part = self.needs.points if wanted is None else self.needs.part(wanted)
        part = part or self.needs.points
        self.whole = len(part) == len(self.needs.points)  # nothing of the table was left out from the beginning
        self.original, self.timeouts, self.directory, self.echo = launch, timeouts, directory, echo
        self.left = restarts
        self.first: str | None = None  # the point in which the program died first
        self.dead: list[str] = []  # points in which the program died, and without which it was started again
        self.unlucky: set[str] = set()  # points in which the program died, and with which it was started once more
        self.earlier: list[Run] = []  # runs that have ended, and after which it was started again
        self.results: dict[str, Result] = {}  # of the earlier runs
        self.notes: list[Problem] = []
        self.run: Run = self._start(part)

    def close(self) -> None:
        """Kill what is left of the program, and keep what it printed."""
        self.run.close()

    @property
    def launch(self) -> Launch:
        """The first run's command: what to run by hand."""
        return (self.earlier or [self.run])[0].launch

    @property
    def over(self) -> bool:
        """Whether the last run has come to its end."""
        return self.run.over

    @property
    def running(self) -> str | None:
        """The point in which the program died first, or that runs now; None between two."""
        return self.first or self.run.running

    @property
    def incomplete(self) -> str:
        """Words about what is missing in the directory; empty where nothing is."""
        return next((run.incomplete for run in (*self.earlier, self.run) if run.incomplete), "")

    @property
    def skipped(self) -> str | None:
        """Why the program skips all its points; None where it does not."""
        return self.run.skipped

    def next_result(self) -> Result | None:
        """Wait for the next point of a program without a table, which is never started again; None at its end."""
        return self.run.next_result()

    def result(self, name: str) -> Result:
        """Wait for the result of a point, or for the last of the ends: then the point is lost."""
        while name not in self.results:
            if (run := self._left_out(name)) is not None:
                return run.result(name)
            result = self.run.result(name)
            if not self.run.over or not self._again():
                return result
        return self.results[name]

    def _left_out(self, name: str) -> Run | None:
        """The earlier run whose end is why the program was not started again for a point; None where it was."""
        if not self.earlier:
            return None
        names = [{point.name for point in run.points} for run in (*self.earlier, self.run)]
        return next((run for run, later in zip(self.earlier, names[1:], strict=True) if name not in later), None)

    def end(self) -> End:
        """Wait for the end of the last run; the verdict on all of them together."""
        self.run.end()
        while self._again():
            self.run.end()
        last = self.run.end()
        if not self.earlier:
            return last
        first = self.earlier[0].end()
        ends = [run.end() for run in (*self.earlier, self.run)]
        told = [problem for end in ends for problem in end.problems if problem.kind is not Kind.MISSING]
        problems = (*self._worse(), *told, *self.notes, *self._missing())
        return replace(first, problems=problems, seconds=sum(end.seconds for end in ends))

    def _missing(self) -> list[Problem]:
        """The problem of the points that no run has come to."""
        have = {**self.run.results, **self.results}
        names = [point.name for point in self._expected() if point.name not in have]
        if not names:
            return []
        count = f"{len(names)} of {len(self._expected())}"
        return [Problem(Kind.MISSING, f"{count} points have no result in any run, first {names[0]!r}")]

    def _start(self, part: Sequence[Declared]) -> Run:
        """Start the program for a part of its points."""
        chosen = argument(self.needs.points, part)
        if self.original.native and len(chosen) > INIT_ARGUMENT:
            part, chosen = self.needs.points, ""
        launch = self._with(chosen) if chosen else self.original
        number = len(self.earlier)
        directory = self.directory / f"restart-{number}" if number else self.directory
        child = launch.start()
        from lkltest.program.run import Run  # what reads its output loads while the kernel boots

        return Run(launch, child, part, self.timeouts, directory, echo=self.echo)

    def _with(self, chosen: str) -> Launch:
        """The command with one argument more; an init's stand behind a "--" and in quotes."""
        argv = self.original.argv
        if self.original.native:
            return replace(self.original, argv=(*argv, *(() if "--" in argv else ("--",)), f'"{chosen}"'))
        return replace(self.original, argv=(*argv, chosen))

    def _again(self) -> bool:
        """Start the program again for the remaining points, if the run that has ended died in a point."""
        run, evidence = self.run, self.run.evidence
        if evidence is None or not self.left or not _died_in_point(run):
            return False
        dead = evidence.running
        assert dead is not None
        have = {**run.results, **self.results}
        wanted = [point.name for point in self._expected() if point.name not in {*have, *self.dead, dead}]
        part = self.needs.without(wanted, gone := [*self.dead, dead])
        new = [point.name for point in part if point.name not in have]
        first = new[0] if new else ""
        note = f"started again without {dead!r} for {len(new)} points that do not need it, first {first!r}"
        if reason := self._once_more(dead):
            self.unlucky.add(dead)
            part = self.needs.without(wanted, gone := self.dead)
            note = f"{reason}: started once more"
        if not part:
            return False
        self._keep(run, note)
        self.first = self.first or dead
        self.dead = gone
        self.left -= 1
        run.close()
        self.earlier.append(run)
        self.run = self._start(part)
        return True

    def _once_more(self, dead: str) -> str:
        """Why the program is started once more with the point in which it died; empty where it is not.

        Some libraries crash in some of their starts, more often on a busy machine: after a crash the program is
        started again as long as there are restarts, after a hang once.
        """
        evidence, before = self.run.evidence, self.results.get(dead)
        if before is not None and not before.bad:
            again = dead not in self.unlucky
            return f"{dead!r} was good at first and killed its kernel when it ran again" if again else ""
        told = self.wanted is None or dead in self.wanted  # else nothing would fail for this death
        hung = evidence is not None and evidence.timeout is not None
        again = told and self.needs.begins(dead) and not (hung and dead in self.unlucky)
        return f"all points behind {dead!r} need it" if again else ""

    def _expected(self) -> Sequence[Declared]:
        """The points that the first run was started for."""
        return (self.earlier or [self.run])[0].points

    def _keep(self, run: Run, note: str) -> None:
        """Keep the results of a run that died, the first ones of points that ran again; report the new start."""
        dead = run.evidence.running if run.evidence else None
        assert dead is not None
        lost = run.result(dead)
        self.results = {**run.results, dead: replace(lost, message=f"{lost.message}\n\n{note}"), **self.results}
        self.notes.append(Problem(Kind.RESTARTED, note))

    def _worse(self) -> list[Problem]:
        """The problems of points that were good at first and bad when they ran again, as others need them."""
        return [
            Problem(Kind.RESTARTED, f"{name!r} was good at first and failed when it ran again: {result.message}")
            for run in (*self.earlier[1:], self.run) for name, result in run.results.items()
            if result.bad and name in self.results and not self.results[name].bad
        ]  # fmt: skip


def _died_in_point(run: Run) -> bool:
    """Whether a run ended with its kernel lost in a point, and not because the program's timeout passed."""
    evidence = run.evidence
    if evidence is None or evidence.running is None or not run.points or run.end().lost is None:
        return False
    return evidence.timeout is None or evidence.timeout.of is Limited.POINT
