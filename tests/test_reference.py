"""The pages of docs/reference/, which scripts/reference.py writes."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest import cli
from lkltest.cli import completion
from scripts import reference
from tests.harness.test_api import documented


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """All pages, as they would be written now, by their names."""
    return {path.name: text for path, text in reference.pages().items()}


def test_the_pages_are_up_to_date(pages: dict[str, str]) -> None:
    """The committed pages are those that the sources make now, and there is no other: `make reference` mends that."""
    assert {path.name: path.read_text() for path in reference.PAGES.iterdir()} == pages


def test_lines_are_short(pages: dict[str, str]) -> None:
    """No line is longer than 120 columns."""
    assert [line for text in pages.values() for line in text.splitlines() if len(line) > 120] == []


def test_all_fixtures_are_there(request: pytest.FixtureRequest, pages: dict[str, str]) -> None:
    """Each fixture that the plugin has registered is on the page."""
    known = request.session._fixturemanager._arg2fixturedefs
    ours = {name for name, found in known.items() if any(one.func.__module__.startswith("lkltest.") for one in found)}
    assert {name for name in ours if not name.startswith("_")} == set(re.findall("^### (.*)", pages["pytest.md"], re.M))


def marks(listed: pytest.RunResult) -> set[str]:
    """The marks that pytest lists outside of any project."""
    assert listed.ret == 0
    return set(re.findall(r"^@pytest\.mark\.(.*?): ", listed.stdout.str(), re.M))


def test_all_marks_are_there(inline: Callable[..., pytest.RunResult], pages: dict[str, str]) -> None:
    """Each mark that pytest knows with the plugin, and not without it, is on the page, and no other."""
    sources = (reference.ROOT / "lkltest/plugin").glob("[!_]*.py")
    parts = [path.stem for path in sources if "addinivalue_line" in path.read_text()]  # loaded when they are needed
    loaded = [word for part in parts for word in ("-p", f"lkltest.plugin.{part}")]
    ours = marks(inline("--markers", *loaded)) - marks(inline("--markers", "-p", "no:lkltest"))
    assert ours >= {"lkl_timeout(program, point)", "kunit_module(name)"}
    assert ours == set(re.findall(r"^- `@pytest\.mark\.(.*?)`", pages["pytest.md"], re.M))


def test_all_of_the_harness_is_there(pages: dict[str, str]) -> None:
    """Each public name of the harness has its entry."""
    entries = {re.sub(r"struct |enum |\(\)", "", name) for name in re.findall("^### (.*)", pages["harness.md"], re.M)}
    assert entries == set(documented())


def test_all_variables_are_there(pages: dict[str, str]) -> None:
    """Each environment variable that a program of ours or a suite reads is on the page."""
    sources = [path for top in ("lkltest", "suites") for path in (reference.ROOT / top).rglob("*.[chp]*")]
    text = "".join(path.read_text() for path in sources if path.suffix in {".c", ".h", ".py"})
    read = set(re.findall(r'(?:getenv\(|environ\.get\(|environ\[)"(LKLTEST_\w+)"', text))
    assert "LKLTEST_VFIO_PCI" in read
    assert {name for name in read if f"`{name}`" not in pages["settings.md"]} == set()


def test_all_options_of_commands_are_there(pages: dict[str, str]) -> None:
    """Each option of each command, and of the commands below it, is in the command's section."""
    sections = dict(re.findall(r"^## lkltest (\w+)\n(.*?)(?=^## |\Z)", pages["commands.md"], re.M | re.S))
    assert sections.keys() == cli.COMMANDS.keys()
    for name, section in sections.items():
        parser = argparse.ArgumentParser()
        importlib.import_module(f"lkltest.cli.{name}").configure(parser)
        options = {option for action in completion.actions(parser) for option in action.option_strings}
        assert options - {"-h", "--help"} - set(re.findall(r"--?[\w-]+", section)) == set()


def write(root: Path, monkeypatch: pytest.MonkeyPatch, **modules: str) -> None:
    """Let the script look at a package `made` of these modules."""
    monkeypatch.setattr(reference, "ROOT", root)
    (root / "made").mkdir()
    for name, text in modules.items():
        (root / "made" / f"{name}.py").write_text(text)


@pytest.mark.parametrize("source", ["def f(): pass", "class f: pass", "f = 1",
                                    'class f:\n    """One."""\n    def g(self): pass'])
def test_a_name_without_a_docstring_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """A public function, class, method or constant that nothing describes is an error."""
    write(tmp_path, monkeypatch, __init__="from made.one import f", one=source)
    with pytest.raises(reference.Undocumented, match="f"):
        reference.entry("made", "f")


def test_entries_come_from_where_a_name_is_defined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that one module has of another is found there, under its own name, with its fields' comments."""
    two = 'class B:\n    """Two."""\n\n    field: int = 1  # its meaning\n    def go(self, times: int = 2) -> str:\n'
    write(tmp_path, monkeypatch, __init__="def x():\n    from made.one import A", one="from made.two import B as A",
          two=two + '        """Go."""\n')
    made = reference.entry("made", "A")
    for part in ("Two.", "- `field: int = 1`: its meaning", "go(times: int=2) -> str", "Go."):
        assert part in made
