"""The history of a failure is packed on its way to the one that reproduces it."""

from __future__ import annotations

import pickle

from lkltest.fuzz.gen.generator import Generator
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.repro.repro import HISTORY, History


def test_a_history_is_a_sequence_of_its_programs(description: Description) -> None:
    """Any part of it has the same programs as before, also when it was pickled."""
    programs = Generator(description, 1, ("xattrs",)).batch(HISTORY + 10).programs
    codes = [program.encoded() for program in programs]
    history = pickle.loads(pickle.dumps(History(programs)))
    assert len(history) == len(codes)
    assert [program.encoded() for program in history] == codes
    for part in (slice(-2, None), slice(-HISTORY, -1), slice(-HISTORY - 3, None), slice(None), slice(0, 2)):
        assert [program.encoded() for program in history[part]] == codes[part]
    assert [history[n].encoded() for n in (-1, 0, -HISTORY - 1)] == [codes[n] for n in (-1, 0, -HISTORY - 1)]
