"""The guided engine, on a small program in Python instead of a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.fuzz.gen.corpus import Entry
from lkltest.fuzz.gen.generator import Batch, Candidate, EncodedCall, Generator
from lkltest.fuzz.gen.guided import BACKLOG, ENOUGH, SEARCHES, Guided, Origin
from lkltest.fuzz.gen.store import Store
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.reach import Comparison, Reach
from lkltest.fuzz.prog.values import Call, Pointer, Raw
from tests.fuzz.gen.toy import MAGICS, SCENARIOS, STEPS, Toy, describe_toy

MOST = 60_000  # programs: eight times those that five steps take on average; the blind generator needs a million, and
# for the magics 2 to the 96th
BLIND = 3000  # programs of the blind generator


@pytest.fixture(scope="module")
def toy_description() -> Description:
    """The calls of the program under test."""
    return describe_toy()


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("goal", ["five steps", "three magics"])
def test_the_guided_engine_gets_through(toy_description: Description, goal: str, seed: int) -> None:
    """Five steps of which each opens a branch, and three magic numbers in a row, are found with each of the seeds."""
    toy = Toy()
    assert toy.fuzz(Guided(toy_description, seed, scenarios=SCENARIOS), goal, MOST) < MOST
    assert goal in toy.reached


@pytest.mark.parametrize("seed", range(1, 4))
def test_the_blind_generator_does_not(toy_description: Description, seed: int) -> None:
    """The same programs, drawn without guidance, come to neither goal."""
    toy = Toy()
    toy.fuzz(Generator(toy_description, seed, scenarios=SCENARIOS), "five steps", BLIND)
    assert toy.reached == set()


def test_the_same_seed_makes_the_same_programs(toy_description: Description) -> None:
    """Two engines with the same seed and the same feedback make the same batches."""
    one, two = (Guided(toy_description, 7, scenarios=SCENARIOS) for _ in range(2))
    first, second = Toy(), Toy()
    for _ in range(30):
        batch, other = one.batch(32), two.batch(32)
        assert batch.data == other.data
        one.learn(batch, 32, first.run(batch), ())
        two.learn(other, 32, second.run(other), ())


def test_a_corpus_is_minimized_and_resumed(toy_description: Description, tmp_path: Path) -> None:
    """The programs that are kept have no needless calls, and a new engine begins where they end."""
    toy = Toy()
    store = Store(tmp_path, toy_description)
    first = Guided(toy_description, 1, scenarios=SCENARIOS, store=store)
    toy.fuzz(first, "five steps", MOST)
    while len(first.triage):
        batch = first.triage.batch(32)
        for trial in first.triage.learn(batch, len(batch.programs), toy.run(batch)):
            first._settle(trial)
    texts = [path.read_text() for path in tmp_path.glob("*.prog")]
    assert texts
    assert all(text.count("other") <= 1 for text in texts), texts  # the first one reaches something, more do not
    deepest = max(texts, key=lambda text: text.count("step("))
    assert deepest.count("step(") >= len(STEPS)
    resumed = Toy()
    engine = Guided(toy_description, 2, scenarios=SCENARIOS, store=Store(tmp_path, toy_description))
    batch = engine.batch(max(32, len(texts)))
    engine.learn(batch, len(batch.programs), resumed.run(batch), ())
    assert len(engine.corpus) >= len(texts)
    assert len(resumed.seen) > 0.9 * len(toy.seen)


def test_flaky_programs_leave_the_corpus(toy_description: Description) -> None:
    """A program that does not reach its edges again is dropped, and not written; with no others, programs are drawn."""
    toy = Toy()
    engine = Guided(toy_description, 1, scenarios=SCENARIOS)
    batch = engine.batch(32)
    reached = toy.run(batch)
    for reach in reached:
        reach.calls = {call: frozenset({1_000_000 + reach.program}) for call in reach.calls}
    engine.learn(batch, 32, reached, ())
    assert len(engine.corpus) == len(reached) > 0
    while len(engine.triage):
        batch = engine.batch(32)
        engine.learn(batch, len(batch.programs), toy.run(batch) if batch.wanted else [], ())
    assert engine.settled == 0
    assert len(engine.corpus) == 0
    assert not any(engine.kinds.paid.values())  # it is no merit of how they were made
    engine.corpus.left = 0  # the energies are computed anew with the next choice
    origins = engine._search(32).origins
    assert [origin.kind for origin in origins if isinstance(origin, Origin)] == ["fresh"] * 32


def test_programs_that_block_are_seldom_mutated(toy_description: Description) -> None:
    """A program with a call that had to be interrupted is kept, with a fraction of the energy."""
    engine = Guided(toy_description, 1, scenarios=SCENARIOS)
    batch = engine.batch(32)
    reached = Toy().run(batch)
    first = reached[0]
    first.interrupted.add(min(first.calls))
    engine.learn(batch, 32, reached, ())
    slow, *others = engine.corpus.entries
    assert slow.slow
    assert all(not other.slow for other in others)
    assert slow.energy < 0.1 * min(other.energy for other in others)


def test_entries_that_lose_kernels_are_seldom_mutated(toy_description: Description) -> None:
    """A known bug costs an entry, those that are made of it, and their scenario: by its share of the mutations."""
    toy, engine = Toy(), Guided(toy_description, 1, scenarios=SCENARIOS)
    batch = engine.batch(32)
    engine.learn(batch, 32, toy.run(batch), ())
    search = next(batch for batch in iter(lambda: engine.batch(32), None) if batch.wanted is None)
    at, entry = next((n, origin.entry) for n, origin in enumerate(search.origins)
                     if isinstance(origin, Origin) and origin.entry is not None)
    before = entry.energy
    engine.deprioritize(search.programs[at])
    assert entry.energy < before / 10
    assert engine.blind.scenarios[0].losses == 1
    engine.learn(search, 32, [Reach(at, {0: frozenset({1_000_000})})], ())
    child = engine.corpus.entries[-1]
    assert child.energy < before / 5
    entry.tried += 10_000
    assert 1 / entry.risk > 5000
    trial = next(batch for batch in iter(lambda: engine.batch(32), None) if batch.wanted is not None)
    lost = [one.lost for one in engine.corpus.entries]
    engine.deprioritize(trial.programs[0])
    assert sum(one.lost for one in engine.corpus.entries) == sum(lost) + 1


def test_the_next_number_of_a_header_comes_at_once(toy_description: Description) -> None:
    """An entry that a hint has made is compared although many hinted programs wait."""
    toy, guided = Toy(), Guided(toy_description, 1, scenarios=SCENARIOS)
    toy.fuzz(guided, "three magics", 2000)
    entry = next(entry for entry in guided.corpus.entries if isinstance(entry.origin, Origin))
    guided.silent = 0
    guided.compared.clear()
    guided.hinted.extend([(entry.candidate, entry)] * 2 * ENOUGH)
    guided.compared.append(entry)
    entry.origin = Origin("fresh")
    assert not any(guided.batch(8).compare for _ in range(2 * SEARCHES + 2))
    entry.origin = Origin("hinted", entry)
    batch = next(batch for batch in (guided.batch(8) for _ in range(2 * SEARCHES + 2)) if batch.compare)
    assert entry in batch.origins


def test_a_hint_is_tried_once_however_often_its_numbers_were_compared(toy_description: Description) -> None:
    """Comparisons of the same numbers, turned round or wider, make one program."""
    guided = Guided(toy_description, 1, scenarios=SCENARIOS)
    variant = toy_description.variants["feed"]
    call = Call("feed", (3, Pointer(Raw(b"AAAABBBBCCCCDDDD")), 16))
    candidate = Candidate((EncodedCall.of(call, variant, toy_description),), guided.blind.scenario())
    old, new = int.from_bytes(b"AAAA", "little"), MAGICS[0]
    comparisons = [Comparison(4, old, new), Comparison(4, new, old), Comparison(8, old, new)]
    strong, weak = guided._hinted(Entry(candidate, 1), Reach(0, {}, comparisons={0: comparisons}))
    made = [candidate.calls for candidate in (*strong, *weak)]
    assert made
    assert len(set(made)) == len(made)


def fed(guided: Guided, data: bytes) -> Entry:
    """An entry of one call with these bytes, which a hint has made."""
    variant = guided.description.variants["feed"]
    call = Call("feed", (3, Pointer(Raw(data)), len(data)))
    entry = Entry(Candidate((EncodedCall.of(call, variant, guided.description),), guided.blind.scenario()), 1)
    entry.origin = Origin("hinted", entry)
    return entry


def test_a_number_behind_a_hint_is_tried_before_what_waits(toy_description: Description) -> None:
    """It comes first although the number that it takes the place of stands everywhere."""
    guided = Guided(toy_description, 1, scenarios=SCENARIOS)
    entry, other = fed(guided, b"\xff" * 16), fed(guided, bytes(16))
    guided.hinted.extend([(other.candidate, other)] * 20)
    batch = Batch.of([entry.candidate], [entry], compare=True, every=True)
    guided.learn(batch, 1, [Reach(0, {}, comparisons={0: [Comparison(4, 0xFFFFFFFF, MAGICS[0])]})], ())
    assert guided.hinted[0][1] is entry
    assert guided.hinted[-1][1] is other


def test_numbers_that_were_never_met_come_first_behind_a_hint(toy_description: Description) -> None:
    """Many numbers that the call has met before do not hide the one of the new branch."""
    guided = Guided(toy_description, 1, scenarios=SCENARIOS)
    entry = fed(guided, b"ABCDEFGHIJKLMNOP")
    old = int.from_bytes(b"ABCD", "little")
    known = [0x10000000 + 0x10101 * n for n in range(600)]
    for number in (old, *known):
        guided.met["feed", number] = 9
    comparisons = [Comparison(4, old, number) for number in (*known, MAGICS[0])]
    guided._hinted(entry, Reach(0, {}, comparisons={0: comparisons}))
    assert guided.used["feed", MAGICS[0]] > 0


def test_one_comparison_does_not_take_all_hints_of_a_call(toy_description: Description) -> None:
    """A number that stands at many places leaves room for those of other comparisons."""
    guided = Guided(toy_description, 1, scenarios=SCENARIOS)
    numbers = [0x11223344 + 0x1010101 * n for n in range(6)]
    comparisons = [Comparison(4, int.from_bytes(b"AAAA", "little"), number) for number in numbers]
    guided._hinted(fed(guided, b"A" * 16), Reach(0, {}, comparisons={0: comparisons}))
    assert len([number for number in numbers if guided.used["feed", number]]) > 4


def test_triage_has_every_second_batch_while_many_programs_wait(toy_description: Description) -> None:
    """A long queue is worked off first; a short one takes one batch of five."""
    guided = Guided(toy_description, 1, scenarios=SCENARIOS)
    shares = []
    for waiting in (BACKLOG + 50, 50):
        guided.triage.first.clear()
        for _ in range(waiting):
            guided.triage.add(fed(guided, bytes(16)), frozenset({1}))
        shares.append(sum(guided.batch(1).wanted is not None for _ in range(20)))
    assert shares == [10, 4]
