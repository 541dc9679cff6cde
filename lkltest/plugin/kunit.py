"""The KUnit tests of a kernel as pytest items: a class a suite, a test a case."""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from lkltest import uml
from lkltest.errors import UnusableKernel, UsageError
from lkltest.kernel import Kernel
from lkltest.kunit import build, groups, memory
from lkltest.kunit.declaration import KUnit
from lkltest.kunit.kernel import Options, carries_kunit
from lkltest.kunit.listing import Case
from lkltest.kunit.results import Result, Status
from lkltest.kunit.spread import spread
from lkltest.plugin.kernels import choices_of, obtain, shown_progress
from lkltest.plugin.session import settings_of
from lkltest.plugin.suite import attribute

CONSOLE = "console of the kernel"
CURE = "pass --lkl-kunit-tree the root of a kernel tree, or --uml or --lkl a kernel with CONFIG_KUNIT=y and tests"
MARKS = (
    "slow: a KUnit case that says it takes more than a second",
    "very_slow: a KUnit case that says it takes more than some ten seconds",
    "kunit_module(name): the kernel module of a KUnit case",
)


@dataclass
class KunitRun:
    """A kernel with KUnit, and its run in this process."""

    built: Kernel
    place: Path  # where what is known of it is kept
    options: Options
    everything: tuple[Case, ...]
    known: dict[str, float]  # seconds by the names of cases
    results: dict[Case, Result] = field(default_factory=dict)
    running: Generator[Result, None, None] | None = None
    shares: list[groups.Group] = field(default_factory=list)  # this session's, once the first case has asked

    def result(self, case: Case, group: groups.Group) -> Result:
        """The result of a case, which comes with those of its group."""
        if case not in self.results and self.running is None:
            self.running = self._start(group)
        while case not in self.results:
            assert self.running is not None
            result = next(self.running, None)
            if result is None:  # the case was not of that group
                self.running = self._start(group)
                continue
            self.results[result.case] = result
        return self.results[case]

    def _start(self, group: groups.Group) -> Generator[Result, None, None]:
        """Begin with what is left of a group."""
        left = tuple(case for case in group.cases if case not in self.results)
        return spread(self.built, left, self.everything, 1, self.options, {}, group.hint)

    def close(self) -> None:
        """End the kernel that runs, and remember how long its cases took."""
        if self.running is not None:
            self.running.close()
            self.running = None
        if self.results:
            memory.remember(self.built, self.place, self.results.values())
            self.results.clear()


KERNELS = pytest.StashKey[dict[KUnit, list[KunitRun]]]()
CASE = pytest.StashKey[Case]()


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marks."""
    for line in MARKS:
        config.addinivalue_line("markers", line)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what still runs, as after -x."""
    for kernels in config.stash.get(KERNELS, {}).values():
        for kernel in kernels:
            kernel.close()


def kernels_of(config: pytest.Config, declared: KUnit) -> list[KunitRun]:
    """The kernels that a declaration's cases are run on; none where the user names none that has KUnit."""
    found = config.stash.setdefault(KERNELS, {})
    if declared not in found:
        settings = settings_of(config)
        options = Options(declared.timeout, settings=settings)
        named = [obtain(choice, settings) for choice in choices_of(config) if choice.path]
        places = [(kernel, settings.cache / "kunit") for kernel in named if carries_kunit(kernel)]
        if settings.kunit_tree is not None:
            request = build.Request(settings.kunit_tree, settings.kunitconfig, settings.kconfig_add,
                                    settings.kunit_alltests)  # fmt: skip
            with shown_progress(config, wanted=True) as progress:
                built = build.build(request, settings, progress)
            # It boots with this session's settings, such as its --lkl-uml-fpstate.
            places = [(uml.find(built.linux, settings), built.place)]
        found[declared] = [
            KunitRun(kernel, place, options, memory.cases_of(kernel, place, options), memory.durations(kernel, place))
            for kernel, place in places
        ]
    return found[declared]


def collect(
    parent: pytest.Module | pytest.Class, name: str, declared: KUnit
) -> Iterator[pytest.Collector | pytest.Item]:
    """The suites of each kernel; without one, or where the host cannot run it, one skipped item with the reason."""
    try:
        kernels = kernels_of(parent.config, declared)
    except UnusableKernel as error:
        yield pytest.Function.from_parent(parent, name=name, callobj=refusal(error))
        return
    if not kernels:
        item = pytest.Function.from_parent(parent, name=name, callobj=lambda: None)
        settings = settings_of(parent.config)
        lacking = ", ".join(f"{path} lacks CONFIG_KUNIT" for path in (*settings.uml, *settings.lkl))
        item.add_marker(pytest.mark.skip(reason=f"no kernel with KUnit: {CURE}{lacking and f' ({lacking})'}"))
        yield item
    for kernel in kernels:
        found = suites_of(kernel, declared.pattern, named=len(kernels) > 1)
        if not found:
            raise UsageError(f"no case of {kernel.built.path} matches {declared.pattern!r}: mend it in {parent.path}")
        for title, members in found.items():
            yield KunitSuite.of(parent, title, kernel, members)


def refusal(error: UnusableKernel) -> Callable[[], None]:
    """A test of a kernel that this host cannot run."""

    def refuse() -> None:
        raise error

    return refuse


def suites_of(kernel: KunitRun, pattern: str, *, named: bool) -> dict[str, list[Case]]:
    """The selected cases of each suite, by the name of its class; the kernel's is part of it where it is `named`."""
    found: dict[str, list[Case]] = {}
    titles: dict[int, str] = {}  # of the blocks of the listing
    for case in groups.selected(pattern, kernel.everything):
        if case.block not in titles:
            again = sum(title.partition("[")[0].partition("#")[0] == case.suite for title in titles.values())
            number = f"#{again + 1}" if again else ""
            titles[case.block] = f"{case.suite}{number}[{kernel.built.name}]" if named else f"{case.suite}{number}"
        found.setdefault(titles[case.block], []).append(case)
    return found


