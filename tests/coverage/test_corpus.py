"""`lkltest corpus min` and `cov`: programs and inputs with disk images are one corpus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from lkltest.cli import main
from lkltest.fuzz.images.mounts import mount
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.prog.text import print_program
from lkltest.fuzz.prog.values import Program

CRASH = "umask(83)"  # see traced_call.c


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus: see the test of `min` for what its files reach."""
    head = print_program(Program(mount(cast(Target, SimpleNamespace(type="ext4", options="errors=continue")))))
    programs: Mapping[str, str] = {"a": "getpid()\n", "b": "getpid()\ngetpid()\n"}
    images = {
        "plain": ("ext4", "getpid()\n"), "new": ("ext4", "gettid()\n"), "longer": ("ext4", "gettid()\ngetpid()\n"),
        "crash": ("ext4", f"{CRASH}\n"), "other": ("btrfs", "umask(5)\n"), "unknown": ("nosuch", "umask(5)\n"),
    }  # fmt: skip
    for name, text in programs.items():
        (tmp_path / f"{name}.prog").write_text(text)
    for name, (recipe, text) in images.items():
        base = f"recipe {recipe}\nbase sha256:{'0' * 64} 201326592 bytes\n0x00000434  07\n"
        (tmp_path / f"{name}.image").write_text(f"{base}\n{head}{text}")
    (tmp_path / "bad.image").write_text("nothing\n\ngetpid()\n")
    return tmp_path


def test_images_and_programs_are_minimized_together(
    corpus: Path, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An input whose edges a program or another input reaches goes; one that did not run, or failed, stays, as told.

    No program goes for an image, which not every session has. The kernel has no btrfs.
    """
    assert main(["corpus", "min", str(corpus), "--lkl", str(shared)]) == 0
    told = capsys.readouterr()
    assert {path.name for path in corpus.iterdir()} == {
        "a.prog", "new.image", "crash.image", "other.image", "unknown.image", "bad.image",
    }  # fmt: skip
    assert "1 of 2 programs and 1 of 4 inputs with disk images reach all " in told.out
    assert "3 inputs with disk images did not run, and are left as they are\n" in told.out
    assert "crash.image is left as it is: the kernel fails while it runs\n" in told.err
    assert "bad.image is left out: " in told.err
    assert "1 inputs with disk images of btrfs do not run: " in told.err
    assert "1 inputs with disk images of nosuch do not run: no recipe 'nosuch'" in told.err


def test_lines_that_images_reach_are_counted(
    corpus: Path, shared: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More lines are reached with an input whose image is mounted than by the programs alone."""
    monkeypatch.setattr("lkltest.cli.corpus.complain", lambda _: None)
    assert main(["corpus", "cov", str(corpus), "--lkl", str(shared)]) == 0
    together = capsys.readouterr().out
    for path in corpus.glob("*.image"):
        path.unlink()
    assert main(["corpus", "cov", str(corpus), "--lkl", str(shared)]) == 0
    alone = capsys.readouterr().out
    assert lines(together) > lines(alone) > 0


def lines(table: str) -> int:
    """The lines that were reached, by the last row of a table."""
    return int(table.splitlines()[-1].split()[2])
