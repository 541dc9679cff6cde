"""The directory of a gate's private copies goes, however the run ends."""

from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from lkltest.gate import sources


def test_interrupted_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Ctrl-C does not keep the copy from being removed."""
    remove = shutil.rmtree

    def interrupted(path: Path, *, ignore_errors: bool) -> None:
        signal.raise_signal(signal.SIGINT)
        remove(path, ignore_errors=ignore_errors)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(shutil, "rmtree", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), sources.workplace():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not list(tmp_path.iterdir())


def test_copy_of_a_killed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run removes the directory of a killed run, and not that of a running one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with sources.workplace() as one:
        left = tmp_path / "lkltest-gate-left"
        (left / "linux").mkdir(parents=True)
        with sources.workplace() as two:
            assert one.is_dir()
            assert two.is_dir()
            assert not left.exists()
    assert not list(tmp_path.iterdir())
