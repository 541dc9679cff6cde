"""The difference of an image to its recipe's, as text that a person reads.

    recipe ext4
    base sha256:6b1c... 201326592 bytes
    0x00000418  0a                      # superblock, log_block_size; was 00
    0x0000dc80  ff ff                   # inode 12, size; was 01 00

A line is an offset and the new bytes from there on; what follows "#" is for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lkltest.errors import UsageError
from lkltest.image.metadata.formats import Metadata
from lkltest.image.metadata.overlay import Overlay

ROW = 16  # bytes in a line


@dataclass(frozen=True)
class Difference:
    """The bytes in which an image differs from its base."""

    recipe: str
    sha256: str  # of the base
    size: int  # of the base, in bytes
    changes: tuple[tuple[int, bytes], ...]  # offset, new bytes; in order, none touches the next

    @classmethod
    def of(cls, image: Overlay, recipe: str, sha256: str) -> Difference:
        """The difference of an image to its base."""
        return cls(recipe, sha256, image.size, tuple(image.changes()))

    def apply(self, image: Overlay) -> None:
        """Make the changes."""
        for offset, data in self.changes:
            image.write(offset, data)

    @property
    def bytes(self) -> int:
        """The number of bytes that differ."""
        return sum(len(data) for _, data in self.changes)

    def text(self, metadata: Metadata | None = None) -> str:
        """The difference as text; with `metadata`, it names the fields."""
        lines = [f"recipe {self.recipe}", f"base sha256:{self.sha256} {self.size} bytes"]
        lines += [
            _line(offset + at, data[at : at + ROW], metadata)
            for offset, data in self.changes for at in range(0, len(data), ROW)
        ]
        return "\n".join([*lines, ""])


def _line(offset: int, data: bytes, metadata: Metadata | None) -> str:
    text = f"{offset:#010x}  {data.hex(' ')}"
    if metadata is None:
        return text
    old = metadata.base.map[offset : offset + len(data)]
    told = "; ".join(part for part in (metadata.at(offset), f"was {old.hex(' ')}") if part)
    return f"{text:<36}# {told}"


def parse(text: str) -> Difference:
    """Parse the text of a difference; raises UsageError naming the line that cannot be understood."""
    recipe, base, changes = "", ("", 0), []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        if match := re.fullmatch(r"recipe (\S+)", words):
            recipe = match[1]
        elif match := re.fullmatch(r"base sha256:([0-9a-f]{64}) (\d+) bytes", words):
            base = (match[1], int(match[2]))
        elif match := re.fullmatch(r"0x([0-9a-f]{1,16})\s+((?:[0-9a-f]{2}\s*)+)", words):
            changes.append((int(match[1], 16), bytes.fromhex(match[2])))
        else:
            raise UsageError(f"line {number} of the image's difference: {line.strip()!r} is no offset with bytes, "
                             'such as "0x00000418  0a"')
    if not recipe or not base[0]:
        raise UsageError('the image\'s difference has no line "recipe NAME", or none "base sha256:... N bytes"')
    return Difference(recipe, *base, tuple(_joined(changes)))


def _joined(changes: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Changes in order, those that touch one another made one."""
    found: list[tuple[int, bytes]] = []
    for offset, data in sorted(changes):
        if found and found[-1][0] + len(found[-1][1]) == offset:
            found[-1] = (found[-1][0], found[-1][1] + data)
        else:
            found.append((offset, data))
    return found
