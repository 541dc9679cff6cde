"""The items of one run of a program: which they are, and which of them belong together."""

from __future__ import annotations

import pytest


def is_point(item: pytest.Item) -> bool:
    """Whether an item is a point of a program, or its end."""
    return hasattr(getattr(item, "obj", None), "lkltest_point")


def group(item: pytest.Item) -> tuple[str, str]:
    """The key of an item's run: the id of its class, and its parameters."""
    parent = item.parent.nodeid if item.parent else ""
    return parent, item.name.partition("[")[2]


def run_of(item: pytest.Item) -> object:
    """The key of an item's run for points of programs; any other test is a run by itself."""
    return group(item) if is_point(item) else item
