"""The command as a whole."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import pytest

from lkltest import cli
from lkltest.cli import completion
from lkltest.host import process


@pytest.mark.parametrize(("words", "offered"), [
    ("doc", ["doctor"]), ("doctor --det", ["--details"]),
    ("tap kun", ["kunit.log"]), ("tap --junit kun", ["kunit.log"]), ("replay fou", ["found"]),
    ("cov report fou", ["found"]), ("fuzz --output fo", ["found"]),
    ("build --variant fa", ["fast"]), ("tap --dialect tap1", ["tap12", "tap13", "tap14"]),
])  # fmt: skip
def test_completion(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, offered: list[str]) -> None:
    """The script that bash reads completes commands, their options, files, directories and names."""
    (tmp_path / "kunit.log").touch()
    (tmp_path / "found").mkdir()
    assert cli.main(["--print-completion", "bash"]) == 0
    ask = f'COMP_WORDS=(lkltest {words}); COMP_CWORD={len(words.split())}; _shtab_lkltest; echo "${{COMPREPLY[@]}}"'
    done = process.run(["bash", "-c", capsys.readouterr().out + ask], cwd=tmp_path, timeout=60)
    assert done.output.decode().split() == offered


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_arguments_that_are_paths_are_completed(command: str) -> None:
    """Each argument that becomes a path has a word in the help by which the script knows it."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"lkltest.cli.{command}").configure(parser)
    known = completion.FILES | completion.DIRECTORIES
    assert [one.dest for one in completion.actions(parser) if one.type is Path and one.metavar not in known] == []


def test_letters_that_the_locale_lacks(tmp_path: Path) -> None:
    """A name with letters that standard output cannot have is printed, and ends no command."""
    (tmp_path / "log").write_text("1..1\nnot ok 1 - käse ☃\n", encoding="utf-8")
    done = process.run([sys.executable, "-m", "lkltest", "tap", str(tmp_path / "log")], timeout=300,
                       env={"PYTHONIOENCODING": "ascii"})  # fmt: skip
    assert done.status == 1
    assert rb"k\xe4se \u2603" in done.output
    assert done.errors == b""
