"""Programs by the hundred thousand: of which there are more, and of which fewer."""

from __future__ import annotations

from collections import Counter

from lkltest.fuzz.gen.generator import CORPUS, DEPRIORITIZED, Generator
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.reach import Reach


def shares(generator: Generator) -> Counter[str]:
    """The number of programs of each scenario in a thousand."""
    return Counter(candidate.scenario.name for candidate in generator.batch(1000).programs)


def test_what_crashes_again_and_again_becomes_rare(description: Description) -> None:
    """A scenario that loses its kernels to known bugs becomes rare, and is not given up."""
    generator = Generator(description, 1, ("xattrs", "pipes"))
    before = shares(generator)
    victim = next(candidate for candidate in generator.batch(100).programs if candidate.scenario.name == "pipes")
    for _ in range(DEPRIORITIZED * 20):
        generator.deprioritize(victim)
    after = shares(generator)
    assert before["pipes"] > 3 * before["xattrs"]
    assert 0 < after["pipes"] < after["xattrs"]


def test_the_corpus_has_an_end(description: Description) -> None:
    """However many programs see something new, and whichever scenario they are of."""
    generator = Generator(description, 1, ("xattrs", "pipes"))
    for candidate in generator.batch(CORPUS * 3).programs:
        generator.keep(candidate)
    kept = {scenario.name: scenario.corpus for scenario in generator.scenarios}
    assert len(kept["pipes"]) == CORPUS
    assert all(candidate.scenario.name == name for name, corpus in kept.items() for candidate in corpus)


def test_a_blind_generator_learns_from_new_errnos(description: Description) -> None:
    """The programs that saw a call end in a new way are kept; edges are not looked at."""
    generator = Generator(description, 1, ("pipes",))
    batch = generator.batch(8)
    generator.learn(batch, 8, [Reach(3, {0: frozenset({1, 2})})], [5])
    assert generator.scenarios[0].corpus == [batch.programs[5]]
