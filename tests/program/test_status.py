"""Exit statuses of test programs, in words."""

from __future__ import annotations

import re

import pytest

from lkltest.cc import HARNESS
from lkltest.program.status import BAILED_OUT, LATE, MEANINGS, explain


def test_a_late_complaint_is_shown() -> None:
    """The status of a late complaint shows what came after the last point, and not what was announced."""
    text = explain(LATE, [" running 1 boot", " console: [1.0] BUG: bad"])
    assert text.startswith(": a check failed, or the kernel complained, after the last point")
    assert text.endswith("\n  console: [1.0] BUG: bad")


@pytest.mark.parametrize("status", [0, 1, LATE, 9, None])
def test_other_programs_mean_what_they_like(status: int | None) -> None:
    """A status of which the output says nothing gets no words of ours."""
    assert explain(status, []) == ""


def test_the_harness_has_the_same_statuses() -> None:
    """The numbers are those that the C header gives."""
    header = (HARNESS / "lkltest" / "points.h").read_text()
    numbers = {name: int(value) for name, value in re.findall(r"\bLKLTEST_(\w+) = (\d+),", header)}
    assert (numbers["BAILED_OUT"], numbers["LATE"]) == (BAILED_OUT, LATE)
    assert 4 not in numbers.values(), "4 means skipped to kselftest"
    assert set(MEANINGS) == {numbers["USAGE"], numbers["LATE"], numbers["NO_OUTPUT"]}
