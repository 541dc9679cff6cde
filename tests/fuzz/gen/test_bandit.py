"""Shares follow what ways of making programs bring."""

from __future__ import annotations

import random

from lkltest.fuzz.gen.bandit import RANGE, Bandit


def test_a_way_that_pays_is_taken_more_often() -> None:
    """Its share grows, within limits, and shrinks again when it pays no more."""
    bandit = Bandit({"one": 1, "two": 1})
    for _ in range(200):
        bandit.tried(["one", "two"] * 20)
        bandit.pay(["one"] * 20)
        bandit.renew()
    high = bandit.share("one")
    assert 0.7 < high <= RANGE / (RANGE + 1 / RANGE)
    rng = random.Random(1)
    assert sum(bandit.choose(rng) == "one" for _ in range(1000)) > 700
    for _ in range(300):
        bandit.tried(["one", "two"] * 20)
        bandit.pay(["two"] * 20)
        bandit.renew()
    assert bandit.share("one") < 1 - high + 0.1


def test_without_new_edges_the_shares_are_the_given_ones() -> None:
    """Ways that were tried often and that bring nothing keep their shares against each other."""
    bandit = Bandit({"one": 3, "two": 1})
    for _ in range(50):
        bandit.tried(["one", "two", "stored"])
        bandit.renew()
    assert abs(bandit.share("one") - 0.75) < 0.05
