"""Names of points that differ."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator


def unique(name: str, taken: Container[str], twins: dict[str, int]) -> str:
    """A name that is not `taken`: one that is, is told apart by a number.

    `twins` remembers the numbers that were given, so that many points of one name take linear time.
    """
    if name not in taken:
        return name
    candidates = ((f"{name}#{count}", count) for count in itertools.count(twins.get(name, 2)))
    found, twins[name] = next(each for each in candidates if each[0] not in taken)
    return found


def numbered(names: Iterable[str]) -> Iterator[str]:
    """The names, each told apart from those before it."""
    taken: set[str] = set()
    twins: dict[str, int] = {}
    for name in names:
        found = unique(name, taken, twins)
        taken.add(found)
        yield found
