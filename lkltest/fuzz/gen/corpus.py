"""The programs that a guided generator mutates, each with its energy: its share of the mutations.

An entry pays when a program that was made of it reaches new edges. Its energy rises with each that does, and with the
steps that it took to reach the entry itself; it falls with the mutations that were tried, and with the share of
them that lost a kernel to a known bug: a boot takes the time of hundreds of mutations. So the search goes on where it
gets on, and comes back to the rest.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import accumulate

from lkltest.fuzz.gen.generator import Candidate

REFRESH = 400  # choices after which the energies are computed anew
PATIENCE = 24.0  # mutations after which an entry's energy begins to fall
FALL = 0.7  # power of the mutations by which it falls
NEW = 50  # mutations of an entry that come soon:
NEWS = 4.0  # factor of their energy
PLACES = 2.0  # energy of a new part of the code, which most often has more behind it than a new way to a known one
DEPTH = 8  # steps from a fresh program that count: what took long to reach leads further
PAYS = 1.0  # energy of a new entry that was made of an old one
SLOW = 0.02  # factor for a program that blocks: it costs as much time as thousands of others
BOOT = 500.0  # mutations that could run in the time that a lost kernel costs
TRUST = 24.0  # mutations after which an entry's own losses count as much as those of the entry that it was made of


@dataclass(eq=False, slots=True)
class Entry:
    """A program of the corpus."""

    candidate: Candidate
    edges: int  # that it was the first to reach
    places: int = 0  # parts of the code that it was the first to reach
    parts: tuple[int, ...] = ()  # of the code, in which its edges are, as `relations` numbers them
    slow: bool = False  # it has calls that block
    depth: int = 0  # entries that it was made of, one after the other
    tried: int = 0  # mutations of it
    paid: int = 0  # mutations of it that reached new edges, and did so again
    lost: int = 0  # kernels lost to known bugs by it and its mutations
    inherited: float = 0.0  # the `risk` of the entry that it was made of, at that time
    origin: object = None  # how it was made
    dropped: bool = False  # it did not reach its edges again

    @property
    def risk(self) -> float:
        """The share of its mutations that are expected to lose a kernel to a known bug."""
        return (self.lost + TRUST * self.inherited) / (self.tried + TRUST)

    @property
    def energy(self) -> float:
        """Its share of the choices, against the others'."""
        base = 1.0 + min(self.edges, 50) / 50 + min(self.depth, DEPTH) + PAYS * min(self.paid, 8)
        base += PLACES * math.log2(1.0 + self.places)
        weight = base / math.pow(1.0 + self.tried / PATIENCE, FALL) * (NEWS if self.tried < NEW else 1.0)
        return weight * (SLOW if self.slow else 1.0) / (1.0 + BOOT * self.risk)


class Corpus:
    """The entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.weights: list[float] = []  # summed up
        self.dropped = 0  # of the entries
        self.left = 0  # choices until the weights are computed anew

    def __len__(self) -> int:
        """The number of entries that are not dropped."""
        return len(self.entries) - self.dropped

    def add(self, entry: Entry) -> None:
        """Add an entry, which is chosen at once."""
        self.entries.append(entry)
        self.weights.append((self.weights[-1] if self.weights else 0.0) + entry.energy)

    def drop(self, entry: Entry) -> None:
        """Take an entry away; it is chosen until the energies are computed anew, while there are others."""
        if not entry.dropped:
            entry.dropped = True
            self.dropped += 1

    def blame(self, entry: Entry) -> None:
        """Count a kernel that an entry has lost to a known bug; all energies are computed anew at once."""
        entry.lost += 1
        self.left = 0

    def choose(self, rng: random.Random) -> Entry:
        """An entry at random, by energy; the corpus must have one."""
        if self.left <= 0:
            self.entries = [entry for entry in self.entries if not entry.dropped]
            self.dropped = 0
            self.weights = list(accumulate(entry.energy for entry in self.entries))
            self.left = max(REFRESH, len(self.entries) // 4)
        self.left -= 1
        return rng.choices(self.entries, cum_weights=self.weights)[0]
