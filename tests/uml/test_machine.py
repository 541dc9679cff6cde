"""A UML is booted whatever its paths and arguments look like."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from lkltest import cc
from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.settings import Settings
from lkltest.uml import Uml, booted, command

ARGUMENTS = ["mem=1", "quiet", "con=x", "two  blanks", "ubd0=y", "--flag", "a:b,c='d'"]


def test_odd_directory_and_arguments(
    uml: Uml, init: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blanks, colons and commas in the way to the private directory do no harm; init gets its arguments whole."""
    odd = tmp_path / ("a directory, with: odd=characters " + "long" * 20)
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    with booted(uml, init, args=ARGUMENTS) as console:
        console.expect("^ready$")
        shown = [line.removeprefix("argument: ") for line in console.before.splitlines() if "argument: " in line]
        assert shown == ARGUMENTS
        assert console.ask("write /tmp/file text") == "done"
    assert not list(odd.iterdir())


@pytest.mark.parametrize("argument", ['with "quotes"', "two\nlines"])
def test_arguments_that_cannot_be_passed(uml: Uml, init: Path, tmp_path: Path, argument: str) -> None:
    """Words that the kernel's command line cannot carry are refused, and named."""
    with pytest.raises(UsageError, match="cannot give"):
        command(uml, init, tmp_path, args=[argument])


def test_results_apart_from_messages(uml: Uml, tmp_path: Path, settings: Settings) -> None:
    """By pipes, results are on standard output and nothing else is, the kernel's messages are standard error."""
    program = cc.compile_native(Path(__file__).parent / "programs" / "half.c", settings)
    done = process.run(command(uml, program, tmp_path), timeout=60)
    assert done.ok, done.describe()
    assert done.output.startswith(b"TAP version 13\n1..3\n# running 1 first\nok 1 first\n")
    assert done.output.endswith(b"# running 2 half\n")
    assert b"Linux version" in done.errors
    assert b"ok 1" not in done.errors


def test_enough_memory(uml: Uml, init: Path) -> None:
    """With the least memory, the kernel may have more threads at once than it starts in its whole boot.

    Else it may fail to start one, by chance, and warn of that.
    """
    with booted(uml, init, mem=1) as console:
        console.expect("^ready$")
        assert console.ask("mount none proc") == "done"
        started = re.search(r"^processes (\d+)$", console.ask("read /mnt/stat"), re.MULTILINE)
        assert started
        assert int(console.ask("read /mnt/sys/kernel/threads-max")) > int(started[1])
