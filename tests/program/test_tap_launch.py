"""The commands of programs that print TAP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from lkltest import TapProgram, TapPrograms
from lkltest.errors import UsageError
from lkltest.program.declaration import Call
from lkltest.program.tap_launch import list_names, prepare


def write(path: Path, text: str = "", mode: int = 0o644) -> None:
    """Write a script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


@pytest.mark.parametrize(("declared", "argv"), [
    (TapProgram(["./t/run.sh", "-x"]), ["{}/t/run.sh", "-x", "more"]),
    (TapProgram([Path("t/run.sh")], wrapper=["./t/run.sh", "-w"]), ["{}/t/run.sh", "-w", "{}/t/run.sh", "more"]),
    (TapProgram(["./here.sh"], cwd="t"), ["{}/t/here.sh", "more"]),
    (TapProgram(["t/plain.pl"]), ["perl", "{}/t/plain.pl", "more"]),
    (TapProgram(["t/bang.py"]), ["/usr/bin/env", "python3 -u", "{}/t/bang.py", "more"]),
    (TapProgram([sys.executable]), [sys.executable, "more"]),
])  # fmt: skip
def test_the_command(tmp_path: Path, declared: TapProgram, argv: list[str]) -> None:
    """Paths are the suite's, or the directory's that the program runs in; scripts get their interpreter."""
    write(tmp_path / "t/run.sh", mode=0o755)
    write(tmp_path / "t/here.sh", mode=0o755)
    write(tmp_path / "t/plain.pl", "print '1..0'")
    write(tmp_path / "t/bang.py", "#! /usr/bin/env python3 -u\n")
    launch = prepare(declared, tmp_path, Call(["more"]))
    assert [*launch.argv] == [word.format(tmp_path) for word in argv]
    assert launch.foreign


def test_the_command_by_hand_has_directory_and_environment(tmp_path: Path) -> None:
    """The printed command can be pasted into a shell."""
    launch = prepare(TapProgram(["sh"], env={"A": "b c"}), tmp_path, Call())
    assert launch.command.startswith(f"cd {tmp_path} && A='b c' /")


def test_names_of_a_list(tmp_path: Path) -> None:
    """Names that are given as a list are those of the points; twins are numbered as their results will be."""
    assert list_names(TapProgram(["sh"], names=["a", "b c", "a"]), tmp_path, 100) == ("a", "b c", "a#2")


@pytest.mark.parametrize(("names", "error", "words"), [
    ([], ValueError, "no names of points"), (["a", 1], TypeError, "1 in it is none"), (7, TypeError, "and not 7"),
    (b"names", TypeError, "is a file"),
])  # fmt: skip
def test_wrong_names_are_refused(names: object, error: type[Exception], words: str) -> None:
    """A value that is neither a file nor a list of names is an error where it is declared."""
    with pytest.raises(error, match=words):
        TapProgram(["sh"], names=names)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "names"), [
    ("one\ntwo\n", ("one", "two")),
    ("  a b \n\na b\r\n", ("a b", "a b#2")),
    ("# random seed: 1\n1..2\n/a/b\n# End\nTAP version 14\nKTAP version 1\n1..two\n", ("/a/b", "1..two")),
    (b"\xff\n", ("\\xff",)),
])  # fmt: skip
def test_names_of_a_listing(tmp_path: Path, text: str | bytes, names: tuple[str, ...]) -> None:
    """A name a line; comments, versions and plans are none; twins are numbered as results are."""
    (tmp_path / "names").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert list_names(TapProgram(["sh"], names="names"), tmp_path, 100) == names
    assert list_names(TapProgram(["sh"], list=["cat", "names"]), tmp_path, 100) == names


def test_a_listing_that_hangs_is_ended(tmp_path: Path) -> None:
    """The command that lists names has a timeout, too."""
    with pytest.raises(UsageError, match=r"sleep 1000: killed after .* its timeout"):
        list_names(TapProgram(["sh"], list=["sleep", "1000"]), tmp_path, 0.2)


@pytest.mark.parametrize(("wrong", "told"), [
    ({"argv": "./check.sh --fast"}, "a list of words"), ({"argv": []}, "no words"), ({"argv": [1]}, "1 in it is none"),
    ({"argv": ["x"], "list": "x --list"}, "a list of words"), ({"argv": ["x"], "wrapper": "perl"}, "a list of words"),
    ({"argv": ["x"], "timeout": 0}, "not a positive number"), ({"argv": ["x"], "point_timeout": "a"}, "not a positive"),
])  # fmt: skip
def test_a_wrong_declaration_is_refused_where_it_stands(wrong: dict[str, Any], told: str) -> None:
    """A command is a list of words, a timeout a number of seconds."""
    with pytest.raises((TypeError, ValueError), match=told):
        TapProgram(**wrong)


def test_a_pattern_finds_programs_in_order(tmp_path: Path) -> None:
    """Directories that match are none; what all share is declared for each."""
    for name in ("b.t", "a.t", "deep/c.t"):
        write(tmp_path / "t" / name)
    (tmp_path / "t/dir.t").mkdir()
    found = TapPrograms("t/**/*.t", ["-x"], list=["-l"], wrapper=["perl"], excuse_skips=True).find(tmp_path)
    assert [path for path, _ in found] == ["t/a.t", "t/b.t", "t/deep/c.t"]
    assert found[0][1] == TapProgram(
        ["./t/a.t", "-x"], list=["perl", "./t/a.t", "-l"], wrapper=["perl"], excuse_skips=True
    )
