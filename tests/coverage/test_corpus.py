"""`lkltest corpus min` and `cov`: programs and inputs with disk images are one corpus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from lkltest.cli import corpus as corpus_command
from lkltest.cli import main
from lkltest.errors import KernelLost
from lkltest.fuzz import measure
from lkltest.fuzz.exec.feedback import Feedback
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig, boot
from lkltest.fuzz.exec.shmem import Memory
from lkltest.fuzz.images.mounts import mount
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.measure import Measured
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
    assert "3 inputs with disk images did not run, and stay\n" in told.out
    assert "crash.image stays: the kernel fails while it runs\n" in told.err
    assert "bad.image is left out: " in told.err
    assert "1 of 1 input with disk images of btrfs did not run: " in told.err
    assert "1 of 1 input with disk images of nosuch did not run: no recipe 'nosuch'" in told.err


def test_a_kernel_that_is_lost_costs_no_more_than_the_inputs_of_a_recipe(
    corpus: Path, shared: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inputs that did not run stay, where it no longer boots with their image, and the rest is minimized."""
    boots = 0

    def once(config: KernelConfig, memory: Memory, feedback: Feedback) -> Kernel:
        nonlocal boots
        boots += config.disk is not None
        if boots > 1:
            raise KernelLost("does not boot")
        return boot(config, memory, feedback)

    monkeypatch.setattr(measure, "boot", once)  # the first input makes its kernel fail
    assert main(["corpus", "min", str(corpus), "--lkl", str(shared)]) == 0
    told = capsys.readouterr()
    assert "3 of 4 inputs with disk images of ext4 did not run: does not boot\n" in told.err
    assert "6 inputs with disk images did not run, and stay\n" in told.out
    assert [path.name for path in corpus.glob("*.prog")] == ["a.prog"]
    assert len(list(corpus.glob("*.image"))) == 7


def test_inputs_that_a_fuzzer_adds_meanwhile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """New inputs that ran count as run; one that came too late did not run, and stays."""

    def run_all() -> Iterator[Measured]:
        for name in ("one", "two", "late"):
            (tmp_path / f"{name}.image").write_text("")
        for name in ("one", "two"):
            yield Measured(f"{name}.image", 1, frozenset({1}), image=True)

    monkeypatch.setattr(corpus_command, "target", lambda _: ())
    monkeypatch.setattr(corpus_command, "run_all", run_all)
    assert main(["corpus", "min", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert told.endswith(" 1 of 2 inputs with disk images reach all 1 edges\n"
                         "1 input with disk images did not run, and stays\n")  # fmt: skip
    assert len(list(tmp_path.iterdir())) == 2


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
