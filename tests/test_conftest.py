"""The settings of a developer, which lkltest's own tests do not see."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lkltest.settings import Settings
from lkltest.settings import file as settings_file
from lkltest.settings.model import options_of
from tests.conftest import CHECKOUT, OURS, SWITCHES, default_settings, hidden_settings


def test_variables_of_a_developer_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable LKLTEST_* of the shell reaches a test, nor the sessions it starts; all are back afterwards."""
    names = [f"LKLTEST_{item.name.upper()}" for item in options_of(Settings) if item.name != "cache"]
    for name in [*names, "LKLTEST_NO_CRASH_HANDLER", SWITCHES[0]]:
        monkeypatch.setenv(name, "1")
    with hidden_settings():
        assert {name for name in os.environ if name.startswith("LKLTEST_")} - {SWITCHES[0], "LKLTEST_CACHE"} == set()
    assert os.environ["LKLTEST_TIMEOUT"] == os.environ["LKLTEST_NO_CRASH_HANDLER"] == "1"


def test_a_developer_chooses_the_kernels_of_the_tests(tmp_path: Path) -> None:
    """The variables of kernels and cache count for the kernels that tests run on, and no other variable does."""
    chosen = default_settings({**{name: str(tmp_path / name) for name in OURS}, "LKLTEST_MEM": "1M"})
    assert (chosen.lkl, chosen.uml) == ((tmp_path / OURS[0],), (tmp_path / OURS[1],))
    assert (chosen.cache, chosen.mem, chosen.variant) == (tmp_path / OURS[2], 64 << 20, "fast")


def test_a_file_of_a_developer_is_hidden(tmp_path: Path) -> None:
    """A settings file in the checkout, or above it, has no say in the tests; one of a test has."""
    for place in (CHECKOUT, CHECKOUT.parent):
        assert settings_file._table(place / "lkltest.toml") == {}
    (tmp_path / "lkltest.toml").write_text('mem = "1M"\n', encoding="utf-8")
    assert settings_file.read(tmp_path)["mem"] == "1M"
