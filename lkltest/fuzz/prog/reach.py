"""The edges that programs of a batch reached, as a generator learns of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Comparison(NamedTuple):
    """Two different numbers that the kernel compared."""

    size: int  # bytes of each
    a: int  # unsigned, as is `b`
    b: int


@dataclass(eq=False, slots=True)
class Reach:
    """The edges that the calls of one program reached; an edge is a number."""

    program: int  # index in its batch
    calls: dict[int, frozenset[int]] = field(default_factory=dict)  # by the call's index: edges that the batch asks for
    interrupted: set[int] = field(default_factory=set)  # indexes of calls that blocked
    comparisons: dict[int, list[Comparison]] = field(default_factory=dict)  # by the call's index

    @property
    def edges(self) -> frozenset[int]:
        """The edges of all calls."""
        return frozenset().union(*self.calls.values())
