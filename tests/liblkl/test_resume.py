"""The objects of an interrupted build, of which the next one takes those that are whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.liblkl import resume


@pytest.mark.parametrize(
    ("contents", "whole"),
    [(b"\x7fELF\2\1", True), (b"!<arch>\n", True), (b"", False), (b"\0" * 8, False), (None, False)],
)
def test_an_object_without_its_contents_is_not_taken(tmp_path: Path, contents: bytes | None, whole: bool) -> None:
    """A power cut leaves files that are empty, or full of zeros, beside their command files: both are made again."""
    (tmp_path / "fork.c").write_text("int fork;")
    (tmp_path / ".fork.o.cmd").write_text("cmd_fork.o := gcc")
    if contents is not None:
        (tmp_path / "fork.o").write_bytes(contents)
    assert resume.clean(tmp_path, {path.name for path in tmp_path.iterdir()}) == whole
    assert (tmp_path / "fork.o").exists() is whole
    assert (tmp_path / ".fork.o.cmd").exists() is (whole or contents is None)
    assert (tmp_path / "fork.c").exists()


def test_a_build_goes_on_in_the_same_boot_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a start of the machine, as after a power cut, no file that a build has left is trusted."""
    tree = tmp_path / "tree"
    (tree / resume.TOOLS).mkdir(parents=True)
    resume.prepare(tree, "gcc 12")
    assert resume.take(tree, "gcc 12") == 0
    monkeypatch.setattr(resume, "_boot", lambda: "another boot")
    assert resume.take(tree, "gcc 12") is None
    assert not tree.exists()
