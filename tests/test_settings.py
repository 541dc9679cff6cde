"""The settings: option, then environment, then file, then default."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.settings import Settings


def test_default_applies_where_nothing_is_given() -> None:
    """Without option, variable or file, a setting has its default."""
    assert Settings.load({}, environment={}).mem == 64 << 20


@pytest.mark.parametrize(
    ("options", "environment", "file", "expected"),
    [
        ({"mem": "32M"}, {"LKLTEST_MEM": "16M"}, {"mem": "8M"}, 32 << 20),
        ({"mem": None}, {"LKLTEST_MEM": "16M"}, {"mem": "8M"}, 16 << 20),
        ({}, {"LKLTEST_MEM": ""}, {"mem": "8M"}, 8 << 20),
    ],
)
def test_the_nearest_source_wins(
    options: dict[str, str | None], environment: dict[str, str], file: dict[str, str], expected: int
) -> None:
    """An option hides the environment, which hides the file; an empty variable is none."""
    assert Settings.load(options, file, environment).mem == expected


def test_repeated_options_are_joined() -> None:
    """Each --lkl adds a kernel, in the order of the command line."""
    assert Settings.load({"lkl": ["/a", "/b"]}, environment={}).lkl == (Path("/a"), Path("/b"))


@pytest.mark.parametrize("text", ["0", "-1", "soon", "inf", "nan"])
def test_a_bad_value_names_its_origin(text: str) -> None:
    """A deadline that is no positive number is the user's mistake, told with the variable's name."""
    with pytest.raises(UsageError, match=r"LKLTEST_TIMEOUT.*" + text):
        Settings.load({}, environment={"LKLTEST_TIMEOUT": text})


def test_a_home_directory_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that begins with ~ is below the user's home."""
    monkeypatch.setenv("HOME", "/home/somebody")
    assert Settings.load({"uml": ["~/linux"]}, environment={}).uml == (Path("/home/somebody/linux"),)
