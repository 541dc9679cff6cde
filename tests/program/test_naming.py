"""Names of points that differ."""

from __future__ import annotations

from lkltest.program.naming import numbered, unique


def test_twins_are_numbered() -> None:
    """A name that came before gets a number that no other name has."""
    assert [*numbered(["a", "b", "a", "a#2", "a", "b"])] == ["a", "b", "a#2", "a#2#2", "a#3", "b#2"]


def test_many_twins_take_linear_time() -> None:
    """The numbers that were given are not tried again."""
    tried = 0

    class Counting(set[str]):
        def __contains__(self, name: object) -> bool:
            nonlocal tried
            tried += 1
            return super().__contains__(name)

    taken, twins = Counting(), dict[str, int]()
    for _ in range(1000):
        taken.add(unique("a", taken, twins))
    assert len(taken) == 1000
    assert tried < 4000
