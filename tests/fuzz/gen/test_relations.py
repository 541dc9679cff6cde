"""Calls that were seen in the same code are related."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from lkltest.fuzz.gen.generator import EncodedCall
from lkltest.fuzz.gen.guided import Guided
from lkltest.fuzz.gen.relations import FEW, LONG, PART, WIDE, Relations, parts
from lkltest.fuzz.gen.store import Store
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.values import Call
from tests.fuzz.gen.toy import SCENARIOS, Toy, describe_toy


@pytest.fixture(scope="module")
def toy_description() -> Description:
    """The calls of a toy."""
    return describe_toy()


def call(name: str, variant: str = "") -> EncodedCall:
    """A call without arguments."""
    return EncodedCall(b"", Call(name, ()), 0, variant or name)


def chosen(relations: Relations, edges: list[int]) -> Counter[str]:
    """The variants that are chosen for these edges."""
    rng = random.Random(1)
    calls = (relations.choose(parts(edges), rng) for _ in range(1000))
    return Counter(one.key for one in calls if one is not None)


def test_calls_of_the_same_part_are_chosen_and_seldom_those_beside_it() -> None:
    """A call of the part that the edges are in comes most often; calls far away never do."""
    relations = Relations()
    relations.learn([call("near"), call("beside"), call("far")],
                    {0: [10 * PART], 1: [11 * PART + 5], 2: [14 * PART]})
    keys = chosen(relations, [10 * PART + 63])
    assert keys["near"] > 3 * keys["beside"] > 0
    assert set(keys) == {"near", "beside"}
    assert relations.choose(parts([20 * PART]), random.Random(1)) is None
    assert relations.choose((), random.Random(1)) is None


def test_the_variants_of_one_call_count_as_one() -> None:
    """A call with many variants does not hide another one."""
    relations = Relations()
    relations.learn([call("other"), *(call("ioctl", f"ioctl_{n}") for n in range(9))], {n: [7] for n in range(10)})
    keys = chosen(relations, [7])
    assert 400 < keys["other"] < 600
    assert len(keys) == 10


def test_an_entry_is_deep_where_shorter_ones_were_found() -> None:
    """The numbers of calls count that entries in the same code needed, below its own; the least of several places."""
    relations = Relations()
    for calls in (2, 2, 5, 3):
        relations.note([1], calls)
    assert [relations.depth([2], calls) for calls in (1, 2, 3, 5, 9)] == [1, 1, 2, 3, 4]
    assert relations.depth([3, 5 * WIDE], 9) == 1
    assert relations.depth([], 3) == 1
    relations.note([9 * WIDE], LONG + 1)  # hardly minimized: it says nothing
    relations.note(range(9 * WIDE, 9 * WIDE + FEW + 1), 2)  # it has reached many things at once
    assert relations.depth([9 * WIDE], LONG) == 1
    assert relations.depth([1], LONG + 1) == 1


def test_relations_of_another_generators_entries_are_learned(toy_description: Description, tmp_path: Path) -> None:
    """Its edges are not new any more, but which calls reach the same code is known here, too."""
    toy = Toy()
    first = Guided(toy_description, 1, scenarios=SCENARIOS, store=Store(tmp_path, toy_description))
    toy.fuzz(first, "five steps", 20_000)
    assert list(tmp_path.glob("*.prog"))
    second = Guided(toy_description, 2, scenarios=SCENARIOS, store=Store(tmp_path, toy_description))
    for _ in range(10):
        batch = second.batch(32)
        second.learn(batch, 32, toy.run(batch), ())
    known = {name for names in second.relations.parts.values() for name in names}
    assert known >= {"step", "open"}
    foreign = [entry for _, _, entry in second.extensions.queue if entry.origin is None]
    assert foreign
    assert all(second.relations.choose(entry.parts, second.rng) is not None for entry in foreign)
