"""A UML finds a directory for its memory."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.doctor import Kernel, lacking_uml
from lkltest.errors import UnusableKernel
from lkltest.settings import Settings
from lkltest.uml import Uml, fpstate, memory

UML = Uml("uml-6.1", Path("/usr/bin/linux.uml"), "6.1", "Linux version 6.1", "x86-64")


@pytest.fixture
def shm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that stands for /dev/shm, on a host without TMPDIR."""
    for name in memory.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "shm"
    path.mkdir()
    monkeypatch.setattr(memory, "OWN", path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return path


def mounted(monkeypatch: pytest.MonkeyPatch, place: Path, *, flags: int = 0, free: int = 1 << 30) -> None:
    """Let one directory be a file system with these flags and this room."""
    real = os.statvfs

    def statvfs(path: Path) -> os.statvfs_result:
        found = list(real(path))
        if path == place:
            found[1], found[4], found[8] = 1, free, flags
        return os.statvfs_result(found)

    monkeypatch.setattr(os, "statvfs", statvfs)


def test_leaves_a_uml_its_own_choice(shm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is changed where its directory has room, and the user's TMPDIR counts first, as it does for a UML."""
    assert memory.environment(1 << 20) == ()
    assert memory.memory_elsewhere() == ""
    own = shm.with_name("own")
    own.mkdir()
    monkeypatch.setenv("TMPDIR", str(own))
    assert memory.chosen() == own
    assert memory.environment(1 << 20) == ()


@pytest.mark.parametrize(
    ("flags", "free", "why"),
    [(os.ST_RDONLY, 1 << 30, "is read-only"), (os.ST_NOEXEC, 1 << 30, "is mounted noexec"),
     (0, 64 << 20, "has 64 of 256 MB")],
)  # fmt: skip
def test_takes_another_directory(
    shm: Path, monkeypatch: pytest.MonkeyPatch, flags: int, free: int, why: str
) -> None:
    """A /dev/shm that is read-only, not executable or too small, as in a container, is not used; the note says why."""
    mounted(monkeypatch, shm, flags=flags, free=free)
    assert memory.environment(memory.LEAST) == ("/usr/bin/env", f"TMPDIR={shm.parent}")
    assert memory.memory_elsewhere() == f"memory in {shm.parent}: {shm} {why}"
    assert memory.lacking(memory.LEAST) == ""


def test_takes_another_directory_where_there_is_no_shm(shm: Path) -> None:
    """A host may have no /dev/shm at all."""
    shm.rmdir()
    assert memory.environment(memory.LEAST) == ("/usr/bin/env", f"TMPDIR={shm.parent}")


def test_tells_that_no_directory_will_do(
    shm: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A UML that could not have its memory is not started: the reason has each directory, and the cure."""
    monkeypatch.setattr(memory, "directories", lambda: iter([shm]))
    mounted(monkeypatch, shm, free=1 << 20)
    uml = replace(UML, settings=replace(settings, uml_fpstate="none"))
    with pytest.raises(UnusableKernel, match=r"no directory takes its memory: .*/shm has 1 of 256 MB; name one in TMP"):
        fpstate.usable(uml)


def test_doctor_does_not_install_what_is_there() -> None:
    """The UML suite needs another UML, or a host for this one, where one is installed that does not run."""
    broken = Kernel("uml-6.1", "uml", "not usable", "", "", why="ptrace() is forbidden here")
    assert "see above" in lacking_uml([broken])
    assert "install user-mode-linux" in lacking_uml([])
