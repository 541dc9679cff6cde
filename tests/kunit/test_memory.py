"""The memory of a kernel between runs: the time that each case took."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest

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


def test_workers_that_end_together(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers that keep their times at once lose none: the second one reads what the first one has written."""
    uml = stub({"one": {"a": "pass", "b": "pass"}})
    both, durations = threading.Barrier(2), memory.durations

    def slow(*arguments: Any) -> dict[str, float]:  # noqa: ANN401 -- passed on
        found = durations(*arguments)
        with contextlib.suppress(threading.BrokenBarrierError):  # the other one does not come
            both.wait(1)
        return found

    monkeypatch.setattr(memory, "durations", slow)
    workers = [threading.Thread(target=memory.remember, args=[uml, tmp_path, [took(name, 1.0)]]) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert durations(uml, tmp_path) == {"one.a": 1.0, "one.b": 1.0}


def test_a_cache_that_cannot_be_written(stub: Stub, tmp_path: Path) -> None:
    """A cache that cannot be written keeps nothing, without an error."""
    (tmp_path / "file").touch()
    memory.remember(stub({"one": {"a": "pass"}}), tmp_path / "file", [took("a", 1.0)])
    assert (tmp_path / "file").read_text() == ""
