"""The host's judges: they find an image clean, and find what is wrong with one, whatever it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.errors import BuildError
from lkltest.host import process, programs
from lkltest.image import Image, MissingTool, fsck, load, make, shipped, sparse, tools, tree
from lkltest.image.disk import Disk
from lkltest.image.recipe import Part, Recipe
from lkltest.program.results import Result, State

RECIPES = {recipe.name: recipe for recipe in load([shipped()])}


def made(name: str, directory: Path) -> Image:
    """The image of one of our recipes, for a 4.9 kernel; a skip where a tool is missing."""
    try:
        return make(RECIPES[name], "4.9.0", directory)
    except MissingTool as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "ext4-2t"])
def test_a_fresh_image_is_clean_and_holds_what_was_packed(name: str, tmp_path: Path) -> None:
    """Every recipe's checkers are content, its reader finds every file, nothing else is left behind."""
    image = made(name, tmp_path)
    assert fsck.check(image) == []
    assert fsck.read(image, tree.PACKED) == []
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.img"]
    assert sparse.room(image.path) < 32 << 20


@pytest.mark.parametrize("name", ["ext4", "xfs", "btrfs", "vfat", "gpt"])
def test_a_directory_may_have_blanks_and_any_letters(name: str, tmp_path: Path) -> None:
    """TMPDIR is the user's."""
    directory = tmp_path / "mit Leerstelle und 漢字"
    directory.mkdir()
    image = made(name, directory)
    assert fsck.check(image) + fsck.read(image, tree.PACKED) == []


def test_a_huge_image_takes_little_room(tmp_path: Path) -> None:
    """2 TiB in less than 40 MB."""
    image = made("ext4-2t", tmp_path)
    assert image.path.stat().st_size == 2 << 40
    assert sparse.room(image.path) < 40 << 20


def find_and_change(image: Image, old: bytes, change: Callable[[bytes], bytes]) -> None:
    """Change a piece of the image behind everybody's back."""
    with image.path.open("r+b") as file:
        for start, end in sparse.extents(file.fileno(), 0, image.path.stat().st_size):
            file.seek(start)
            position = file.read(end - start).find(old)
            if position >= 0:
                file.seek(start + position)
                file.write(change(old))
                return
    raise AssertionError(f"{old!r} is nowhere in {image.path}")


@pytest.mark.parametrize("name", ["ext2", "ext4", "xfs", "vfat", "mbr", "gpt"])
def test_one_flipped_byte_of_data_is_found(name: str, tmp_path: Path) -> None:
    """A file system without checksums of data is clean for its checker; reading the file back finds the byte."""
    image = made(name, tmp_path)
    data = tree.content("packed/size-4096", 4096)
    find_and_change(image, data[:512], lambda old: bytes([old[0] ^ 1]) + old[1:])
    assert fsck.check(image) == []
    (problem,) = fsck.read(image, tree.PACKED)
    assert "packed/size-4096: read on the host, byte 0 is" in problem


def test_one_flipped_byte_of_data_is_found_on_btrfs(tmp_path: Path) -> None:
    """The reader of btrfs refuses data that does not match its checksum, or hands it out changed."""
    image = made("btrfs", tmp_path)
    data = tree.content("packed/size-4097", 4097)
    find_and_change(image, data[:512], lambda old: bytes([old[0] ^ 1]) + old[1:])
    assert any("packed/size-4097" in problem for problem in fsck.read(image, tree.PACKED))


def set_superblock(image: Image, offset: int, value: int) -> None:
    """Change a 32-bit number of an ext superblock, with debugfs keeping the checksum right."""
    fields = {12: "free_blocks_count", 96: "feature_incompat"}
    told = tools.run(["debugfs", "-w", "-R", f"set_super_value {fields[offset]} {value}", str(image.path)])
    assert told.ok


def test_a_wrong_count_of_free_blocks_is_found(tmp_path: Path) -> None:
    """The words of e2fsck count: its exit status is 0 for a wrong count of free blocks."""
    image = made("ext4", tmp_path)
    set_superblock(image, 12, 7)
    assert tools.run(["e2fsck", "-fn", str(image.path)]).status == 0
    assert any("Free blocks count wrong" in problem for problem in fsck.check(image))


def test_a_journal_that_waits_for_recovery_is_found(tmp_path: Path) -> None:
    """No clean unmount leaves one."""
    image = made("ext4", tmp_path)
    with image.path.open("rb") as file:
        file.seek(1024 + 96)
        features = int.from_bytes(file.read(4), "little")
    set_superblock(image, 96, features | 4)
    assert any("needs_recovery" in problem for problem in fsck.check(image))


