"""The formats whose metadata is known, by the types of file systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lkltest.errors import UsageError
from lkltest.image.metadata import btrfs, ext4, vfat, xfs
from lkltest.image.metadata.model import Block
from lkltest.image.metadata.overlay import Base, Overlay


@dataclass(frozen=True)
class Format:
    """The reader of one format."""

    blocks: Callable[[Overlay], list[Block]]
    seeds: tuple[tuple[int, int], ...] = ()  # ranges (offset, size) on which all checksums depend


EXT = Format(ext4.blocks, ext4.SEEDS)
FORMATS: Mapping[str, Format] = {
    "ext2": EXT, "ext3": EXT, "ext4": EXT,
    "btrfs": Format(btrfs.blocks), "xfs": Format(xfs.blocks),
    "vfat": Format(vfat.blocks), "msdos": Format(vfat.blocks),
}  # fmt: skip


@dataclass(frozen=True)
class Metadata:
    """The metadata of a base image."""

    type: str  # of the file system
    base: Base
    blocks: tuple[Block, ...]  # in the order in which checksums are put right

    @cached_property
    def by_kind(self) -> Mapping[str, Sequence[Block]]:
        """The blocks of each kind."""
        found: dict[str, list[Block]] = {}
        for block in self.blocks:
            found.setdefault(block.kind, []).append(block)
        return found

    def at(self, offset: int) -> str:
        """The place of a byte, for people: its block and its field."""
        block = next((block for block in self.blocks if block.offset <= offset < block.offset + block.size), None)
        if block is None:
            return ""
        field = block.field_at(offset)
        return f"{block.name}, {field.name}" if field else f"{block.name}, byte {offset - block.offset:#x}"

    def repair(self, image: Overlay, *, all: bool = False) -> None:
        """Put the checksums of the changed blocks right, and keep copies the same; with `all`, those of every block."""
        everything = all or any(image.changed(*where) for where in FORMATS[self.type].seeds)
        for block in self.blocks:
            touched = image.touched(block.offset, block.size)
            if touched or everything or any(image.changed(*where) for where in block.depends):
                for seal in block.seals:
                    seal.seal(image)
            for mirror in block.mirrors if touched else ():
                data = image.read(block.offset, block.size)
                if image.read(mirror, block.size) != data:
                    image.write(mirror, data)


def read(base: Base, type: str) -> Metadata:
    """Find the metadata of an image; raises UsageError where it has no such file system, or the format is not known."""
    if type not in FORMATS:
        raise UsageError(f"the metadata of {type} is not known here: {', '.join(sorted(FORMATS))} are")
    try:
        return Metadata(type, base, tuple(FORMATS[type].blocks(Overlay(base))))
    except ValueError as error:
        raise UsageError(f"{base.path} is {error}") from None
