"""Calls that were seen in the same code are related."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from lkltest.fuzz.gen.generator import EncodedCall
from lkltest.fuzz.gen.guided import Guided
from lkltest.fuzz.gen.relations import PART, WIDE, Relations, parts
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


def test_code_is_deep_where_longer_and_longer_entries_are_found() -> None:
    """An entry is deep that needs as many calls as any, where that has grown, and only if all of its code is deep."""
    relations = Relations()
    assert [relations.deepen([1], calls) for calls in (1, 2, 2, 4)] == [1, 2, 2, 3]
    assert relations.deepen([1], 3) == 0
    assert relations.deepen([2], 5) == 4
    assert relations.deepen([3, 5 * WIDE], 6) == 1
    assert relations.deepen([], 3) == 0


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
