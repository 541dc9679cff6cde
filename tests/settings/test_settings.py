"""The settings: option, then environment, then file, then default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lkltest.errors import UsageError
from lkltest.program import Program
from lkltest.settings import Settings
from lkltest.settings import file as settings_file


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
    """A timeout that is no positive number is the user's mistake, told with the variable's name."""
    with pytest.raises(UsageError, match=r"LKLTEST_TIMEOUT.*" + text):
        Settings.load({}, environment={"LKLTEST_TIMEOUT": text})
    with pytest.raises(UsageError, match=r"lkl_timeout in pytest's settings.*" + text):
        Settings.load({}, environment={}, ini={"timeout": text})


@pytest.mark.parametrize("wrong", [{"source": 3}, {"flags": "-Wall"}, {"timeout": "soon"}, {"point_timeout": 0}])
def test_a_wrong_declaration_is_refused_where_it_stands(wrong: dict[str, Any]) -> None:
    """A suite that declares what is no program is told by the line that does it."""
    with pytest.raises((TypeError, ValueError), match=str(next(iter(wrong.values())))):
        Program(**{"source": "boot.c", **wrong})


def test_a_home_directory_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that begins with ~ is below the user's home."""
    monkeypatch.setenv("HOME", "/home/somebody")
    assert Settings.load({"uml": ["~/linux"]}, environment={}).uml == (Path("/home/somebody/linux"),)


def test_a_file_names_kernels_once(tmp_path: Path) -> None:
    """Kernels that a file names are all tested, or those of them that --lkl chooses by name."""
    (tmp_path / "lkltest.toml").write_text('mem = "32M"\n[kernels]\nold = "linux-4.9"\nnew = "/src/linux"\n')
    (tmp_path / "sub").mkdir()
    file = settings_file.read(tmp_path / "sub")
    every = Settings.load({}, file, {})
    assert every.lkl == (tmp_path / "linux-4.9", Path("/src/linux"))
    assert every.names[Path("/src/linux")] == "new"
    assert every.mem == 32 << 20
    assert Settings.load({"lkl": ["new"]}, file, {}).lkl == (Path("/src/linux"),)


def test_a_project_may_keep_settings_in_pyproject(tmp_path: Path) -> None:
    """[tool.lkltest] serves as well."""
    (tmp_path / "pyproject.toml").write_text('[tool.lkltest]\nlkl = ["linux"]\nstrict = true\n')
    loaded = Settings.load({}, settings_file.read(tmp_path), {})
    assert loaded.lkl == (tmp_path / "linux",)
    assert loaded.strict


@pytest.mark.parametrize("text", ["no toml", 'memory = "1M"', "kernels = 3"])
def test_a_bad_file_is_named(tmp_path: Path, text: str) -> None:
    """A file that cannot be read, or a key that is no setting, is the user's to mend."""
    (tmp_path / "lkltest.toml").write_text(text)
    with pytest.raises(UsageError, match=r"lkltest\.toml"):
        settings_file.read(tmp_path)


def test_colons_separate_kernels_only_in_the_environment() -> None:
    """A path on the command line may have a colon."""
    assert Settings.load({"lkl": ["/a:b"]}, environment={}).lkl == (Path("/a:b"),)
    assert Settings.load({}, environment={"LKLTEST_LKL": "/a:/b"}).lkl == (Path("/a"), Path("/b"))


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without HOME, and without an entry for the user, a cache has to be named: no traceback."""
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(UsageError, match=r"HOME is not set.*LKLTEST_CACHE"):
        Settings.load({}, environment={})
    assert Settings.load({}, environment={"LKLTEST_CACHE": "/c"}).cache == Path("/c")
