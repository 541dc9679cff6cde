"""A run of a program that prints TAP, as the items of its points see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from lkltest.plugin import known_names
from lkltest.plugin.running import ProgramRun, Suite, printable
from lkltest.plugin.session import RESULT
from lkltest.program.command import Launch
from lkltest.program.declaration import Call
from lkltest.program.results import Result
from lkltest.program.table import Declared
from lkltest.program.tap_launch import prepare
from lkltest.program.tap_program import TapProgram
from lkltest.program.verdict import is_whole

EXCUSED = "not ok, but the point that sums it up is not"


class Declaring(Suite, Protocol):
    """The class of items of a `TapProgram`."""

    config: pytest.Config
    declared: TapProgram
    points: tuple[Declared, ...]

    @property
    def directory(self) -> Path:
        """The directory that the program's paths are relative to."""

    @property
    def remembers(self) -> bool:
        """Whether the names of its points are those of the last run."""

    @property
    def place_in_cache(self) -> str:
        """The place in the cache where the names are kept."""


class TapRun(ProgramRun):
    """One run of a `TapProgram`: it needs no kernel, and its points are known from the last run only."""

    suite: Declaring

    def close(self) -> None:
        """End the program, keep the files for looking into a failure, and remember the names of its points."""
        try:
            super().close()
        finally:
            self._remember()

    def check_shown(self, name: str | None, item: pytest.Item, subtests: pytest.Subtests, *, last: bool) -> None:
        """As `check`; results inside the point, and at the end points that nobody knew of, are subtests of the item."""
        run = self._started(item)
        if name is not None:
            self._show_within(run.result(name), item, subtests)
        else:
            run.end()
            for result in () if run.run.flooded else self._new(run.run.results.values()):
                self._show(result, item, subtests)
        self.check(name, item, last=last)

    def _show(self, result: Result, item: pytest.Item, subtests: pytest.Subtests) -> None:
        self._show_within(result, item, subtests, f"{result.name} > ")
        super()._show(result, item, subtests)

    def _show_within(self, result: Result, item: pytest.Item, subtests: pytest.Subtests, way: str = "") -> None:
        """Show the results inside a point, whose own result decides; `way` stands before their names."""
        for inner in (replace(inner, name=way + inner.name) for inner in result.within):
            if not inner.bad or result.bad:
                super()._show(inner, item, subtests)
                continue
            item.stash[RESULT] = inner
            with subtests.test(msg=printable(inner.name)):
                pytest.xfail(f"{inner.message}\n{EXCUSED}".strip())
            del item.stash[RESULT]

    def _new(self, results: Iterable[Result]) -> Iterator[Result]:
        """The results of points that were not known before the run."""
        known = {point.name for point in self.suite.points}
        return (result for result in results if result.name not in known)

    def _prepare(self) -> tuple[Launch, Sequence[Declared]]:
        launch = prepare(self.suite.declared, self.suite.directory, Call.of(self.arguments))
        return launch, self.suite.points

    def _keep_program(self, launch: Launch) -> str:
        """The line that says how to run it by hand; it stays where it is."""
        return f"\nby hand:   {launch.command}"

    def _remember(self) -> None:
        """Remember the names for the next run, all of them only where the program was not cut short."""
        suite = self.suite
        if self.run is None or not suite.remembers or self.run.run.flooded:
            return
        run = self.run.run  # the only one: nobody could tell the program where to go on
        names = list(run.results)
        if self.parameters or run.evidence is None or not is_whole(run.evidence):
            names = known_names.merged([point.name for point in suite.points], names)
        known_names.remember(suite.config, suite.place_in_cache, names)
