"""The metadata of images: found, mutated, its checksums put right, and the difference as text."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.image import load, make, run_tool, scratch_directory, shipped, sparse
from lkltest.image import output_of as said
from lkltest.image.metadata import (
    Base,
    Block,
    Difference,
    Metadata,
    Overlay,
    mutate,
    parse_difference,
    read,
    strew,
    unsealed,
)
from lkltest.image.metadata.crc import START, crc16, crc32c

NAMES = ("ext2", "ext4", "ext4-4k", "btrfs", "xfs", "vfat")
KINDS = {
    "ext2": {"superblock", "descriptor", "inode", "directory"},
    "ext4": {"superblock", "descriptor", "inode", "directory", "block bitmap", "inode bitmap", "journal superblock"},
    "ext4-4k": {"superblock", "descriptor", "inode", "directory"},
    "btrfs": {"superblock", "chunk leaf", "root leaf", "leaf"},
    "xfs": {"superblock", "agf", "agi", "agfl", "inode", "btree block", "directory", "log record"},
    "vfat": {"boot sector", "fsinfo", "fat", "directory"},
}


@pytest.fixture(scope="module")
def images() -> Iterator[dict[str, Metadata]]:
    """The metadata of an image of each recipe."""
    recipes = {recipe.name: recipe for recipe in load([shipped()])}
    with scratch_directory() as directory:
        made = [make(recipes[name], "4.9.0", directory) for name in NAMES]
        found = {image.name: read(Base(image.path), image.type) for image in made}
        yield found
        for metadata in found.values():
            metadata.base.close()


def copy(metadata: Metadata, image: Overlay, directory: Path) -> Path:
    """A file of its own with the changes of an image."""
    path = directory / "changed.img"
    sparse.copy(metadata.base.path, path)
    with path.open("r+b") as file:
        for offset, data in image.changes():
            file.seek(offset)
            file.write(data)
    return path


def test_crc() -> None:
    """The checksums are those of their published check values."""
    assert ~crc32c(b"123456789") & START == 0xE3069283
    assert crc32c(b"6789", crc32c(b"12345")) == crc32c(b"123456789")
    assert crc16(b"123456789", 0) == 0xBB3D


@pytest.mark.parametrize("zeroes", [1, 63, 64, 65, 1000, 4096, 16384])
def test_crc_of_zeroes(zeroes: int) -> None:
    """Long runs of zeroes, at the start, in the middle and at the end, count as when they come one by one."""
    for data in (bytes(zeroes), b"abc" + bytes(zeroes) + b"d", bytes(zeroes) + b"x" + bytes(zeroes)):
        one_by_one = START
        for byte in data:
            one_by_one = crc32c(bytes([byte]), one_by_one)
        assert crc32c(data) == one_by_one


def test_changes_across_pages(images: dict[str, Metadata]) -> None:
    """Changed bytes that follow one another are one run, beyond the end of a page, too; equal bytes are none."""
    image = Overlay(images["ext4"].base)
    old = image.read(4090, 20)
    image.write(4090, bytes(byte ^ 0xFF for byte in old[:10]) + old[10:12] + bytes(byte ^ 1 for byte in old[12:]))
    assert [(at, len(data)) for at, data in image.changes()] == [(4090, 10), (4102, 8)]
    assert image.read(4090, 20) == b"".join(
        [next(image.changes())[1], old[10:12], list(image.changes())[1][1]]
    )


@pytest.mark.parametrize("name", NAMES)
def test_untouched(images: dict[str, Metadata], name: str) -> None:
    """All kinds of metadata are found on a fresh image, every checksum is right, and repair changes nothing."""
    metadata = images[name]
    image = Overlay(metadata.base)
    assert {block.kind for block in metadata.blocks} >= KINDS[name]
    assert unsealed(image, metadata.blocks) == []
    metadata.repair(image, all=True)
    assert list(image.changes()) == []


@pytest.mark.parametrize("name", ["ext4-4k", "btrfs", "xfs", "vfat"])
def test_mutations_are_sealed(images: dict[str, Metadata], name: str) -> None:
    """After a mutation of each kind of block and a repair, no checksum is wrong; without repair, some are."""
    metadata = images[name]
    sealed = {block.kind for block in metadata.blocks if block.seals}
    broken = set()
    for kind in sorted({block.kind for block in metadata.blocks}):
        for seed in range(40 if name == "vfat" else 6):
            image = Overlay(metadata.base)
            mutate(metadata, image, random.Random(f"{kind}-{seed}"), [kind])
            broken |= {block.kind for block in unsealed(image, metadata.blocks)}
            metadata.repair(image)
            assert [block.name for block in unsealed(image, metadata.blocks)] == [], (kind, seed)
            text = Difference.of(image, name, "0" * 64).text(metadata)
            again = Overlay(metadata.base)
            parse_difference(text).apply(again)
            assert list(again.changes()) == list(image.changes())
    # The record that mkfs.xfs writes carries no checksum, and the journal of mkfs.ext4 has none yet.
    assert broken >= sealed - {"log record", "journal superblock"}


@pytest.mark.parametrize("version", [2, 3])
def test_journal(images: dict[str, Metadata], tmp_path: Path, version: int) -> None:
    """The blocks of a journal that waits to be replayed are found, with the checksums of both versions."""
    path = copy(images["ext4"], Overlay(images["ext4"].base), tmp_path)
    (tmp_path / "data").write_bytes(b"x" * 2048)
    (tmp_path / "commands").write_text(f"jo -c -v {version}\njw -b 5000,5001 {tmp_path / 'data'}\njw -r 5002\njc\n")
    assert run_tool(["debugfs", "-w", "-f", str(tmp_path / "commands"), str(path)]).ok
    with Base(path) as base:
        metadata = read(base, "ext4")
        found = [block for block in metadata.blocks if block.kind == "journal block"]
        names = {field.name for block in found for field in block.fields}
        assert names >= {"tag[1].blocknr", "count", "blocknr[0]", "commit_sec"}
        image = Overlay(base)
        assert unsealed(image, metadata.blocks) == []
        for block in found:
            image.write(block.offset + 20, b"\x55")
        assert {block.kind for block in unsealed(image, metadata.blocks)} == {"journal block"}
        metadata.repair(image)
        assert unsealed(image, metadata.blocks) == []


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("version", [0, 2, 3])
def test_journal_numbers(tmp_path: Path, version: int, wide: bool) -> None:
    """The numbers of blocks in a journal are those that were written, with or without checksums and 64 bits."""
    path, data, commands = tmp_path / "image", tmp_path / "data", tmp_path / "commands"
    with path.open("wb") as file:
        file.truncate(16 << 20)
    features = f"extents,{'' if wide else '^'}64bit,{'' if version else '^'}metadata_csum"
    assert run_tool(["mke2fs", "-q", "-F", "-t", "ext3", "-b", "1024", "-O", features, str(path)]).ok
    data.write_bytes(b"x" * 3072)
    commands.write_text(f"jo {f'-c -v {version}' if version else ''}\njw -b 5000-5002 {data}\njw -r 5003,5004\njc\n")
    assert run_tool(["debugfs", "-w", "-f", str(commands), str(path)]).ok
    with Base(path) as base:
        image = Overlay(base)
        blocks = [block for block in read(base, "ext4").blocks if block.kind == "journal block"]
        found = {field.name: image.number(field.offset, field.size, big=True)
                 for block in blocks for field in block.fields}
        tags = {name: number for name, number in found.items() if re.fullmatch(r"tag\[\d+\]\.blocknr", name)}
        assert tags == {"tag[0].blocknr": 5000, "tag[1].blocknr": 5001, "tag[2].blocknr": 5002}
        assert (found["blocknr[0]"], found["blocknr[1]"]) == (5003, 5004)
        assert ("tag[0].blocknr_high" in found) == (wide or version == 3)


@pytest.mark.parametrize("name", NAMES)
def test_seed(images: dict[str, Metadata], name: str) -> None:
    """The same seed makes the same mutation, another seed another one."""
    def made(seed: int) -> list[tuple[int, bytes]]:
        image = Overlay(images[name].base)
        mutate(images[name], image, random.Random(seed))
        strew(image, random.Random(seed), [(0, 1 << 20)])
        return list(image.changes())

    assert made(1) == made(1)
    assert len({tuple(made(seed)) for seed in range(20)}) > 10


def one(metadata: Metadata, kind: str) -> Block:
    """The last block of a kind: of inodes and directories, one in use."""
    return [block for block in metadata.blocks if block.kind == kind][-1]


def complaints_ext(path: Path, _: Block) -> list[str]:
    """The lines of e2fsck and dumpe2fs about wrong checksums."""
    told = said(run_tool(["e2fsck", "-fn", str(path)])) + said(run_tool(["dumpe2fs", str(path)]))
    return [line for line in told.splitlines() if re.search(r"checksum does|fails checksum|checksums? (is|are)", line)]


def complaints_btrfs(path: Path, _: Block) -> list[str]:
    """The lines of btrfs about wrong checksums."""
    told = said(run_tool(["btrfs", "inspect-internal", "dump-super", str(path)]))
    told += said(run_tool(["btrfs", "inspect-internal", "dump-tree", str(path)]))
    return re.findall(r"csum\s.*DON'T MATCH.*|checksum verify failed.*|bad superblock checksum.*", told)


def complaints_xfs(path: Path, block: Block) -> list[str]:
    """The lines of xfs_db about a wrong checksum of one block."""
    number = block.name.split()[-1]
    command = {"superblock": "sb 0", "inode": f"inode {number}"}.get(block.kind, f"{block.kind} {number}")
    told = said(run_tool(["xfs_db", "-r", "-c", command, "-c", "crc -v", str(path)], package="xfsprogs"))
    assert "crc = " in told
    return re.findall(r".*\(bad\).*|Metadata CRC error.*", told)


@pytest.mark.parametrize(("name", "kind", "field", "complaints"), [
    ("ext4", "superblock", "mnt_count", complaints_ext), ("ext4", "descriptor", "itable_unused", complaints_ext),
    ("ext4", "inode", "atime", complaints_ext), ("ext4", "directory", "0x0.file_type", complaints_ext),
    ("ext4", "superblock", "uuid", complaints_ext),
    ("btrfs", "superblock", "label", complaints_btrfs), ("btrfs", "root leaf", "data[0].atime", complaints_btrfs),
    ("btrfs", "leaf", "item[0].key_offset", complaints_btrfs), ("xfs", "superblock", "fname", complaints_xfs),
    ("xfs", "agf", "longest", complaints_xfs), ("xfs", "agi", "freecount", complaints_xfs),
    ("xfs", "agfl", "bno[0]", complaints_xfs), ("xfs", "inode", "atime", complaints_xfs),
])
def test_host_accepts(
    images: dict[str, Metadata], tmp_path: Path, name: str, kind: str, field: str,
    complaints: Callable[[Path, Block], list[str]],
) -> None:
    """The host's checker finds a wrong checksum after a change of a field, and none after the repair."""
    metadata = images[name]
    block = one(metadata, kind)
    chosen = next((found for found in block.fields if found.name == field), block.fields[-1])
    image = Overlay(metadata.base)
    image.write(chosen.offset, bytes([image.read(chosen.offset, 1)[0] ^ 1]))
    assert complaints(copy(metadata, image, tmp_path), block)
    metadata.repair(image)
    assert complaints(copy(metadata, image, tmp_path), block) == []


