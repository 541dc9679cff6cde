"""Commands and options within the sentences and tables of the documentation."""

from __future__ import annotations

import argparse
import configparser
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkltest import cli
from lkltest.host import process
from tests.integration.docs.pages import PAGES, ROOT, spans

OTHERS = {  # options of other programs, or none of a program's own
    "--device": "docker's", "--suppressions": "valgrind's", "--track-origins": "valgrind's",
    "--showconfig": "a UML's", "--strict": "mypy's, too", "--json": "kunit.py's, too", "--verify": "sfdisk's",
}  # fmt: skip
TREES = {  # targets and options of a kernel tree's make
    "-C", "-k", "ARCH=um", "all", "defconfig", "headers", "install", "olddefconfig", "syncconfig",
}  # fmt: skip


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    """The options of pytest with our plugin, of each command, and of a test program."""
    help_ = [sys.executable, "-m", "pytest", "--help"]
    told = process.run(help_, timeout=600).output.decode()
    harness = "".join(path.read_text() for path in (ROOT / "lkltest" / "harness").rglob("*.h"))
    found = {
        "pytest": set(re.findall(r"--[a-z][\w-]*", told)) | {"--junitxml", "--help"},
        "lkltest": {"--version", "--json"},
        "a test program": set(re.findall(r'"(--[a-z]+)[="]', harness)),
    }
    for name in cli.COMMANDS:
        parser = argparse.ArgumentParser()
        importlib.import_module(f"lkltest.cli.{name}").configure(parser)
        found[f"lkltest {name}"] = set(options_of(parser))
    return found


def options_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The options of a command, and of the commands below it."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from options_of(below)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_exist(page: Path, options: dict[str, set[str]]) -> None:
    """Each command of ours is there, and has the options that it is named with."""
    for span in spans(page):
        found = re.match(r"(?:\S+=\S+ |\.venv/bin/|git bisect run )*(pytest|lkltest(?: \w+)?)(?: (.*))?$", span)
        if found:
            assert found[1] in options, span
            assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", found[2] or "")) <= options[found[1]], span


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_exist(page: Path, options: dict[str, set[str]]) -> None:
    """Each option that stands alone is one of ours, or in the table of those that are not."""
    known = set[str]().union(*options.values(), OTHERS)
    found = [re.match(r"--[a-z][\w-]*", span) for span in spans(page)]
    assert [option[0] for option in found if option and option[0] not in known] == []


def test_no_option_of_others_is_left_over() -> None:
    """Each option of another program is in the documentation."""
    text = "".join(page.read_text() for page in PAGES)
    assert [option for option in OTHERS if option not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_targets_exist(page: Path) -> None:
    """Each target of `make` is one of ours or a kernel tree's, each environment of tox is defined."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    ini = configparser.ConfigParser()
    ini.read(ROOT / "tox.ini")
    for span in spans(page):
        words = span.split()
        if words[0] == "make" and len(words) > 1:
            assert words[1] in targets | TREES, span
        if words[:2] == ["tox", "-e"]:
            assert f"testenv:{words[2]}" in ini, span
