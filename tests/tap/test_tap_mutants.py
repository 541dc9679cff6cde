"""Damaged logs: a failure that survives is never called passed, and a good stream behind a prefix passes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

import pytest

from lkltest.tap import Parser
from tests.tap.mutants import SOURCES, Mutant, failing, passing, source

# The number for CI; LKLTEST_TAP_MUTANTS=100000 LKLTEST_TAP_SEED=7 tries more, or others.
COUNT = int(os.environ.get("LKLTEST_TAP_MUTANTS", "4000"))
SEED = os.environ.get("LKLTEST_TAP_SEED", "1")


def read(mutant: Mutant) -> Parser:
    """Read a log in the pieces that it came in."""
    parser = Parser(events=False)
    sizes, at = itertools.cycle(mutant.sizes), 0
    while at < len(mutant.data):
        size = next(sizes)
        parser.feed(mutant.data[at : at + size])
        at += size
    parser.close()
    return parser


def wrong(make: Callable[[str], Mutant], count: int, *, passed: bool) -> list[str]:
    """The mutants with another verdict, each with what makes it again."""
    found = []
    for number in range(count):
        mutant = make(f"{SEED}:{number}")
        if read(mutant).passed != passed:
            found.append(f"{SEED}:{number} ({mutant.name}):\n{mutant.data.decode('utf-8', 'backslashreplace')}")
    return found


def test_no_failure_that_survives_passes() -> None:
    """A `not ok` at top level fails its log, whatever was cut, deleted, put before or between, or torn."""
    found = wrong(failing, COUNT, passed=False)
    assert not found, f"{len(found)} of {COUNT} passed, among them\n" + "\n".join(found[:5])


def test_good_streams_pass_behind_any_prefix() -> None:
    """A whole stream passes whatever stands before its lines, in colors, and in pieces of any size."""
    found = wrong(passing, COUNT, passed=True)
    assert not found, f"{len(found)} of {COUNT} failed, among them\n" + "\n".join(found[:5])


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_can_go_both_ways(name: str) -> None:
    """The streams that are mutated fail with their failure, and pass without it."""
    for bad in (True, False):
        data = b"".join(line.text + b"\n" for line in source(name, failing=bad))
        assert read(Mutant(name, data, (1 << 20,))).passed != bad
