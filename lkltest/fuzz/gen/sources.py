"""Choices at random, from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Random:
    """A source of choices (`types.Source`) that repeats itself for a seed."""

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(seed)

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self.random.random() * len(items))]

    def integer(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return low + int(self.random.random() * (high - low + 1))

    def chance(self, percent: int) -> bool:
        """True with this probability."""
        return self.random.random() * 100 < percent

    def bytes(self, size: int) -> bytes:
        """Random bytes."""
        return self.random.randbytes(size)
