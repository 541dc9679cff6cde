"""Copies of images that take no more room than their data."""

from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.image import sparse


def make(path: Path, size: int, **data: bytes) -> Path:
    """Write a sparse file with some data at some places: at4096=b"..."."""
    with path.open("wb") as file:
        file.truncate(size)
        for place, content in data.items():
            file.seek(int(place.removeprefix("at")))
            file.write(content)
    return path


def test_a_copy_is_equal_and_as_sparse(tmp_path: Path) -> None:
    """A terabyte with a few bytes in it is copied in no time and in no room."""
    old = make(tmp_path / "a", 1 << 40, at0=b"first", at999999999999=b"last")
    sparse.copy(old, tmp_path / "b")
    with (tmp_path / "b").open("rb") as file:
        assert file.read(5) == b"first"
        file.seek(999999999999)
        assert file.read(10) == b"last" + bytes(6)
    assert (tmp_path / "b").stat().st_size == 1 << 40
    assert sparse.room(tmp_path / "b") <= 1 << 20


def test_zeroes_are_not_copied(tmp_path: Path) -> None:
    """The copy has a hole where zeroes were written out."""
    sparse.copy(make(tmp_path / "a", 64 << 20, at0=bytes(64 << 20)), tmp_path / "b")
    assert (tmp_path / "b").stat().st_size == 64 << 20
    assert sparse.room(tmp_path / "b") < sparse.room(tmp_path / "a") or sparse.room(tmp_path / "b") == 0


def test_a_part_is_taken_out_and_put_back(tmp_path: Path) -> None:
    """A part of an image, such as a partition, is taken out and put back with its holes."""
    old = make(tmp_path / "a", 10 << 20, at1048576=b"part", at5242880=b"beyond")
    sparse.extract(old, tmp_path / "p", 1 << 20, 1 << 20)
    assert (tmp_path / "p").read_bytes() == b"part" + bytes((1 << 20) - 4)
    new = make(tmp_path / "b", 10 << 20)
    sparse.insert(tmp_path / "p", new, 2 << 20)
    assert new.read_bytes().find(b"part") == 2 << 20
    assert new.stat().st_size == 10 << 20


def test_large_files_of_zeroes_are_made_sparse(tmp_path: Path) -> None:
    """Their contents stay."""
    path = make(tmp_path / "a", 50 << 20, at0=bytes(49 << 20) + b"x")
    sparse.punch_holes(path)
    assert path.read_bytes() == bytes(49 << 20) + b"x" + bytes((1 << 20) - 1)
    assert sparse.room(path) < 5 << 20
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_copy_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """And leaves nothing."""
    with pytest.raises(UsageError, match="cannot copy"):
        sparse.copy(tmp_path / "none", tmp_path / "b")
    assert not (tmp_path / "b").exists()
