"""The time of a worker that had a processor."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from lkltest.fuzz.exec.clock import LOOK, MOST, CpuClock


class Host:
    """A host's figures of a process with one thread, whose clock is read every 0.1 seconds."""

    def __init__(self, tasks: Path, patch: pytest.MonkeyPatch) -> None:
        self.thread = tasks / "7"
        self.thread.mkdir()
        self.now = 0.0
        patch.setattr("lkltest.fuzz.exec.clock.time", SimpleNamespace(monotonic=lambda: self.now))
        self.tell("S", 1, 0.0)
        self.clock = CpuClock(0, tasks)

    def tell(self, state: str, ran: int, waited: float) -> None:
        """Be asked next time."""
        (self.thread / "stat").write_text(f"7 (a) b) {state} 1 7\n")
        (self.thread / "schedstat").write_text(f"{ran} {round(waited * 1e9)} 1\n")

    def look(self, state: str, ran: int = 1, waited: float = 0.0, after: float = 0.1) -> float:
        """Let time pass, and look at the clock."""
        self.now += after
        self.tell(state, ran, waited)
        self.clock.seconds()
        return round(self.clock.own, 6)


def test_the_clock_stands_still_for_a_process_that_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time in which a thread could have run, but got no processor, is not the process's own."""
    host = Host(tmp_path, monkeypatch)
    assert host.look("S") == 0.1
    assert host.look("R") == 0.2  # it slept until now, as far as one knows
    assert [host.look("R") for _ in range(50)] == [0.2] * 50  # it waits: the host will count that when it is over
    assert host.look("R", 2, 5.0) == 0.2
    assert host.look("R", 3, 5.0) == 0.3  # it runs
    assert host.look("R", 4, 5.04) == 0.36
    assert host.look("S", 4, 5.04) == 0.46
    assert host.look("R", 0, 5.04) == 0.56
    assert host.look("R", 0, 5.04) == 0.66  # this host does not count


def test_the_clock_knows_a_time_in_which_nobody_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An observer that reads late had no processor either; but no time stands still for ever."""
    host = Host(tmp_path, monkeypatch)
    assert host.look("S", after=3600) == LOOK
    assert host.clock.seconds() >= 3600 / MOST
    (host.thread / "stat").unlink()
    host.now += 0.1
    host.clock.seconds()
    assert host.clock.own == pytest.approx(LOOK + 0.1)
