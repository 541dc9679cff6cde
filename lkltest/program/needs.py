"""Parts of a program's table that can run by themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from lkltest.program.table import Declared


class Needs:
    """The earlier points that each point of a table needs."""

    def __init__(self, points: Sequence[Declared]) -> None:
        """Read the table. A point that declares nothing needs all before it, one that is not there counts for none."""
        self.points = tuple(points)
        self._names = [point.name for point in self.points]
        self._places = {name: place for place, name in enumerate(self._names)}

    def part(self, wanted: Iterable[str]) -> tuple[Declared, ...]:
        """The wanted points and the points that they need, in the table's order."""
        todo = [self._places[name] for name in wanted if name in self._places]
        found: set[int] = set()
        whole = 0  # the points before this place are all in the part
        while todo:
            place = todo.pop()
            if place in found:
                continue
            found.add(place)
            needs = self.points[place].needs
            if needs is None:
                whole = max(whole, place)
            else:
                todo += [self._places[name] for name in needs if name in self._places]
        return tuple(point for place, point in enumerate(self.points) if place < whole or place in found)

    def without(self, wanted: Iterable[str], dead: Collection[str]) -> tuple[Declared, ...]:
        """The part of those wanted points that need none of the dead ones."""
        able: set[str] = set()
        for point in self.points:  # a point needs earlier ones only
            needs = self._names[: self._places[point.name]] if point.needs is None else point.needs
            if point.name not in dead and all(name in able or name not in self._places for name in needs):
                able.add(point.name)
        return self.part(name for name in wanted if name in able)

    def begins(self, name: str) -> bool:
        """Whether all points behind a point need it (`start_kernel` is such a point).

        A point that declares no needs is a link of a chain and does not count, but for the first: that needs nothing.
        """
        place = self._places[name]
        behind = self._names[place + 1 :]
        declares = self.points[place].needs is not None or place == 0
        return declares and bool(behind) and not self.without(behind, [name])


def argument(points: Sequence[Declared], part: Sequence[Declared]) -> str:
    """The shortest argument that makes a program run a part of its points; empty for all of them."""
    chosen = {point.name for point in part}
    others = [point.name for point in points if point.name not in chosen]
    if not others:
        return ""
    only, skip = "--only=" + ",".join(point.name for point in part), "--skip=" + ",".join(others)
    return min(only, skip, key=len)
