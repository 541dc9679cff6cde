"""`lkltest fuzz --cov`: what the fuzzer's kernels reach."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import cli
from lkltest import liblkl as kernels
from lkltest.coverage import data, raw
from lkltest.coverage.summary import summarize
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.images.background import Background
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings


def test_the_fuzzer_collects(
    shared: Path, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines that the kernels of a run reach are saved and reported, and nothing else is left in the directory."""
    cov = tmp_path / "cov"
    words = ["--time", "2", "--workers", "1", "--seed", "1", "--output", str(tmp_path / "out"), "--cov", str(cov)]
    assert cli.main(["fuzz", "--lkl", str(shared), *words]) in {0, 1}
    assert "TOTAL" in capsys.readouterr().out
    (file,) = summarize(data.load([cov]), settings.cache).find("traced_call.c")
    reached = {name: len(contexts) for name, contexts in file.functions.items()}
    assert reached == {"lkl_syscall": 1, "traced_uncalled": 0}
    assert {path.suffix for path in cov.iterdir()} == {".lklcov", ".info"}


def test_what_images_reach_is_collected(shared: Path, settings: Settings, tmp_path: Path) -> None:
    """The kernels that mount the images of a guided session note what they reach where its other kernels do."""
    folder = tmp_path / "raw"
    folder.mkdir()
    with SeenEdges() as seen:
        images = Background(
            ["ext4"], kernels.find(shared), replace(settings, lkl=(shared,)), tmp_path, seed=1, loops=1, seen=seen,
            reproduce_seconds=0, reach=lambda _: None, env={raw.VARIABLE: str(folder)},
        )
        images.hurry.set()  # nothing is reproduced
        thread = threading.Thread(target=images.run, args=(300.0,), daemon=True)
        thread.start()
        while thread.is_alive() and not images.images:
            thread.join(0.1)
        images.stop.set()
        thread.join()
    assert images.complaint == ""
    found = [raw.read(file) for file in folder.glob("*.cov")]
    assert [one for one in found if one is not None and any(one.contexts.values())]


def test_a_plain_kernel_is_refused(
    liblkl: Liblkl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run ends before it begins, with the cure."""
    assert cli.main(["fuzz", "--lkl", str(liblkl.path), "--time", "1", "--cov", str(tmp_path / "cov")]) == 2
    assert "KCFLAGS=-fsanitize-coverage=trace-pc" in capsys.readouterr().err
