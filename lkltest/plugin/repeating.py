"""A fresh run of a program for items that are asked for again (--reruns, --count)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from lkltest.plugin.run_items import group, is_point
from lkltest.plugin.session import INEXCUSABLE, RESULT, STANDS_FOR

LOG = "log of the point"  # the title of the section with a point's log in reports

_ASKED = pytest.StashKey[set[str]]()  # of a suite: the items that its present run has been asked for


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """End the run that has already answered for this item, and forget what it answered.

    A plugin such as pytest-rerunfailures sets an item up again while the class-scoped fixtures of its class are
    still there: without this the item would get the result that it had, and an image that was written to.
    """
    if not is_point(item) or item.parent is None:
        return
    if item.nodeid in item.parent.stash.setdefault(_ASKED, set()):
        end_run(item)
        _forget(item)
    item.parent.stash[_ASKED].add(item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """End the run with the last of its items, also where the next run of the class has the same fixtures (--count)."""
    try:
        return (yield)
    finally:
        if is_point(item) and (nextitem is None or group(nextitem) != group(item)):
            end_run(item)


def end_run(item: Any) -> None:  # noqa: ANN401 -- pytest exports no type of nodes that have these attributes
    """Tear down the class-scoped fixtures of an item: its program's run, and images.

    Each is finished by itself: the stack of what is set up belongs to pytest, and pytest-rerunfailures changes it.
    """
    item.parent.stash[_ASKED] = set()
    for name in reversed(item.fixturenames):
        for fixture in item._fixtureinfo.name2fixturedefs.get(name, ()):
            if fixture.scope == "class":
                fixture.finish(item._request)


def _forget(item: pytest.Item) -> None:
    """Let the item's next report say nothing of an earlier attempt."""
    item.stash[STANDS_FOR] = None
    item.stash[INEXCUSABLE] = False
    result = item.stash.get(RESULT, None)
    if result is None:
        return
    del item.stash[RESULT]
    for named in result.properties.items():
        item.user_properties.remove(named)
    item._report_sections = [section for section in item._report_sections if section[1] != LOG]
