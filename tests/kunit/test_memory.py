"""The memory of a kernel between runs: the time that each case took."""

from __future__ import annotations

from pathlib import Path

from lkltest.kunit import memory
from lkltest.kunit.listing import Case
from lkltest.kunit.results import Result, Status
from tests.kunit.conftest import Stub


def took(name: str, seconds: float, status: Status = Status.PASSED) -> Result:
    """A result of a case that took this time."""
    return Result(Case("one", name), status, seconds=seconds)


def test_the_times_of_several_runs(stub: Stub, tmp_path: Path) -> None:
    """Each worker of a run adds its cases; the latest run counts for a half, a case that loses its kernel for none."""
    uml = stub({"one": {"a": "pass", "b": "pass"}})
    assert memory.durations(uml, tmp_path) == {}
    memory.remember(uml, tmp_path, [took("a", 4.0)])
    memory.remember(uml, tmp_path, [took("b", 1.0)])
    assert memory.durations(uml, tmp_path) == {"one.a": 4.0, "one.b": 1.0}
    memory.remember(uml, tmp_path, [took("a", 2.0), took("b", 60.0, Status.HUNG)])
    assert memory.durations(uml, tmp_path) == {"one.a": 3.0, "one.b": 1.0}