def named(cases: list[Case]) -> Iterator[tuple[str, Case]]:
    """Each case of a suite, by the name of its item."""
    names: Counter[str] = Counter()
    for case in cases:
        names[case.name] += 1
        name = attribute(case.name)
        yield (name if names[case.name] == 1 else f"{name}#{names[case.name]}"), case


class KunitSuite(pytest.Class):
    """A suite of KUnit: a class whose methods are its cases."""

    kernel: KunitRun
    cases: list[Case]

    @classmethod
    def of(cls, parent: pytest.Module | pytest.Class, name: str, kernel: KunitRun, cases: list[Case]) -> Self:
        """Collect the cases of a suite, as `name`."""
        suite: Self = cls.from_parent(parent, name=name)
        suite.kernel, suite.cases = kernel, cases
        suite.obj = suite._getobj()
        return suite

    @property
    def ci_path(self) -> tuple[str, ...]:
        """The place of its cases in a tree of all tests."""
        return ("kunit", self.name.partition("[")[0])

    def _getobj(self) -> type:
        return type(self.name, (), {name: self._test(case) for name, case in named(self.cases)})

    def collect(self) -> Iterator[pytest.Item]:
        """The items, with what their cases say of themselves as marks."""
        info = None  # the same for all: looking it up takes most of a collection's time
        for name, case in named(self.cases):
            info = info or self._fixtures(getattr(self.obj, name))
            item = pytest.Function.from_parent(self, name=name, fixtureinfo=info)
            item.stash[CASE] = case
            if case.speed in {"slow", "very_slow"}:
                item.add_marker(case.speed)
            if case.module:
                item.add_marker(pytest.mark.kunit_module(case.module))
            item.user_properties.append(("kernel", self.kernel.built.name))
            yield item

    def _fixtures(self, test: Callable[..., None]) -> Any:  # noqa: ANN401 -- pytest does not export its type
        """The fixtures that a case takes."""
        return self.session._fixturemanager.getfixtureinfo(self, test, self.obj)  # type: ignore[arg-type] # as pytest

    def _test(self, case: Case) -> Callable[..., None]:
        kernel, path = self.kernel, self.path

        def check(_: object, request: pytest.FixtureRequest, subtests: pytest.Subtests) -> None:
            judge(request.node, kernel.result(case, group_of(request.session, kernel, case)), subtests)

        code = check.__code__.replace(co_filename=str(path), co_firstlineno=1, co_name=case.name)
        return types.FunctionType(code, check.__globals__, case.name, None, check.__closure__)


def judge(item: pytest.Item, result: Result, subtests: pytest.Subtests) -> None:
    """Let an item pass, fail or skip with its case's result; the parameters are subtests."""
    from lkltest.errors import KERNEL_LOST

    if result.console:
        item.add_report_section("call", CONSOLE, result.console)
    if result.warnings:
        item.user_properties.append(("warnings", result.warnings))
    if result.status.lost:
        item.user_properties.append((KERNEL_LOST, result.status.value))
    for parameter in result.parameters:
        with subtests.test(msg=parameter.name):
            conclude(parameter.status, parameter.reason or "see the console of its case")
    conclude(result.status, result.reason or "KUnit says not ok: see its console")


def conclude(status: Status, reason: str) -> None:
    """End a test, or a subtest, with a status."""
    if status is Status.SKIPPED:
        pytest.skip(reason)
    if status.bad:
        pytest.fail(f"{status.value}: {reason}", pytrace=False)


def group_of(session: pytest.Session, kernel: KunitRun, case: Case) -> groups.Group:
    """The selected cases that run in the same kernel as this one: all, or under pytest-xdist a worker's share."""
    if kernel.shares:
        return of(kernel, case)
    items = (item for item in session.items if isinstance(item.parent, KunitSuite) and item.parent.kernel is kernel)
    selected = [item.stash[CASE] for item in items]
    workers = int(getattr(session.config, "workerinput", {}).get("workercount", 1))
    kernel.shares = divided(kernel, selected, workers)
    return of(kernel, case)


def of(kernel: KunitRun, case: Case) -> groups.Group:
    """The group of a case."""
    return next(group for group in kernel.shares if case in group.cases)


def divided(kernel: KunitRun, selected: list[Case], workers: int) -> list[groups.Group]:
    """The groups of a session's cases; the same in each of its processes."""
    order = {case: number for number, case in enumerate(kernel.everything)}
    cases = sorted(dict.fromkeys(selected), key=order.__getitem__)
    return groups.divide(cases, kernel.everything, workers, kernel.known)


def shares(config: pytest.Config, ids: list[str], workers: int) -> dict[str, str]:
    """The worker's share that each id of a case belongs to, for pytest-xdist's controller, which collects nothing."""
    found: dict[str, str] = {}
    try:
        kernels = kernels_of(config, KUnit())
    except UnusableKernel:  # no case was collected
        return found
    for kernel in kernels:
        cases = {
            f"{title}::{name}": case
            for title, members in suites_of(kernel, "", named=len(kernels) > 1).items()
            for name, case in named(members)
        }
        chosen = {nodeid: cases[tail] for nodeid in ids if (tail := nodeid.partition("::")[2]) in cases}
        for number, group in enumerate(divided(kernel, list(chosen.values()), workers)):
            members = set(group.cases)
            found |= {nodeid: f"{kernel.built.path} {number}" for nodeid, case in chosen.items() if case in members}
    return found
