"""A program that prints TAP as a pytest class, whose methods are its points."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lkltest.errors import UsageError
from lkltest.plugin import known_names
from lkltest.plugin.run_items import group
from lkltest.plugin.running import RunArguments
from lkltest.plugin.session import LAST, settings_of
from lkltest.plugin.suite import EXIT, UNTABLED, ProgramSuite, item_name
from lkltest.plugin.tap_running import TapRun
from lkltest.program.naming import unique
from lkltest.program.table import Declared
from lkltest.program.tap_launch import list_names
from lkltest.program.tap_program import TapProgram, TapPrograms
from lkltest.settings import Settings


class TapSuite(ProgramSuite):
    """A declared program that prints TAP. Its points are those that it lists, or that came in the last run."""

    kernels = ()
    declared: TapProgram
    variable: str  # of the suite's file that declares it

    @classmethod
    def declared_as(
        cls, parent: pytest.Module | pytest.Class, name: str, declared: TapProgram, variable: str
    ) -> TapSuite:
        """Collect a program under a name of its own."""
        suite = cls.from_parent(parent, name=name)
        suite.declared, suite.variable = declared, variable
        suite.complete(declared)  # type: ignore[arg-type] # it has the timeouts and the case of a C program
        return suite

    @property
    def ci_path(self) -> tuple[str, ...]:
        """The place of its points in a tree of all tests."""
        return ("tap", self.name)

    @property
    def directory(self) -> Path:
        """The directory that its paths are relative to."""
        given = getattr(self.parent, "directory", None)
        return given if isinstance(given, Path) else self.path.parent

    @property
    def remembers(self) -> bool:
        """Whether the names of its points are those of the last run."""
        return self.declared.list is None and self.declared.names is None

    @property
    def place_in_cache(self) -> str:
        """The place in the cache where the names are kept."""
        return known_names.key(self.nodeid, self.declared)

    def place(self, name: str) -> tuple[str, int]:  # noqa: ARG002 -- no file is known to declare a point
        """The file and line that declare the program."""
        return str(self.path), self.line

    def begin(
        self, kernel: Any, arguments: RunArguments, asked: pytest.Item, settings: Settings  # noqa: ANN401 -- a fixture's
    ) -> TapRun:
        """Prepare a run for the item that asked for it first."""
        return TapRun(self, kernel, arguments, asked, group(asked)[1], settings)

    def _read_points(self) -> None:
        self.source, self.points = self.path, ()
        try:
            names = list_names(self.declared, self.directory, settings_of(self.config).timeout)
        except UsageError as error:
            self.mistake = str(error)
            return
        if self.remembers:
            names = known_names.recall(self.config, self.place_in_cache)
        self.points = tuple(Declared(name, 1) for name in names)

    def _make_tests(self) -> dict[str, Callable[..., None]]:
        if not self.points and not self.mistake:
            return {UNTABLED: self._make_untabled()}
        tests: dict[str, Callable[..., None]] = {}
        twins: dict[str, int] = {}
        for point in self.points:
            tests[unique(item_name(point.name), tests, twins)] = self._make_point(point)
        end = EXIT if EXIT not in tests else f"{EXIT}#program"
        return {**tests, end: self._make_point(None)}

    def _make_point(self, point: Declared | None) -> Callable[..., None]:
        name = point.name if point else None

        def check(_: object, request: pytest.FixtureRequest, lkltest_run: TapRun, subtests: pytest.Subtests) -> None:
            lkltest_run.check_shown(name, request.node, subtests, last=request.node.stash[LAST])

        return self._locate(check, name or EXIT, native=False)

    def _find_line(self) -> int:
        if not self.variable:  # of the command line
            return 1
        text = self.path.read_text(encoding="utf-8", errors="replace")
        match = re.search(rf"^[^\S\n]*(?:def )?{re.escape(self.variable)}\b", text, re.MULTILINE)
        return text.count("\n", 0, match.start()) + 1 if match else 1


def collect(
    parent: pytest.Module | pytest.Class, name: str, declared: TapProgram | TapPrograms
) -> Sequence[TapSuite]:
    """The suites of a declaration; raises UsageError where there is no such program."""
    variable = "" if hasattr(parent, "directory") else name
    if isinstance(declared, TapProgram):
        return [TapSuite.declared_as(parent, item_name(name), declared, variable)]
    found = declared.find(parent.path.parent)
    return [TapSuite.declared_as(parent, item_name(f"{name}:{path}"), one, variable) for path, one in found]
