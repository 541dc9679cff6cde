"""The command as a whole."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lkltest import cli
from lkltest.host import process


def test_completion_offers_commands_and_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    """The script that bash reads completes a command's name and an option of it."""
    assert cli.main(["--print-completion", "bash"]) == 0
    script = capsys.readouterr().out
    ask = 'COMP_WORDS=(lkltest {words}); COMP_CWORD={last}; _shtab_lkltest; echo "${{COMPREPLY[@]}}"'
    for words, last, offered in [("doc", 1, "doctor"), ("doctor --det", 2, "--details")]:
        done = process.run(["bash", "-c", script + ask.format(words=words, last=last)], timeout=60)
        assert done.output.decode().split() == [offered]


def test_letters_that_the_locale_lacks(tmp_path: Path) -> None:
    """A name with letters that standard output cannot have is printed, and ends no command."""
    (tmp_path / "log").write_text("1..1\nnot ok 1 - käse ☃\n", encoding="utf-8")
    done = process.run([sys.executable, "-m", "lkltest", "tap", str(tmp_path / "log")], timeout=300,
                       env={"PYTHONIOENCODING": "ascii"})  # fmt: skip
    assert done.status == 1
    assert rb"k\xe4se \u2603" in done.output
    assert done.errors == b""
