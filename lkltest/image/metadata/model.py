"""The words in which the metadata of every format is described."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from lkltest.image.metadata.crc import START, crc32c
from lkltest.image.metadata.overlay import Overlay


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a block."""

    name: str
    offset: int  # in the image
    size: int  # bytes
    big: bool = False  # big-endian


class Seal(Protocol):
    """The checksum of a block."""

    def seal(self, image: Overlay) -> None:
        """Put the checksum right."""

    def broken(self, image: Overlay) -> bool:
        """Whether the checksum is wrong."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of metadata: one structure, or one block of a tree."""

    kind: str  # "inode"
    name: str  # "inode 12"
    offset: int  # in the image
    size: int  # bytes
    fields: tuple[Field, ...]
    seals: tuple[Seal, ...] = ()  # in the order in which they are put right
    mirrors: tuple[int, ...] = ()  # offsets of copies, which are kept the same
    depends: tuple[tuple[int, int], ...] = ()  # ranges (offset, size) elsewhere on which its checksum depends

    def field_at(self, offset: int) -> Field | None:
        """The field that has a byte of the image."""
        return next((field for field in self.fields if field.offset <= offset < field.offset + field.size), None)


@dataclass(frozen=True, slots=True)
class Stored:
    """A part of a checksum in the image: `size` bytes of it, from bit `shift` on."""

    offset: int
    size: int = 4
    shift: int = 0


def store(image: Overlay, places: Sequence[Stored], value: int) -> None:
    """Write a checksum to its places; nothing is written where it stands there already."""
    for place in places:
        part = value >> place.shift & (1 << 8 * place.size) - 1
        if image.number(place.offset, place.size) != part:
            image.set_number(place.offset, place.size, part)


def stored(image: Overlay, places: Sequence[Stored], value: int) -> bool:
    """Whether a checksum stands at its places."""
    return all(
        image.number(place.offset, place.size) == value >> place.shift & (1 << 8 * place.size) - 1 for place in places
    )


def blanked(image: Overlay, offset: int, size: int, places: Sequence[Stored]) -> bytes:
    """Bytes of the image with zeroes for the checksum in them."""
    data = bytearray(image.read(offset, size))
    for place in places:
        start = place.offset - offset
        if start >= 0 and start + place.size <= len(data):
            data[start : start + place.size] = bytes(place.size)
    return bytes(data)


@dataclass(frozen=True, slots=True)
class Crc32c:
    """A CRC-32C over one range with its own place taken for zero, inverted at the end: btrfs and xfs."""

    at: int
    start: int
    size: int

    def value(self, image: Overlay) -> int:
        """The right checksum."""
        return ~crc32c(blanked(image, self.start, self.size, [Stored(self.at)])) & START

    def seal(self, image: Overlay) -> None:
        """Put the checksum right."""
        store(image, [Stored(self.at)], self.value(image))

    def broken(self, image: Overlay) -> bool:
        """Whether the checksum is wrong."""
        return not stored(image, [Stored(self.at)], self.value(image))


def fields(spec: str, base: int, *, big: bool = False, prefix: str = "") -> Iterator[Field]:
    """The fields of a structure at `base`: "name:size" one after the other, "@offset" where one begins elsewhere.

    A name is left out ("_:4") where the bytes are unused; a size of 4 may be left out, too.
    """
    at = 0
    for word in spec.split():
        if word.startswith("@"):
            at = int(word[1:], 0)
            continue
        name, _, size = word.partition(":")
        length = int(size or 4)
        if name != "_":
            yield Field(f"{prefix}{name}", base + at, length, big)
        at += length


def unsealed(image: Overlay, blocks: Sequence[Block]) -> list[Block]:
    """The blocks with a wrong checksum."""
    return [block for block in blocks if any(seal.broken(image) for seal in block.seals)]
