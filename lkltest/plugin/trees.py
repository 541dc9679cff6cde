"""The test programs of kernel trees as pytest items: each tree's own table decides which points there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest import liblkl
from lkltest.kernel import Kernel
from lkltest.liblkl import Liblkl
from lkltest.plugin.kernels import choices_of, obtain_library
from lkltest.plugin.session import Choice, settings_of
from lkltest.plugin.suite import ProgramSuite
from lkltest.program import OtherTreePrograms, TreeProgram, tree
from lkltest.program.launch import points_for
from lkltest.program.table import Declared
from lkltest.settings import Settings


def collect_others(parent: pytest.Module | pytest.Class, others: OtherTreePrograms) -> list[TreeSuite]:
    """The suites of the programs that any kernel's tree has besides the known ones."""
    found: set[str] = set()
    for choice in choices_of(parent.config):
        kernel = kernel_of(choice, settings_of(parent.config))
        if kernel is not None and kernel.tests is not None:
            found |= set(tree.listed(kernel))
    names = sorted(found - set(others.known))
    return [TreeSuite.of(parent, name, TreeProgram(name, told=False)) for name in names]


def kernel_of(choice: Choice, settings: Settings) -> Liblkl | None:
    """A library that was chosen, if it is one and is built."""
    if choice.uml or (choice.path is None and not liblkl.is_built(settings)):
        return None
    return obtain_library(choice, settings)


class TreeSuite(ProgramSuite):
    """A program of a tree's own. Its points are those of all kernels, each of which runs the ones in its own table."""

    tables: dict[str, tuple[Declared, ...]]  # by a kernel's name; empty: the program has no table there
    lacking: dict[str, str]  # by a kernel's name: why it has not got the program

    def _read_points(self) -> None:
        self.tables, self.lacking = {}, {}
        self.source = self.path
        for choice in choices_of(self.config):
            if not choice.uml:
                self._read_table(choice)
        points = {point.name: point for table in self.tables.values() for point in table}
        self.points = tuple(points.values())

    def _read_table(self, choice: Choice) -> None:
        kernel = kernel_of(choice, settings_of(self.config))
        why = f"{choice.name} has no tests of its own: pass --lkl a whole LKL tree"
        if kernel is not None:
            why = tree.missing(kernel, self.program.source)
        if kernel is not None and not why:
            self.source = self.source_on(kernel)
            self.tables[choice.name] = self.points_on(kernel)
        elif getattr(self.program, "told", True):
            self.lacking[choice.name] = why

    def source_on(self, kernel: Kernel) -> Path:
        """The source in the kernel's own tree."""
        return tree.sources(kernel, self.program.source)[0]

    def points_on(self, kernel: Kernel) -> tuple[Declared, ...]:
        """The points of the kernel's own table."""
        return points_for(self.program, kernel, settings_of(self.config))

    def _make_tests(self) -> dict[str, Callable[..., None]]:
        names = {kernel: {point.name for point in table} for kernel, table in self.tables.items()}
        having = {
            point.name: frozenset(kernel for kernel in names if point.name in names[kernel]) for point in self.points
        }
        tests = {point.name: on(having[point.name], self._make_point(point)) for point in self.points}
        tabled = {kernel for kernel, table in self.tables.items() if table}
        tests[self.end] = on(frozenset({*tabled, *self.lacking}), self._make_point(None))
        tests["program"] = on(frozenset(set(self.tables) - tabled), self._make_untabled())
        return {name: test for name, test in tests.items() if test.lkltest_only}  # type: ignore[attr-defined]


def on(kernels: frozenset[str], test: Callable[..., None]) -> Callable[..., None]:
    """Let a test be for these kernels only."""
    test.lkltest_only = kernels  # type: ignore[attr-defined]
    return test
