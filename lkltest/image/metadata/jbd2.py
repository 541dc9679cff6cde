"""The journal of ext3 and ext4: its superblock and the blocks of its transactions. All of it is big-endian."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lkltest.image.metadata.crc import crc32c
from lkltest.image.metadata.model import Block, Field, fields
from lkltest.image.metadata.overlay import Overlay

MAGIC = 0xC03B3998
DESCRIPTOR, COMMIT, REVOKE = 1, 2, 5
CSUM_V2, CSUM_V3, WIDE = 0x8, 0x10, 0x2  # features, incompatible; WIDE: numbers of blocks have 64 bits
SAME_UUID, LAST_TAG = 0x2, 0x8  # flags of a tag: without the former, a UUID of 16 bytes follows
SUPER = 1024  # bytes of the superblock that count
MOST_TAGS = 16  # described of one descriptor block

SUPERBLOCK = """
magic blocktype sequence blocksize maxlen first first_sequence start errno feature_compat feature_incompat
feature_ro_compat uuid:16 nr_users dynsuper max_transaction max_trans_data checksum_type:1 _:3 num_fc_blocks head
"""
HEADER = "magic blocktype sequence"
COMMIT_BLOCK = "chksum_type:1 chksum_size:1 _:2 chksum:32 commit_sec:8 commit_nsec"


@dataclass(frozen=True, slots=True)
class JournalSeal:
    """The checksum of a block of the journal, if the journal has checksums; the superblock says so."""

    journal: int  # offset of the superblock
    start: int
    size: int
    place: int  # offset in the image

    def value(self, image: Overlay) -> int | None:
        """The right checksum; None where the journal has none."""
        if not _features(image, self.journal) & (CSUM_V2 | CSUM_V3):
            return None
        data = bytearray(image.read(self.start, self.size))
        at = self.place - self.start
        data[at : at + 4] = bytes(4)
        return crc32c(data) if self.start == self.journal else crc32c(data, crc32c(image.read(self.journal + 48, 16)))

    def seal(self, image: Overlay) -> None:
        """Put the checksum right."""
        value = self.value(image)
        if value is not None and image.number(self.place, 4, big=True) != value:
            image.set_number(self.place, 4, value, big=True)

    def broken(self, image: Overlay) -> bool:
        """Whether the checksum is wrong."""
        return self.value(image) not in (None, image.number(self.place, 4, big=True))


def blocks(image: Overlay, places: Sequence[int], size: int) -> Iterator[Block]:
    """The blocks of a journal that lies at `places` in the image, in blocks of `size` bytes."""
    if not places or image.number(places[0], 4, big=True) != MAGIC:
        return
    journal = places[0]
    for place in places[1:]:
        head = image.read(place, 12)
        kind = int.from_bytes(head[4:8], "big")
        if int.from_bytes(head[:4], "big") != MAGIC:
            continue
        found = list(fields(HEADER, place, big=True))
        sealed = JournalSeal(journal, place, size, place + (16 if kind == COMMIT else size - 4))
        if kind == COMMIT:
            found += fields(COMMIT_BLOCK, place + 12, big=True)
        elif kind == REVOKE:
            found += fields("count", place + 12, big=True)
            width = 8 if _features(image, journal) & WIDE else 4
            found += [Field(f"blocknr[{n}]", place + 16 + width * n, width, True) for n in range(4)]
        else:
            found += _tags(image, journal, place)
        yield Block("journal block", f"journal block {places.index(place)}", place, size, tuple(found), (sealed,),
                    depends=((journal + 40, 4), (journal + 48, 16)))
    sealed = JournalSeal(journal, journal, SUPER, journal + 0xFC)
    yield Block("journal superblock", "journal superblock", journal, SUPER,
                tuple(fields(SUPERBLOCK, journal, big=True)), (sealed,))


def _tags(image: Overlay, journal: int, place: int) -> Iterator[Field]:
    """The tags of a descriptor block: where each block of the transaction belongs."""
    features = _features(image, journal)
    spec, size = "blocknr flags blocknr_high checksum", 16
    if not features & CSUM_V3:
        spec, size = "blocknr checksum:2 flags:2", 8
        if features & WIDE:
            spec, size = f"{spec} blocknr_high", 12
        size += 2 if features & CSUM_V2 else 0  # unused: the kernel counts the checksum's bytes twice
    at = place + 12
    for n in range(MOST_TAGS):
        yield from fields(spec, at, big=True, prefix=f"tag[{n}].")
        flags = image.number(at + 6, 2, big=True)  # of 32 bits in version 3, where the upper ones are unused
        at += size + (0 if flags & SAME_UUID else 16)
        if flags & LAST_TAG:
            return


def _features(image: Overlay, journal: int) -> int:
    """The incompatible features of a journal."""
    return image.number(journal + 40, 4, big=True)
