"""Make the names of points distinct."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator


def unique(name: str, taken: Container[str], twins: dict[str, int]) -> str:
    """The name, with a number added where it is `taken`.

    `twins` remembers the numbers that were given, so that many points of one name take linear time.
    """
    if name not in taken:
        return name
    candidates = ((f"{name}#{count}", count) for count in itertools.count(twins.get(name, 2)))
    found, twins[name] = next(each for each in candidates if each[0] not in taken)
    return found


def numbered(names: Iterable[str]) -> Iterator[str]:
    """The names, with numbers added to those that came before."""
    taken: set[str] = set()
    twins: dict[str, int] = {}
    for name in names:
        found = unique(name, taken, twins)
        taken.add(found)
        yield found
