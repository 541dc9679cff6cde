"""Shares of several ways to make programs, by what each has brought lately."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

FADE = 0.98  # of scores and tries, with each round
RANGE = 5.0  # a share is this many times its base at most, and this part of it at least
PRIOR = 30.0  # tries at the average rate that each way begins with


class Bandit:
    """Chooses between ways that are known by their names; `base` has their shares as long as nothing is known."""

    def __init__(self, base: Mapping[str, float]) -> None:
        self.base = dict(base)
        self.names = list(base)
        self.paid = dict.fromkeys(base, 0.0)
        self.tries = dict.fromkeys(base, 0.0)
        self.weights = list(base.values())

    def tried(self, names: Iterable[str]) -> None:
        """Count a program that was made in some ways; unknown names are ignored."""
        for name in names:
            if name in self.base:
                self.tries[name] += 1

    def pay(self, names: Iterable[str]) -> None:
        """Count new edges of a program that was made in some ways."""
        for name in names:
            if name in self.base:
                self.paid[name] += 1

    def renew(self) -> None:
        """End a round: compute the shares anew, and let what was counted fade."""
        mean = (sum(self.paid.values()) + 1e-9) / (sum(self.tries.values()) + 1e-6)
        for n, name in enumerate(self.names):
            rate = (self.paid[name] + PRIOR * mean) / (self.tries[name] + PRIOR)
            self.weights[n] = self.base[name] * min(RANGE, max(1 / RANGE, rate / mean))
            self.paid[name] *= FADE
            self.tries[name] *= FADE

    def share(self, name: str) -> float:
        """The share of a way, between 0 and 1."""
        return self.weights[self.names.index(name)] / sum(self.weights)

    def choose(self, rng: random.Random) -> str:
        """A way at random, by the shares."""
        return rng.choices(self.names, self.weights)[0]
