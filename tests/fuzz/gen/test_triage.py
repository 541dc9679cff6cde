"""Programs with new edges are minimized with few runs."""

from __future__ import annotations

import pytest

from lkltest.fuzz.gen.corpus import Entry
from lkltest.fuzz.gen.generator import Candidate, EncodedCall, Scenario
from lkltest.fuzz.gen.triage import Triage
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.reach import Reach
from lkltest.fuzz.prog.values import Call
from tests.fuzz.gen.toy import SCENARIOS, describe_toy

EDGES = frozenset({7, 8})


@pytest.fixture(scope="module")
def toy_description() -> Description:
    """The calls of a toy."""
    return describe_toy()


def minimized(description: Description, length: int, needed: set[int]) -> tuple[set[int], int, int]:
    """The calls that triage leaves of a program, by their values; the programs and the calls that it ran."""
    calls = [EncodedCall(b"", Call("other0", (n,)), 0) for n in range(length)]
    entry = Entry(Candidate(tuple(calls), Scenario("toy", SCENARIOS["toy"], description)), len(EDGES))
    triage = Triage()
    triage.add(entry, EDGES)
    programs = made = 0
    while len(triage):
        batch = triage.batch(8)
        reached = []
        for n, program in enumerate(batch.programs):
            values = {encoded.call.args[0] for encoded in program.calls}
            if needed <= values:
                reached.append(Reach(n, {0: EDGES}))
            programs, made = programs + 1, made + len(values)
        for trial in triage.learn(batch, len(batch.programs), reached):
            if not trial.waiting:
                entry.candidate = trial.shortest()
    return {int(str(encoded.call.args[0])) for encoded in entry.candidate.calls}, programs, made


@pytest.mark.parametrize("length", [1, 2, 5, 6, 7, 13, 24])
@pytest.mark.parametrize("needed", [{0}, {0, 4}, {3, 12, 23}])
def test_only_needed_calls_are_left(toy_description: Description, length: int, needed: set[int]) -> None:
    """Programs of any length keep the calls that their edges need."""
    needed = {n for n in needed if n < length} or {length - 1}
    left, _, _ = minimized(toy_description, length, needed)
    assert left == needed


def test_a_long_program_takes_less_than_a_run_for_each_call(toy_description: Description) -> None:
    """Quarters are left out first, so that a few runs do for a program that needs two of its calls."""
    _, programs, made = minimized(toy_description, 24, {2, 3})
    assert programs < 24
    assert made < 24 * 23 / 2


def test_a_program_all_of_whose_calls_are_needed_stays(toy_description: Description) -> None:
    """It is tried, and ends."""
    left, programs, _ = minimized(toy_description, 12, set(range(12)))
    assert left == set(range(12))
    assert programs < 30


def test_one_of_several_calls_that_are_alike_is_left(toy_description: Description) -> None:
    """Each of the calls is needless, but not all of a kind at once; the fewest are found all the same."""
    kinds = [0, 0, 9, 1, 1, 9, 2, 2, 3, 3, 9, 4, 4, 9, 5, 5]
    calls = [EncodedCall(bytes([kind]), Call("other0", (kind,)), 0) for kind in kinds]
    entry = Entry(Candidate(tuple(calls), Scenario("toy", SCENARIOS["toy"], toy_description)), len(EDGES))
    triage = Triage()
    triage.add(entry, EDGES)
    while len(triage):
        batch = triage.batch(8)
        reached = [Reach(n, {0: EDGES}) for n, program in enumerate(batch.programs)
                   if set(range(6)) <= {encoded.code[0] for encoded in program.calls}]
        for trial in triage.learn(batch, len(batch.programs), reached):
            if not trial.waiting:
                entry.candidate = trial.shortest()
    assert sorted(encoded.code[0] for encoded in entry.candidate.calls) == [*range(6)]


def test_the_oldest_programs_get_their_turn_while_new_ones_come(toy_description: Description) -> None:
    """The program that has waited longest ends its trial, although each batch brings new ones."""
    triage = Triage()
    scenario = Scenario("toy", SCENARIOS["toy"], toy_description)
    entries: list[Entry] = []

    def add(programs: int) -> None:
        for _ in range(programs):
            calls = [EncodedCall(b"", Call("other0", (n,)), 0) for n in range(12)]
            entries.append(Entry(Candidate(tuple(calls), scenario), len(EDGES)))
            triage.add(entries[-1], EDGES)

    add(100)
    ended: list[Entry] = []
    for _ in range(150):
        add(1)
        batch = triage.batch(8)
        reached = [Reach(n, {0: EDGES}) for n, program in enumerate(batch.programs)
                   if {0, 11} <= {encoded.call.args[0] for encoded in program.calls}]
        ended += [trial.entry for trial in triage.learn(batch, len(batch.programs), reached) if not trial.waiting]
    assert entries[0] in ended
    assert entries[1] in ended
    assert len(triage.later) > 50  # there was a choice
    assert sum(entry in entries[100:] for entry in ended) > 2  # the newest have theirs, too
