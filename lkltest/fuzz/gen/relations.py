"""Calls that are related: they reach the same part of the kernel's code.

Calls that share code often share state, too: of a socket, of a file, of a list of the kernel. So the call that finds
what an entry of the corpus has changed is more likely one of those that were seen in the code which the entry was the
first to reach than any other of the hundreds.

The edges of a search are only the new ones, but each way into a part of the code has an edge of its own: the first call
that comes another way is seen there. Where comparisons are asked for, all edges are known.

Here is also known how deep an entry is: how often one was found in its part of the code that needs more calls than all
before. Where that happens again and again, there is a state that one call after the other moves on.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from lkltest.fuzz.gen.generator import EncodedCall

PART = 64  # edges whose numbers are as near are those of one part of the code, which is shorter than most functions
MOST = 48  # names of calls of one part, and variants of one name
BESIDE = 0.4  # of the choices that look at the parts beside as well: a function may have several
WIDE = 8  # parts whose depth is one: a function and those around it


class Relations:
    """The calls that were seen in each part of the code."""

    def __init__(self) -> None:
        # By part; by name, and by variant, so that the many variants of one call count as one.
        self.parts: defaultdict[int, dict[str, dict[str, EncodedCall]]] = defaultdict(dict)
        self.depths: dict[int, tuple[int, int]] = {}  # calls of the longest entry so far, entries that were longer

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

    def deepen(self, around: Iterable[int], calls: int) -> int:
        """The depth of an entry with this number of calls, the least of its parts; 0 where a longer one was found."""
        depths = []
        for place in {part // WIDE for part in around}:
            most, longer = self.depths.get(place, (0, 0))
            if calls > most:
                most, longer = self.depths[place] = calls, longer + 1
            depths.append(longer if calls == most else 0)
        return min(depths, default=0)


def parts(edges: Iterable[int]) -> tuple[int, ...]:
    """The parts of the code in which edges are."""
    return tuple(sorted({edge // PART for edge in edges}))
