"""Profiles limit the time of a property, and never lose a failure."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import strategies as st

from lkltest.errors import UsageError
from lkltest.fuzz.hypothesis.profiles import PROFILES, Profile, chosen
from lkltest.settings import Settings


def test_ci_repeats_itself() -> None:
    """The profile ci tries the same examples in every run, and as many as it says."""
    runs: list[list[int]] = []
    for _ in range(2):
        seen: list[int] = []
        PROFILES["ci"].check("repeats", st.integers(), seen.append)
        runs.append(seen)
    assert runs[0] == runs[1]
    assert len(runs[0]) == PROFILES["ci"].examples


def test_time_ends_a_property(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """--lkl-fuzz-time limits a property, for any number of examples."""
    monkeypatch.chdir(tmp_path)
    profile = chosen(Settings.load({"fuzz_time": "0.3"}, environment={}))
    tried = profile.check("time", st.integers(), lambda _: time.sleep(0.01))
    assert 1 < tried < 100  # in 0.3 s thirty have room, on a machine that is not busy


def test_failure_is_shrunk_past_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A failure is shrunk to its end although the time is up meanwhile, and kept for the next run."""
    monkeypatch.chdir(tmp_path)
    profile = Profile("some", 1000, seconds=0.2)
    seen: list[int] = []

    def fails(value: int) -> None:
        if not seen:
            time.sleep(0.3)  # so that the time is up before anything is shrunk
        seen.append(value)
        raise AssertionError(value)

    with pytest.raises(AssertionError, match=r"^1000"):
        profile.check("shrunk", st.integers(1000, 1 << 20), fails)
    seen.clear()
    with pytest.raises(AssertionError, match=r"^1000"):
        profile.check("shrunk", st.integers(1000, 1 << 20), fails)
    assert seen[0] == 1000


def test_examples_and_unknown_profile() -> None:
    """--lkl-fuzz-examples replaces the profile's number; a profile that is none is refused with those there are."""
    assert chosen(Settings.load({"fuzz_profile": "night", "fuzz_examples": "7"}, environment={})).examples == 7
    with pytest.raises(UsageError, match="no profile nigt; take one of ci, dev, night"):
        chosen(Settings.load({"fuzz_profile": "nigt"}, environment={}))
