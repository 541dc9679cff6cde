"""Calls that are related: they reach the same part of the kernel's code.

Calls that share code often share state, too: of a socket, of a file, of a list of the kernel. So the call that finds
what an entry of the corpus has changed is more likely one of those that were seen in the code which the entry was the
first to reach than any other of the hundreds.

Only new edges are known, but each way into a part of the code has an edge of its own: the first call that comes
another way is seen there.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from lkltest.fuzz.gen.generator import EncodedCall

PART = 64  # edges whose numbers are as near are those of one part of the code, which is shorter than most functions
MOST = 48  # calls of one part, each of another variant


class Relations:
    """The calls that were seen in each part of the code."""

    def __init__(self) -> None:
        self.parts: defaultdict[int, dict[str, EncodedCall]] = defaultdict(dict)  # by their variant

    def learn(self, calls: Sequence[EncodedCall], reached: Mapping[int, Iterable[int]]) -> None:
        """Take the edges of a program's calls, by the call's index."""
        for index, edges in reached.items():
            if index < len(calls):
                call = calls[index]
                for part in parts(edges):
                    known = self.parts[part]
                    if call.key in known or len(known) < MOST:
                        known[call.key] = call

    def choose(self, around: Sequence[int], rng: random.Random) -> EncodedCall | None:
        """A call that was seen in one of these parts, or in one beside it; None where there is none."""
        if not around:
            return None
        part = rng.choice(around)
        near = (self.parts[one] for one in (part - 1, part, part + 1) if one in self.parts)
        known = [call for calls in near for call in calls.values()]
        return rng.choice(known) if known else None


def parts(edges: Iterable[int]) -> tuple[int, ...]:
    """The parts of the code in which edges are."""
    return tuple(sorted({edge // PART for edge in edges}))
