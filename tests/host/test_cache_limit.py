"""The cache keeps what was used last, within its room."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from lkltest import cc
from lkltest.host import cache_limit
from lkltest.settings import Settings

HOUR = 3600.0
SIZE = 1 << 16


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """Four directories of 64 KiB, used 40, 30, 20 and 10 hours ago."""
    for number, name in enumerate(("oldest", "older", "newer", "newest")):
        directory = tmp_path / name
        directory.mkdir()
        (directory / "program").write_bytes(os.urandom(SIZE))
        used = time.time() - (4 - number) * 10 * HOUR
        os.utime(directory, (used, used))
    return tmp_path


def left(parent: Path) -> set[str]:
    """The names of the directories that are there."""
    return {path.name for path in parent.iterdir() if path.is_dir()}


def test_what_was_used_last_stays(parent: Path) -> None:
    """The directories that have not been used for longest are removed, as many as are needed."""
    cache_limit.use(parent / "older")
    cache_limit.keep_below(parent, 2 * SIZE + SIZE // 2)
    assert left(parent) == {"older", "newest"}


def test_what_may_be_in_use_stays(parent: Path) -> None:
    """A directory that was used a short time ago stays, whatever its size."""
    cache_limit.keep_below(parent, 0, recent=25 * HOUR)
    assert left(parent) == {"newer", "newest"}


def test_looks_now_and_then(parent: Path) -> None:
    """Nothing is looked at again within an hour."""
    cache_limit.keep_below(parent, 4 * SIZE + SIZE)
    assert len(left(parent)) == 4
    cache_limit.keep_below(parent, 0)
    assert len(left(parent)) == 4
    cache_limit.keep_below(parent, 0, every=0)
    assert left(parent) == set()


def test_what_another_run_makes_stays(parent: Path) -> None:
    """A directory whose lock is held is not removed."""
    with FileLock(parent / "oldest.lock"):
        cache_limit.keep_below(parent, 0)
    assert left(parent) == {"oldest"}


def test_compiling_keeps_the_programs_below_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is compiled makes room; one that is only used counts as used."""
    monkeypatch.setattr(cache_limit, "ROOM", SIZE)
    own = Settings.load({"cache": str(tmp_path / "cache")}, environment={})
    source = tmp_path / "empty.c"
    source.write_text("int main(void) { return 0; }\n")
    old = tmp_path / "cache" / "programs" / "old"
    old.mkdir(parents=True)
    (old / "program").write_bytes(os.urandom(SIZE))
    long_ago = time.time() - 100 * HOUR
    os.utime(old, (long_ago, long_ago))
    program = cc.compile_native(source, own)
    assert not old.exists()
    os.utime(program.parent, (long_ago, long_ago))
    assert cc.compile_native(source, own) == program
    assert program.parent.stat().st_mtime > long_ago + HOUR
