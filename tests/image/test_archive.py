"""Archives of disk images: small, safe to copy, and never half-written."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest

from lkltest.cli import main
from lkltest.errors import Exit, UsageError
from lkltest.host import process
from lkltest.image import MissingTool, archive, sparse

PLACES = {0: b"first", 3 << 30: b"middle" * 1000, (2 << 40) - 4: b"last"}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image of 2 TiB with some bytes of data, under a name that tar could take for a host's or an option."""
    path = tmp_path / "-host:a disk.img"
    with path.open("wb") as file:
        file.truncate(2 << 40)
        for place, data in PLACES.items():
            file.seek(place)
            file.write(data)
    return path


def check(path: Path) -> None:
    """See that an image is as large, as sparse and as full as the one above."""
    assert path.stat().st_size == 2 << 40
    assert sparse.room(path) <= 1 << 20
    with path.open("rb") as file:
        for place, data in PLACES.items():
            file.seek(place)
            assert file.read(len(data)) == data


def only(monkeypatch: pytest.MonkeyPatch, directory: Path, *programs: str) -> None:
    """Let these be the only programs that are installed."""
    directory.mkdir()
    for program in programs:
        found = shutil.which(program)
        assert found is not None
        (directory / program).symlink_to(found)
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr("lkltest.host.programs.SYSTEM_DIRECTORIES", ())


def test_an_image_comes_back_as_it_was(image: Path, tmp_path: Path) -> None:
    """An unpacked image has its size, data and holes; the archive has the data only, and replaces an older one."""
    for _ in range(2):
        packed = archive.save(image, tmp_path, 1 << 20)
    assert packed.name == "-host:a disk.img.tar.zst"
    assert packed.stat().st_size < 10_000
    assert archive.find(image) == packed
    check(archive.restore(packed, tmp_path / "new"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [image.name, packed.name, "new"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == [image.name]


def test_an_ordinary_tar_unpacks_it(image: Path, tmp_path: Path) -> None:
    """Nothing of lkltest is needed for that."""
    packed = archive.save(image, tmp_path, 1 << 20)
    image.unlink()
    assert process.run(["tar", "--force-local", "-xf", str(packed)], cwd=tmp_path).ok
    check(image)


def test_without_zstd_gzip_packs(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an archive that only zstd unpacks, the cure is told."""
    packed = archive.save(image, tmp_path, 1 << 20)
    only(monkeypatch, tmp_path / "bin", "tar", "gzip", "sh")
    with pytest.raises(MissingTool, match="zstd not found: apt-get install zstd"):
        archive.restore(packed, tmp_path / "new")
    packed = archive.save(image, tmp_path, 1 << 20)
    assert packed.name == "-host:a disk.img.tar.gz"
    check(archive.restore(packed, tmp_path / "new"))


@pytest.mark.parametrize("missing", ["tar", "gzip"])
def test_a_missing_program_is_told(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """With its cure."""
    only(monkeypatch, tmp_path / "bin", *{"tar", "gzip"} - {missing})
    with pytest.raises(MissingTool, match=f"{missing} not found: apt-get install {missing}"):
        archive.save(image, tmp_path, 1 << 20)


def test_more_data_than_the_limit_is_not_packed(image: Path, tmp_path: Path) -> None:
    """The setting that would allow it is named, and nothing is left."""
    with pytest.raises(UsageError, match=r"a disk.img is not kept: .* more than 0 MiB of data \(--lkl-artifacts-size"):
        archive.save(image, tmp_path, 5000)
    assert list(tmp_path.iterdir()) == [image]


def test_a_full_disk_leaves_no_half_archive_and_no_half_image(image: Path, tmp_path: Path) -> None:
    """A full disk leaves neither archive nor image, and both errors name the file and the next step."""
    with image.open("r+b") as file:
        file.seek(1 << 30)
        file.write(os.urandom(4 << 20))
    packed = archive.save(image, tmp_path, 8 << 20)
    image.rename(tmp_path / "big.img")
    before, limits = sorted(tmp_path.iterdir()), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(UsageError, match=r"big\.img is not kept: .*; free some room in .*--lkl-artifacts"):
            archive.save(tmp_path / "big.img", tmp_path, 8 << 20)
        with pytest.raises(UsageError, match=f"cannot unpack {packed}"):
            archive.restore(packed, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_no_archive_of_an_image_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Damage, another tar, a name that does not fit, a missing one: exit code 2, and nothing is left."""
    (tmp_path / "two").mkdir()
    (tmp_path / "damaged.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd garbage")
    (tmp_path / "empty.tar.gz").touch()
    assert process.run(["tar", "-czf", str(tmp_path / "other.tar.gz"), "-C", str(tmp_path), "two"]).ok
    (tmp_path / "notes.txt").touch()
    for name, said in (("damaged.tar.zst", "cannot unpack"), ("empty.tar.gz", "cannot unpack"),
                       ("other.tar.gz", "no image in it"), ("notes.txt", "no image that lkltest has packed"),
                       ("none", "name what the line artifacts:"), ("two", "no packed image in")):
        assert main(["unpack", str(tmp_path / name), str(tmp_path / "new")]) == Exit.USAGE
        assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists() or not list((tmp_path / "new").iterdir())


def test_unpack_takes_a_file_or_a_directory(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`unpack` puts images beside their archives or where the user says, again and again, and names each."""
    kept = tmp_path / "kept" / "cut0"
    kept.mkdir(parents=True)
    packed = archive.save(image, kept, 1 << 20)
    for _ in range(2):
        assert main(["unpack", str(kept.parent)]) == Exit.PASSED
        assert capsys.readouterr().out.startswith(f"{kept / image.name}: 2097152 MiB")
        check(kept / image.name)
    assert main(["unpack", str(packed), str(tmp_path / "new")]) == Exit.PASSED
    check(tmp_path / "new" / image.name)


def test_images_of_one_name_stay_apart(image: Path, tmp_path: Path) -> None:
    """Several runs keep images of one name: unpacked into one directory, each has its run's below it."""
    for run in ("one", "two"):
        (tmp_path / "kept" / run).mkdir(parents=True)
        archive.save(image, tmp_path / "kept" / run, 1 << 20)
    assert main(["unpack", str(tmp_path / "kept"), str(tmp_path / "new")]) == Exit.PASSED
    for run in ("one", "two"):
        check(tmp_path / "new" / run / image.name)
