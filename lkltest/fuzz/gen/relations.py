"""Calls that are related: they reach the same part of the kernel's code.

Calls that share code often share state, too: of a socket, of a file, of a list of the kernel. So the call that finds
what an entry of the corpus has changed is more likely one of those that were seen in the code which the entry was the
first to reach than any other of the hundreds.

The edges of a search are only the new ones, but each way into a part of the code has an edge of its own: the first call
that comes another way is seen there. Where comparisons are asked for, all edges are known.

Here is also known how deep an entry is: how many different numbers of calls, smaller than its own, the entries in its
place of the code needed. Where there are many, there is a state that one call after the other moves on.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from lkltest.fuzz.gen.generator import EncodedCall

PART = 64  # edges whose numbers are as near are those of one part of the code, which is shorter than most functions
MOST = 48  # names of calls of one part, and variants of one name
BESIDE = 0.4  # of the choices that look at the parts beside as well: a function may have several
WIDE = 8  # parts of one place: a function and those around it
FEW = 6  # parts of an entry that has not reached many things at once
LONG = 12  # calls of an entry that was minimized


class Relations:
    """The calls that were seen in each part of the code."""

    def __init__(self) -> None:
        # By part; by name, and by variant, so that the many variants of one call count as one.
        self.parts: defaultdict[int, dict[str, dict[str, EncodedCall]]] = defaultdict(dict)
        self.lengths: defaultdict[int, set[int]] = defaultdict(set)  # calls that entries in a place needed

    def learn(self, calls: Sequence[EncodedCall], reached: Mapping[int, Iterable[int]]) -> None:
        """Take the edges of a program's calls, by the call's index."""
        for index, edges in reached.items():
            if index < len(calls):
                call = calls[index]
                for part in parts(edges):
                    names = self.parts[part]
                    variants = names.get(call.call.name)
                    if variants is None and len(names) < MOST:
                        variants = names[call.call.name] = {}
                    if variants is not None and (call.key in variants or len(variants) < MOST):
                        variants[call.key] = call

    def choose(self, around: Sequence[int], rng: random.Random) -> EncodedCall | None:
        """A call that was seen in one of these parts, or now and then in one beside it; None where there is none."""
        if not around:
            return None
        part = rng.choice(around)
        near = (part - 1, part, part + 1) if rng.random() < BESIDE else (part,)
        known = [variants for one in near if one in self.parts for variants in self.parts[one].values()]
        return rng.choice(list(rng.choice(known).values())) if known else None

    def names(self, part: int) -> int:
        """The number of names of calls that were seen in a part."""
        return len(self.parts[part]) if part in self.parts else 0

    def note(self, around: Sequence[int], calls: int) -> None:
        """Take an entry, by its parts and the number of calls that it needs."""
        if tells(around, calls):
            for part in around:
                self.lengths[part // WIDE].add(calls)

    def depth(self, around: Sequence[int], calls: int) -> int:
        """The depth of such an entry, the least of its parts; 1 where nothing else is known."""
        if not tells(around, calls):
            return 1
        return 1 + min(sum(length < calls for length in self.lengths[part // WIDE]) for part in around)


def tells(around: Sequence[int], calls: int) -> bool:
    """Whether an entry tells of one place: it was minimized, and it has not reached many things at once."""
    return 0 < len(around) <= FEW and calls <= LONG


def parts(edges: Iterable[int]) -> tuple[int, ...]:
    """The parts of the code in which edges are."""
    return tuple(sorted({edge // PART for edge in edges}))
