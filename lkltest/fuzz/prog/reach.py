"""The edges that programs of a batch reached, as a generator learns of them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reach:
    """The edges that the calls of one program reached; an edge is a number."""

    program: int  # index in its batch
    calls: Mapping[int, Set[int]]  # by the call's index: the edges that are new, or all where the batch asks for all

    @property
    def edges(self) -> set[int]:
        """The edges of all calls."""
        return set().union(*self.calls.values())
