"""Timeouts that grow where the machine is busy."""

from __future__ import annotations

import time

import pytest

from lkltest.host import load


def test_the_slowdown_is_bounded() -> None:
    """Work takes as long as on an idle machine at least, and no timeout grows without end."""
    assert 1 <= load.slowdown() <= load.MOST


def test_a_deadline_passes_on_an_idle_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline on an idle machine passes when its seconds have."""
    monkeypatch.setattr(load, "slowdown", lambda: 1.0)
    assert load.Deadline(0).passed()
    assert not load.Deadline(3600).passed()


def test_a_busy_machine_puts_a_deadline_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timeout that has come is put off in proportion to the load, which is asked for then and not before."""
    deadline = load.Deadline(0.2)
    time.sleep(0.3)
    monkeypatch.setattr(load, "slowdown", lambda: 20_000.0)
    assert not deadline.passed()
    assert deadline.at > time.monotonic() + 3000
    monkeypatch.setattr(load, "slowdown", lambda: 1.0)
    assert not deadline.passed()