def test_text(images: dict[str, Metadata]) -> None:
    """The text of a difference names recipe, base, fields and old bytes, and a wrong line is named."""
    metadata = images["ext4"]
    image = Overlay(metadata.base)
    image.set_number(1024 + 0x18, 4, 5)
    text = Difference.of(image, "ext4", "ab" * 32).text(metadata)
    assert text.startswith(f"recipe ext4\nbase sha256:{'ab' * 32} {metadata.base.size} bytes\n")
    assert "0x00000418  05                      # superblock, log_block_size; was 00" in text
    assert parse_difference(text).changes == ((0x418, b"\5"),)
    with pytest.raises(UsageError, match=r"line 3 .*'0x418: 5'"):
        parse_difference(f"recipe ext4\nbase sha256:{'ab' * 32} 1 bytes\n0x418: 5\n")
    with pytest.raises(UsageError, match="no line"):
        parse_difference("0x418 05\n")


def test_unknown(images: dict[str, Metadata]) -> None:
    """An image of another file system, and a type whose metadata is not known, are the user's mistakes."""
    with pytest.raises(UsageError, match="no btrfs"):
        read(images["ext4"].base, "btrfs")
    with pytest.raises(UsageError, match="f2fs is not known"):
        read(images["ext4"].base, "f2fs")
