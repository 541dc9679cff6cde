"""The command as a whole."""

from __future__ import annotations

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
