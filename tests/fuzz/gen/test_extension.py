"""Programs of the corpus go on with more calls, and stay as they are before them."""

from __future__ import annotations

from collections import Counter

import pytest

from lkltest.fuzz.gen.corpus import Entry
from lkltest.fuzz.gen.extension import NEEDED, TURN, Extensions
from lkltest.fuzz.gen.generator import Candidate, Generator
from lkltest.fuzz.gen.relations import Relations
from tests.fuzz.gen.toy import SCENARIOS, describe_toy


@pytest.fixture
def generator() -> Generator:
    """A generator of a toy's programs, which hardly ever makes one of the second scenario."""
    scenarios = {"toy": {**SCENARIOS["toy"], "body": ["step", "feed", "other0"]},
                 "rare": {"weight": 1e-9, "start": [], "body": ["other4"]}}
    return Generator(describe_toy(), 1, scenarios=scenarios)


def entry(generator: Generator, calls: int) -> Entry:
    """A program of the corpus with a number of calls."""
    scenario = generator.scenario()
    return Entry(Candidate(tuple(generator.source.random.choices(scenario.pool, k=calls)), scenario), 1)


def made(extensions: Extensions, programs: int) -> list[tuple[Candidate, Entry]]:
    """Some programs."""
    return [one for _ in range(programs) if (one := extensions.make()) is not None]


def test_calls_follow_and_nothing_before_them_changes(generator: Generator) -> None:
    """Calls of the scenario follow, and calls that only a rare scenario has."""
    extensions = Extensions(generator, Relations())
    assert extensions.make() is None
    one = entry(generator, 3)
    extensions.add(one)
    names: Counter[str] = Counter()
    for candidate, origin in made(extensions, 300):
        assert origin is one
        assert candidate.calls[:3] == one.candidate.calls
        assert len(candidate.calls) > 3
        names.update(call.key for call in candidate.calls[3:])
    assert set(names) == {"step", "feed", "other0", "other4"}
    assert min(names.values()) > 30


def test_all_take_turns_and_the_newest_comes_first(generator: Generator) -> None:
    """A longer program has a longer turn; one that is another generator's has to wait for a turn of the others."""
    extensions = Extensions(generator, Relations())
    foreign, short, long = entry(generator, 2), entry(generator, 1), entry(generator, NEEDED)
    extensions.add(foreign, turn=1)
    most = TURN << (NEEDED - 1)
    for one in (short, long):
        extensions.add(one)
    origins = [origin for _, origin in made(extensions, 2 * (most + TURN + TURN * 2))]
    first = [long] * most + [short] * TURN
    assert origins == [*first, *first, *[foreign] * TURN * 2, *[long] * TURN * 2]


def test_what_is_dropped_or_loses_kernels_gets_no_more_programs(generator: Generator) -> None:
    """An entry that is dropped is not used; one that has lost a kernel waits for many turns of the others."""
    extensions = Extensions(generator, Relations())
    dropped, lossy, good = entry(generator, 2), entry(generator, 2), entry(generator, 2)
    for one in (good, lossy, dropped):
        extensions.add(one)
    dropped.dropped, lossy.lost = True, 1
    origins = Counter(id(origin) for _, origin in made(extensions, TURN * 8))
    assert set(origins) == {id(lossy), id(good)}
    assert origins[id(lossy)] == 1
