"""Programs of the corpus go on with more calls, and stay as they are before them."""

from __future__ import annotations

from collections import Counter

import pytest

from lkltest.fuzz.gen.corpus import Entry
from lkltest.fuzz.gen.extension import AHEAD, DEEPER, FIRST, NEEDED, Extensions
from lkltest.fuzz.gen.generator import Candidate, Generator
from lkltest.fuzz.gen.relations import PART, Relations, parts
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


def test_all_have_their_shares_and_a_new_entry_has_some_first(generator: Generator) -> None:
    """A longer program has a larger share; a new one has some programs first, however old the others are."""
    extensions = Extensions(generator, Relations())
    short, long = entry(generator, 1), entry(generator, NEEDED)
    extensions.add(short)
    extensions.add(long)
    origins = Counter(id(origin) for _, origin in made(extensions, 100 * (1 + NEEDED)))
    assert origins == {id(short): 100, id(long): 100 * NEEDED}
    new = entry(generator, 2)
    extensions.add(new)
    assert all(origin is new for _, origin in made(extensions, int(2 * FIRST) - 1))
    origins = Counter(id(origin) for _, origin in made(extensions, 10 * (1 + NEEDED + 2)))
    assert 8 <= origins[id(short)] <= 12
    assert 16 <= origins[id(new)] <= 24


def test_the_entry_of_another_generator_has_had_a_part_already(generator: Generator) -> None:
    """The others get as many programs first."""
    extensions = Extensions(generator, Relations())
    own, foreign = entry(generator, 1), entry(generator, 1)
    extensions.add(own)
    extensions.add(foreign, foreign=True)
    assert all(origin is own for _, origin in made(extensions, int(AHEAD)))
    assert {id(origin) for _, origin in made(extensions, 4)} == {id(own), id(foreign)}


def test_what_is_dropped_or_loses_kernels_gets_no_more_programs(generator: Generator) -> None:
    """An entry that is dropped is not used; one that has lost a kernel waits for many programs of the others."""
    extensions = Extensions(generator, Relations())
    dropped, lossy, good = entry(generator, 2), entry(generator, 2), entry(generator, 2)
    for one in (good, lossy, dropped):
        extensions.add(one)
    dropped.dropped, lossy.lost = True, 1
    origins = Counter(id(origin) for _, origin in made(extensions, 80))
    assert set(origins) == {id(lossy), id(good)}
    assert origins[id(lossy)] == 1


def test_calls_follow_that_were_seen_in_the_same_code(generator: Generator) -> None:
    """A call that no scenario of the program has follows often, where it has reached the part that the entry has."""
    relations = Relations()
    extensions = Extensions(generator, relations)
    one = entry(generator, 2)
    scenario = one.candidate.scenario
    rare = scenario.draw("other3", generator.source)
    relations.learn([scenario.pool[0], rare], {1: [7 * PART + 3]})
    one.parts = parts([7 * PART + 40])
    extensions.add(one)
    keys = Counter(call.key for candidate, _ in made(extensions, 300) for call in candidate.calls[2:])
    assert keys["other3"] > 100
    one.parts = parts([900 * PART])
    assert "other3" not in {call.key for candidate, _ in made(extensions, 300) for call in candidate.calls[2:]}


def test_an_entry_of_deep_code_has_a_larger_share(generator: Generator) -> None:
    """Of two entries with as many calls, the one goes on more often in whose code a shorter one was found."""
    relations = Relations()
    extensions = Extensions(generator, relations)
    plain, deep = entry(generator, 2), entry(generator, 2)
    plain.parts, deep.parts = (1000,), (2000,)
    relations.note(deep.parts, 1)
    for one in (plain, deep):
        extensions.add(one)
    origins = Counter(id(origin) for _, origin in made(extensions, 300))
    assert origins == {id(plain): 100, id(deep): 100 * DEEPER}
