"""Directories that are made once."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.host import cache


def fill(directory: Path) -> None:
    """Make a directory's content."""
    (directory / "file").write_text("whole")


def test_makes_a_directory_once(tmp_path: Path) -> None:
    """The second call finds it, and nothing but the lock is beside it."""
    place = tmp_path / "cache" / "place"
    assert cache.make_once(place, fill) == place
    assert cache.make_once(place, lambda _: pytest.fail("made twice")) == place
    assert (place / "file").read_text() == "whole"
    assert sorted(path.name for path in place.parent.iterdir()) == ["place", "place.lock"]


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_leaves_nothing_of_a_failure(tmp_path: Path, error: BaseException) -> None:
    """A half-made directory is gone, whatever ended its making, and the next call makes it."""
    place = tmp_path / "place"

    def fail(path: Path) -> None:
        fill(path)
        raise error

    with pytest.raises(type(error)):
        cache.make_once(place, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["place.lock"]
    cache.make_once(place, fill)
    assert (place / "file").exists()


def test_a_full_disk_is_the_users_to_mend(tmp_path: Path) -> None:
    """The message has the directory, the reason and the option."""

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(UsageError, match=rf"cannot write the cache {tmp_path}: No space left on device; .*--lkl-cache"):
        cache.make_once(tmp_path / "place", full)


def test_replaces_what_is_not_whole(tmp_path: Path) -> None:
    """A directory that lost something is made anew in its place."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "rest").write_text("")
    cache.make_once(place, fill, whole=lambda path: (path / "file").is_file())
    assert [path.name for path in place.iterdir()] == ["file"]


def test_removes_what_a_killed_run_left(tmp_path: Path) -> None:
    """Only what belongs to this directory, and only under its lock."""
    (tmp_path / ".place.abc").mkdir()
    (tmp_path / ".other.abc").mkdir()
    cache.make_once(tmp_path / "place", fill)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.abc", "place", "place.lock"]


def test_one_makes_it_while_others_wait(tmp_path: Path) -> None:
    """The one that waits learns who holds it, and gets what the other made."""
    place = tmp_path / "place"
    started, go = threading.Event(), threading.Event()
    told: list[str] = []

    def slowly(path: Path) -> None:
        started.set()
        assert go.wait(10)
        fill(path)

    def waiting() -> None:
        told.append(cache.held(place, "making it"))
        go.set()

    first = threading.Thread(target=cache.make_once, args=(place, slowly))
    first.start()
    assert started.wait(10)
    cache.make_once(place, lambda _: pytest.fail("made twice"), waiting=waiting)
    first.join()
    assert told == [f"another run (pid {os.getpid()}) is making it; waiting for it"]
    assert (place / "file").exists()


def test_keys_differ_with_their_parts() -> None:
    """The borders between the parts count."""
    assert cache.key("ab", "c") != cache.key("a", "bc")
    assert cache.key("ab", "c") == cache.key(b"ab", b"c")
