"""A hang is recognized by looks at a worker, without a kernel."""

from __future__ import annotations

import pytest

from lkltest.fuzz.exec.hang import RECOGNIZE_AFTER, STUCK_AFTER, HangWatch, Look


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __init__(self, _pid: int) -> None:
        self.began = Clock.now

    def seconds(self) -> float:
        """Since it was made."""
        return Clock.now - self.began


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> HangWatch:
    """A watch that has looked once, while call 3 of program 0 runs."""
    monkeypatch.setattr("lkltest.fuzz.exec.hang.CpuClock", Clock)
    monkeypatch.setattr(Clock, "now", 0.0)
    watch = HangWatch(1, STUCK_AFTER, (0, 3))
    assert watch.look((0, 3)) is Look.MOVED
    return watch


def look(watch: HangWatch, seconds: float, call: int = 3) -> Look:
    """Let time pass, and look."""
    Clock.now += seconds
    return watch.look((0, call))


def test_a_call_that_does_not_return_hangs(watch: HangWatch) -> None:
    """A call that does not return is suspect first, then stuck, each once; only a further look finds a hang."""
    assert look(watch, RECOGNIZE_AFTER / 2) is Look.RUNNING
    assert look(watch, RECOGNIZE_AFTER) is Look.SUSPECT
    assert look(watch, 0.01) is Look.RUNNING
    assert look(watch, STUCK_AFTER) is Look.STUCK
    assert look(watch, 0.0) is Look.HUNG


def test_a_call_that_returns_is_no_hang(watch: HangWatch) -> None:
    """Each call has the whole time, even one that was stuck when it was looked at last."""
    assert look(watch, STUCK_AFTER * 2) is Look.STUCK
    assert look(watch, 0.0, call=4) is Look.MOVED
    assert look(watch, STUCK_AFTER, call=4) is Look.MOVED  # its time begins at the second look
    assert look(watch, STUCK_AFTER, call=4) is Look.SUSPECT
    assert look(watch, STUCK_AFTER, call=5) is Look.MOVED


def test_a_known_hang_is_not_waited_for(watch: HangWatch) -> None:
    """A suspect call that was recognized hangs at the next look."""
    assert look(watch, RECOGNIZE_AFTER * 1.5) is Look.SUSPECT
    watch.stuck = True
    assert look(watch, 0.0) is Look.HUNG