@pytest.mark.parametrize("name", ["ext2", "ext4", "btrfs", "xfs", "vfat", "mbr", "gpt"])
def test_damaged_metadata_is_found(name: str, tmp_path: Path) -> None:
    """A directory, overwritten behind everybody's back."""
    image = made(name, tmp_path)
    entry = {"vfat": b"SIZE-1  "}.get(name, b"size-4095")
    find_and_change(image, entry, lambda old: bytes(len(old)))
    assert fsck.check(image) + fsck.read(image, tree.PACKED)


@pytest.mark.parametrize(("name", "place", "whence"), [("gpt", -512, 2), ("gpt", 520, 0), ("mbr", 454, 0)])
def test_a_damaged_partition_table_is_found(name: str, place: int, whence: int, tmp_path: Path) -> None:
    """All words of sfdisk count: it "detects no errors" in a damaged partition table."""
    image = made(name, tmp_path)
    with image.path.open("r+b") as file:
        file.seek(place, whence)
        file.write(b"\xff" * 7)
    assert any("sfdisk --verify" in problem for problem in fsck.check(image))


def test_a_missing_checker_is_told_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the package that has the checker."""
    image = made("ext4", tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "SYSTEM_DIRECTORIES", ())
    with pytest.raises(MissingTool, match="e2fsck not found: apt-get install e2fsprogs"):
        fsck.check(image)


@pytest.mark.parametrize(("gone", "stays"), [("debugfs", "e2fsck"), ("dumpe2fs", "e2fsck"), ("e2fsck", "debugfs")])
def test_a_missing_program_hides_nothing_that_another_finds(
    gone: str, stays: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged image fails; one in which the other programs find nothing is a skip."""
    image = made("ext4", tmp_path)
    data = tree.content("packed/size-4096", 4096)
    find = tools.find

    def without(program: str, package: str | None = None) -> Path:
        if program == gone:
            raise MissingTool(f"{program} not found: apt-get install it")
        return find(program, package)

    monkeypatch.setattr(tools, "find", without)
    with pytest.raises(MissingTool, match=gone):
        Disk(image, None).check()
    find_and_change(image, data[:512], lambda old: bytes([old[0] ^ 1]) + old[1:])
    process.run([find("debugfs"), "-w", "-R", "set_super_value free_blocks_count 7", str(image.path)])
    with pytest.raises(AssertionError, match=stays if stays == "e2fsck" else "read on the host") as error:
        Disk(image, None).check()
    assert f"not judged: {gone} not found" in str(error.value)


def test_a_mkfs_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    """A recipe with a wrong option."""
    part = Part({**RECIPES["ext4"].parts[0].keys, "options": ("-O", "nonsense")})
    recipe = Recipe("bad", tmp_path, "", (part,))
    with pytest.raises(BuildError, match=r"recipe bad: mkfs\.ext4 ends with exit status 1: mend .* options") as error:
        make(recipe, "6.0", tmp_path)
    assert "nonsense" in error.value.output


def test_a_file_that_the_program_says_it_wrote_must_be_there(tmp_path: Path) -> None:
    """The files of a point that was skipped need not be there."""
    image = made("ext4", tmp_path)
    disk = Disk(image, None)
    disk.check()
    wrote = {"files": Result("files", State.PASSED), "big_file": Result("big_file", State.SKIPPED)}
    with pytest.raises(AssertionError, match="written/size-1: read on the host, 0 bytes instead of 1") as error:
        disk.check(wrote)
    assert "size-67108864" not in str(error.value)


def test_a_damaged_second_disk_is_told(tmp_path: Path) -> None:
    """A damaged second disk is told, and called so."""
    first = made("ext2", tmp_path)
    second = make(RECIPES["ext2"], "4.9.0", tmp_path, name="ext2-second", pack=False)
    set_superblock(second, 12, 7)
    with pytest.raises(AssertionError, match=r"second disk: e2fsck.*Free blocks count wrong"):
        Disk(first, second).check()


def test_a_recipe_that_cannot_pack_or_read_is_judged_all_the_same(tmp_path: Path) -> None:
    """A recipe that cannot pack or read is judged by its checkers alone."""
    keys = {key: value for key, value in RECIPES["ext4"].parts[0].keys.items() if key not in {"pack", "read"}}
    image = make(Recipe("plain", tmp_path, "", (Part(keys),)), "6.0", tmp_path)
    assert not image.packed
    assert not [argument for argument in image.arguments() if argument.startswith("packed=")]
    Disk(image, None).check({"files": Result("files", State.PASSED)})
    set_superblock(image, 12, 7)
    with pytest.raises(AssertionError, match="Free blocks count wrong"):
        Disk(image, None).check({"files": Result("files", State.PASSED)})
