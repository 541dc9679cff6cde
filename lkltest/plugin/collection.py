"""Collect the test points of programs as items of a session."""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from lkltest.errors import LkltestError
from lkltest.plugin.run_items import group, is_point, run_of
from lkltest.plugin.session import LAST, SELECTED, refusing

if TYPE_CHECKING:
    from lkltest.program import OtherTreePrograms, Program, TapProgram, TapPrograms


def pytest_pycollect_makeitem(
    collector: Any, name: str, obj: object  # noqa: ANN401 -- what it is, is asked here
) -> pytest.Collector | list[pytest.Collector | pytest.Item] | None:
    """Collect a declared program, or several."""
    for module, collect in (("lkltest.kunit", _collect_kunit), ("lkltest.kselftest", _collect_kselftest)):
        if module in sys.modules and (found := collect(collector, name, obj)) is not None:
            return found
    if "lkltest.program" not in sys.modules:
        return None  # nobody has declared one, and most sessions of most users never load what it takes
    from lkltest.plugin.suite import ProgramSuite

    if isinstance(collector, ProgramSuite):
        return collector.make_items(name, obj)  # type: ignore[arg-type] # it looks at what it is
    if not isinstance(collector, (pytest.Module, pytest.Class)):
        return None
    from lkltest.program import OtherTreePrograms, Program, TapProgram, TapPrograms

    if isinstance(obj, (TapProgram, TapPrograms)):
        return _collect_tap(collector, name, obj)
    return _collect(collector, name, obj) if isinstance(obj, (Program, OtherTreePrograms)) else None


def _collect(
    parent: pytest.Module | pytest.Class, name: str, declared: Program | OtherTreePrograms
) -> pytest.Collector | list[pytest.Collector | pytest.Item]:
    """Collect programs that run on kernels."""
    from lkltest.plugin.suite import ProgramSuite
    from lkltest.plugin.trees import TreeSuite, collect_others
    from lkltest.program import OtherTreePrograms, TreeProgram

    with refusing(parent.config):
        if isinstance(declared, OtherTreePrograms):
            return [*collect_others(parent, declared)]
        return (TreeSuite if isinstance(declared, TreeProgram) else ProgramSuite).of(parent, name, declared)


def _collect_tap(
    parent: pytest.Module | pytest.Class, name: str, declared: TapProgram | TapPrograms
) -> list[pytest.Collector | pytest.Item]:
    """Collect programs that print TAP: neither a kernel nor a compiler is loaded for them."""
    from lkltest.plugin import tap_suite

    try:
        return [*tap_suite.collect(parent, name, declared)]
    except LkltestError as error:
        raise pytest.Collector.CollectError(str(error)) from None


def _collect_kunit(parent: object, name: str, obj: object) -> list[pytest.Collector | pytest.Item] | None:
    """Collect the KUnit tests of a kernel; None for what declares none."""
    from lkltest.kunit.declaration import KUnit

    if not isinstance(obj, KUnit) or not isinstance(parent, (pytest.Module, pytest.Class)):
        return None
    parent.config.pluginmanager.import_plugin("lkltest.plugin.kunit")
    from lkltest.plugin import kunit

    with refusing(parent.config):
        return [*kunit.collect(parent, name, obj)]


def _collect_kselftest(parent: object, name: str, obj: object) -> list[pytest.Collector | pytest.Item] | None:
    """Collect the kselftests of a tree; None for what declares none."""
    from lkltest.kselftest.declaration import Kselftest

    if not isinstance(obj, Kselftest) or not isinstance(parent, (pytest.Module, pytest.Class)):
        return None
    from lkltest.plugin import kselftest

    with refusing(parent.config):
        return [*kselftest.collect(parent, name, obj)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: Any) -> None:  # noqa: ANN401 -- an item with or without parameters
    """Skip a program that a kernel has not got, before anything is set up for it."""
    choice = item.callspec.params.get("kernel") if hasattr(item, "callspec") else None
    reason = getattr(item.parent, "lacking", {}).get(getattr(choice, "name", None))
    if reason:
        item.add_marker(pytest.mark.skip(reason=reason))  # a mark's skip has the suite's line, not ours


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Keep the items of each run together, in the program's order, whatever else sorts them (--ff, a random order).

    Torn apart they would run their program several times, and several of them would answer for its end.
    """
    collected = {item: number for number, item in enumerate(items)}
    yield
    if "lkltest.program" not in sys.modules:
        return
    places: dict[object, int] = {}
    for number, item in enumerate(items):
        places.setdefault(run_of(item), number)
    items.sort(key=lambda item: (places[run_of(item)], collected.get(item, 0)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which items of each run are selected: a program runs them, and what they need, and ends behind them."""
    selected = session.config.stash.setdefault(SELECTED, {})
    for item in session.items:
        if is_point(item):
            selected.setdefault(group(item), set()).add(item.name.partition("[")[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, bool, bool]:
    """Tell the last selected item of each run that it answers for the program's end."""
    item.stash[LAST] = nextitem is None or group(nextitem) != group(item)
    return (yield)

