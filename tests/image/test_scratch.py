"""Temporary directories for images."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.image import scratch


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the directories."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_only_the_directories_of_runs_that_are_over_are_removed(root: Path) -> None:
    """A killed run leaves its own behind; another one may be in use."""
    dead, alive = root / f"{scratch.PREFIX}{2**22 + 1}-x", root / f"{scratch.PREFIX}{os.getpid()}-x"
    for path in (dead, alive):
        path.mkdir()
    with scratch.directory() as mine:
        assert sorted(root.iterdir()) == sorted([alive, mine])
    assert list(root.iterdir()) == [alive]


def test_a_disk_without_room_is_told_beforehand(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later it would look like the kernel's own I/O errors."""
    monkeypatch.setattr(scratch, "NEEDED", 1 << 60)
    with pytest.raises(UsageError, match=f"{root} has .* MB left, .* TMPDIR"), scratch.directory():
        pass
    assert not list(root.iterdir())


def test_a_file_system_without_a_limit_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tmpfs of size=0 says that none of its 0 bytes are free."""
    usage = shutil.disk_usage("/")._replace(total=0, used=0, free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with scratch.directory() as path:
        assert path.is_dir()
