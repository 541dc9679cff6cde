"""The kselftests of a kernel tree as pytest classes, whose methods are their points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pytest

from lkltest import uml
from lkltest.errors import LkltestError, UsageError
from lkltest.kselftest import kernel as kernels
from lkltest.kselftest import launch, programs, tests
from lkltest.kselftest.declaration import SUITABLE, UNSUITABLE, Kselftest
from lkltest.kselftest.sources import Sources, copy
from lkltest.kselftest.tests import Selftest
from lkltest.plugin.causes import first_line
from lkltest.plugin.kernels import shown_progress
from lkltest.plugin.run_items import group
from lkltest.plugin.running import RunArguments
from lkltest.plugin.session import INEXCUSABLE, settings_of
from lkltest.plugin.suite import item_name
from lkltest.plugin.tap_running import TapRun
from lkltest.plugin.tap_suite import TapSuite
from lkltest.program.command import Launch
from lkltest.program.declaration import Timeouts
from lkltest.program.results import End, Kind, Result, State
from lkltest.program.table import Declared
from lkltest.program.tap_program import TapProgram
from lkltest.settings import Settings
from lkltest.uml import Uml

if TYPE_CHECKING:
    from lkltest.program.series import Series

Found = TypeVar("Found")

CURE = "pass --lkl-kselftest-tree the root of a kernel tree"
# A kernel without what a test needs may well answer so; a panic, a hang or a complaint has no excuse.
EXCUSED = {Kind.EXIT_STATUS, Kind.OUTPUT, Kind.BAIL_OUT, Kind.UNDECLARED, Kind.MISSING}


@dataclass
class Bench:
    """The tests of a declaration, and what of them is built in this process."""

    config: pytest.Config
    settings: Settings
    sources: Sources
    targets: tuple[str, ...]
    tests: tuple[Selftest, ...]
    timeout: float | None
    unsuitable: frozenset[Selftest] = frozenset()  # those of `tests` that are skipped
    built: dict[str, Path | LkltestError] = field(default_factory=dict)  # the directory of each target
    programs: dict[Selftest, Path | LkltestError] = field(default_factory=dict)
    umls: dict[Path | None, Uml | LkltestError] = field(default_factory=dict)
    options: dict[Path, Any] = field(default_factory=dict)  # the configuration of each UML

    def kernel(self, named: Path | None) -> Uml:
        """The UML that was named, or the one built from the tree, or else the installed one.

        Where it does not build, it is not tried again for the next test.
        """
        if named not in self.umls:
            try:
                self.umls[named] = replace(self._find_kernel(named), settings=self.settings)
            except LkltestError as error:
                self.umls[named] = error
        return _given(self.umls[named])

    def _find_kernel(self, named: Path | None) -> Uml:
        if named is not None or not kernels.has_kernel(self.sources.tree):
            return uml.find(named, self.settings)
        with shown_progress(self.config, wanted=True) as progress:
            return kernels.build(self.sources, self.targets, self.settings, progress)

    def lacking(self, kernel: Uml, target: str) -> list[str]:
        """The options that a target asks for and a kernel does not have."""
        asked = tests.options_of(self.sources, target)
        if not asked:
            return []
        if kernel.path not in self.options:
            self.options[kernel.path] = kernels.options(kernel)
        return tests.lacking(asked, self.options[kernel.path])

    def program(self, test: Selftest) -> Path:
        """The built program of a test; raises BuildError or UsageError where there is none."""
        if test.target not in self.built:
            try:
                with shown_progress(self.config, wanted=True) as progress:
                    programs.build(self.sources, test.target, self.settings, progress)
                self.built[test.target] = self.sources.selftests / test.target
            except LkltestError as error:
                self.built[test.target] = error
        _given(self.built[test.target])
        if test not in self.programs:
            try:
                self.programs[test] = programs.demand(self.sources, test, self.settings)
            except LkltestError as error:
                self.programs[test] = error
        return _given(self.programs[test])


def _given(found: Found | LkltestError) -> Found:
    """The value that was found; raises the error that came in its place."""
    if isinstance(found, LkltestError):
        raise found
    return found


BENCHES = pytest.StashKey[dict[Kselftest, Bench]]()


def bench_of(config: pytest.Config, declared: Kselftest) -> Bench | None:
    """The tests of a declaration; None where no tree is named."""
    benches = config.stash.setdefault(BENCHES, {})
    settings = settings_of(config)
    if settings.kselftest_tree is None:
        return None
    if declared not in benches:
        with shown_progress(config, wanted=True) as progress:
            sources = copy(settings.kselftest_tree, settings, progress)
        named = declared.targets or tuple(word for text in settings.kselftest_target for word in text.split())
        there = (name for name in SUITABLE if (sources.selftests / tests.target_of(name) / "Makefile").is_file())
        targets = named or tuple(there)
        found = {name: tests.selected(sources, name) for name in targets}
        if lacking := [name for name in named if not found[name]]:
            raise UsageError(f"no kselftest is {lacking[0]}: see TEST_GEN_PROGS and TEST_PROGS in the makefile of "
                             f"tools/testing/selftests/{tests.target_of(lacking[0])}")  # fmt: skip
        chosen = tuple(dict.fromkeys(test for members in found.values() for test in members))
        if not chosen:
            raise UsageError(f"{settings.kselftest_tree} has none of the kselftests that suit a UML: name one with "
                             "--lkl-kselftest-target")  # fmt: skip
        unsuitable = frozenset() if named else frozenset(test for test in chosen if test.full in UNSUITABLE)
        benches[declared] = Bench(config, settings, sources, targets, chosen, declared.timeout, unsuitable)
    return benches[declared]


def collect(
    parent: pytest.Module | pytest.Class, name: str, declared: Kselftest
) -> Iterator[pytest.Collector | pytest.Item]:
    """The tests of each target, on each kernel; without a tree, one skipped item with the cure."""
    bench = bench_of(parent.config, declared)
    if bench is None:
        item = pytest.Function.from_parent(parent, name=name, callobj=lambda: None)
        item.add_marker(pytest.mark.skip(reason=f"no kernel tree with kselftests: {CURE}"))
        yield item
        return
    named: Sequence[Path | None] = list(dict.fromkeys(bench.settings.uml)) or [None]
    titles = [f"[{uml.inspect(path).name}]" if path and len(named) > 1 else "" for path in named]
    if bench.settings.uml == () and not kernels.has_kernel(bench.sources.tree) and uml.default() is None:
        raise UsageError(f"{bench.sources.tree} is no whole kernel tree, and no UML is installed: name one with --uml")
    for path, title in zip(named, titles, strict=True):
        for test in bench.tests:
            if test in bench.unsuitable:
                yield left_out(parent, test, title)
            else:
                yield KselftestSuite.of_test(parent, name, bench, test, path, title)


def left_out(parent: pytest.Module | pytest.Class, test: Selftest, title: str) -> pytest.Item:
    """A skipped item for a test that suits no UML, unless the user names it."""
    item = pytest.Function.from_parent(parent, name=f"{item_name(test.full)}{title}", callobj=lambda: None)
    reason = f"no UML can pass it: it {UNSUITABLE[test.full]}; --lkl-kselftest-target={test.full} runs it"
    item.add_marker(pytest.mark.skip(reason=reason))
    return item


class KselftestSuite(TapSuite):
    """One kselftest. Its points are those that came in the last run."""

    bench: Bench
    test: Selftest
    uml_path: Path | None  # of the kernel that was named

    @classmethod
    def of_test(
        cls, parent: pytest.Module | pytest.Class, variable: str, bench: Bench, test: Selftest, path: Path | None,
        title: str,
    ) -> KselftestSuite:  # fmt: skip
        """Collect a test under its name."""
        suite: KselftestSuite = cls.from_parent(parent, name=f"{item_name(test.full)}{title}")
        suite.bench, suite.test, suite.uml_path = bench, test, path
        timeout = bench.timeout or tests.timeout_of(bench.sources, test.target)
        suite.declared, suite.variable = TapProgram([test.full], timeout=timeout), variable
        suite.complete(suite.declared)  # type: ignore[arg-type] # it has the timeouts and the case of a C program
        return suite

    @property
    def ci_path(self) -> tuple[str, ...]:
        """The place of its points in a tree of all tests."""
        return ("kselftest", *self.test.target.split("/"), self.test.name)

    @property
    def remembers(self) -> bool:
        """Whether the names of its points are those of the last run."""
        return True

    def begin(
        self, kernel: Any, arguments: RunArguments, asked: pytest.Item, settings: Settings  # noqa: ANN401 -- a fixture's
    ) -> TapRun:
        """Prepare a run for the item that asked for it first."""
        return KselftestRun(self, kernel, arguments, asked, group(asked)[1], settings)


class KselftestRun(TapRun):
    """One run of a kselftest, in a UML of its own."""

    suite: KselftestSuite

    def __init__(
        self, suite: KselftestSuite, kernel: Any, arguments: RunArguments, node: pytest.Item,  # noqa: ANN401
        parameters: str, settings: Settings,
    ) -> None:  # fmt: skip
        super().__init__(suite, kernel, arguments, node, parameters, settings)
        self.lacking: list[str] = []
        self.excused = False  # something of it has failed that the lacking options may be the reason of
        if node.get_closest_marker("lkl_timeout") is None:  # kselftest's programs may be silent for all their time
            self.timeouts = Timeouts(self.timeouts.program, None)

    def _prepare(self) -> tuple[Launch, Sequence[Declared]]:
        bench, test = self.suite.bench, self.suite.test
        try:
            program = bench.program(test)
        except programs.NotBuildable as error:
            pytest.skip(str(error))
        kernel = bench.kernel(self.suite.uml_path)
        self.kernel = kernel
        self.lacking = bench.lacking(kernel, test.target)
        prepared = launch.prepare(test, program, bench.sources, kernel, self.settings, self.scratch)
        return prepared, self.suite.points

    def check(self, name: str | None, item: pytest.Item, *, last: bool) -> None:
        """As for any program; the end of one that skips is a skip."""
        super().check(name, item, last=last)
        if name is None and self.run is not None and self.run.skipped is not None:
            self._conclude(Result("exit", State.SKIPPED, self.run.skipped), item)
        if name is None:
            self._skip_excused()

    def check_all(self, item: pytest.Item, subtests: pytest.Subtests) -> None:
        """As for any program; a failure that was excused is a skip of the whole."""
        super().check_all(item, subtests)
        self._skip_excused()

    def _skip_excused(self) -> None:
        if self.excused:
            pytest.skip(f"proves nothing, as {self._in_words()}")

    def _started(self, item: pytest.Item) -> Series:
        run = super()._started(item)
        if self.kernel is not None and "kernel" not in dict(item.user_properties):
            item.user_properties.append(("kernel", self.kernel.name))
        return run

    def _record_loss(self, item: pytest.Item, end: End) -> None:
        """As for any program; no list of known failures excuses a kernel that was lost or has complained."""
        super()._record_loss(item, end)
        item.stash[INEXCUSABLE] = end.lost is not None or any(one.kind is Kind.COMPLAINT for one in end.problems)

    def _conclude(self, result: Result, item: pytest.Item) -> None:
        if result.state is State.SKIPPED and self.lacking:
            result = replace(result, message=f"{result.message} ({self._in_words()})")
        super()._conclude(result, item)

    def _in_words(self) -> str:
        return tests.in_words(self.lacking, self.suite.test.target)

    def _fail(self, message: str, *, artifacts: bool = True) -> NoReturn:
        if self.lacking and self.run is not None and self._is_excused():
            self.good, self.excused = False, True
            pytest.skip(f"proves nothing, as {self._in_words()}; it said: {first_line(message)}")
        super()._fail(message, artifacts=artifacts)

    def _is_excused(self) -> bool:
        """Whether the options that the kernel lacks may be why the test fails."""
        assert self.run is not None
        problems = self.run.end().problems
        return all(problem.kind in EXCUSED for problem in problems)

    def _keep_program(self, launch: Launch) -> str:
        """The line that says what ran; the program stays in the cache."""
        return f"\nprogram:   {launch.program}"
