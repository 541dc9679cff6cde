"""The metadata of FAT12, FAT16 and FAT32 with long names: boot sector, FSInfo, table, directories.

FAT has no checksum, but each entry of a long name carries one of the short name that follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lkltest.image.metadata.model import Block, Field, fields
from lkltest.image.metadata.overlay import Overlay

LONG, DIRECTORY, VOLUME = 0x0F, 0x10, 0x08  # attributes
ENTRY = 32  # bytes of a directory's entry
MOST = 64  # clusters of one directory
SECTOR = 512  # of the table, described as one block

BOOT = """
jump:3 oem:8 sector_size:2 sec_per_clus:1 reserved:2 fats:1 dir_entries:2 sectors:2 media:1 fat_length:2 secs_track:2
heads:2 hidden total_sect
"""
BOOT_32 = """
@36 fat32_length flags:2 version:2 root_cluster info_sector:2 backup_boot:2 @64 drive_number:1 state:1 signature:1
vol_id:4 vol_label:11 fs_type:8 @510 boot_signature:2
"""
BOOT_16 = "@36 drive_number:1 state:1 signature:1 vol_id:4 vol_label:11 fs_type:8 @510 boot_signature:2"
INFO = "signature1 @484 signature2 free_clusters next_cluster @508 signature3"
SHORT = "name:8 ext:3 attr:1 lcase:1 ctime_cs:1 ctime:2 cdate:2 adate:2 starthi:2 time:2 date:2 start:2 size"
SLOT = "id:1 name0_4:10 attr:1 reserved:1 alias_checksum:1 name5_10:12 start:2 name11_12:4"


@dataclass(frozen=True, slots=True)
class AliasSeal:
    """The checksums of short names in a directory's entries for long names."""

    start: int
    size: int

    def wrong(self, image: Overlay) -> Iterator[tuple[int, int]]:
        """The places of checksums that are wrong, and the right ones."""
        slots: list[int] = []
        for at in range(self.start, self.start + self.size, ENTRY):
            entry = image.read(at, ENTRY)
            if entry[:1] in (b"", b"\0"):
                return
            if entry[0] == 0xE5:
                slots = []
            elif entry[11] & 0x3F == LONG:
                slots.append(at)
            else:
                alias = 0
                for byte in entry[:11]:
                    alias = ((alias & 1) << 7 | alias >> 1) + byte & 0xFF
                yield from ((slot + 13, alias) for slot in slots if image.number(slot + 13, 1) != alias)
                slots = []

    def seal(self, image: Overlay) -> None:
        """Put the checksums right."""
        for at, alias in list(self.wrong(image)):
            image.set_number(at, 1, alias)

    def broken(self, image: Overlay) -> bool:
        """Whether one is wrong."""
        return next(self.wrong(image), None) is not None


class Reader:
    """Finds the metadata of one image."""

    def __init__(self, image: Overlay) -> None:
        self.image = image
        self.boot = {field.name: image.number(field.offset, field.size) for field in fields(BOOT + BOOT_32, 0)}
        self.sector = self.boot["sector_size"]
        if self.boot["boot_signature"] != 0xAA55 or self.sector < 512 or not self.boot["sec_per_clus"]:
            raise ValueError("no FAT: the boot sector has no signature, or no sizes")
        self.wide = not self.boot["fat_length"]
        self.fat = self.boot["reserved"] * self.sector
        self.fat_size = (self.boot["fat_length"] or self.boot["fat32_length"]) * self.sector
        self.root = self.fat + self.boot["fats"] * self.fat_size  # of FAT12 and FAT16
        self.data = self.root + self.boot["dir_entries"] * ENTRY
        self.cluster_size = self.boot["sec_per_clus"] * self.sector
        sectors = self.boot["sectors"] or self.boot["total_sect"]
        self.clusters = (sectors * self.sector - self.data) // self.cluster_size
        self.bits = 32 if self.wide else 16 if self.clusters > 4084 else 12

    def blocks(self) -> Iterator[Block]:
        """All metadata."""
        spec = BOOT + (BOOT_32 if self.wide else BOOT_16)
        yield Block("boot sector", "boot sector", 0, self.sector, tuple(fields(spec, 0)))
        if self.wide and self.boot["info_sector"]:
            at = self.boot["info_sector"] * self.sector
            yield Block("fsinfo", "FSInfo", at, self.sector, tuple(fields(INFO, at)))
        yield from self.tables()
        if self.wide:
            yield from self.directory("/", self.chain(self.boot["root_cluster"]), set())
        else:
            yield from self.entries("/", self.root, self.boot["dir_entries"] * ENTRY, set())

    def tables(self) -> Iterator[Block]:
        """The sectors of the first table that are in use."""
        width = {32: 4, 16: 2, 12: 3}[self.bits]
        for start in range(self.fat, self.fat + self.fat_size, SECTOR):
            if any(self.image.read(start, SECTOR)):
                first = (start - self.fat) // width
                found = tuple(Field(f"fat[{first + n}]", start + n * width, width) for n in range(SECTOR // width))
                yield Block("fat", f"FAT from {start:#x}", start, SECTOR, found)

    def next(self, cluster: int) -> int:
        """The entry of a cluster in the table."""
        if self.bits == 12:
            value = self.image.number(self.fat + cluster * 3 // 2, 2)
            return value >> 4 if cluster & 1 else value & 0xFFF
        return self.image.number(self.fat + cluster * self.bits // 8, self.bits // 8) & 0x0FFFFFFF

    def chain(self, cluster: int) -> list[int]:
        """The clusters of a file."""
        found: list[int] = []
        while 2 <= cluster < self.clusters + 2 and cluster not in found and len(found) < MOST:
            found.append(cluster)
            cluster = self.next(cluster)
        return found

    def directory(self, name: str, clusters: list[int], seen: set[int]) -> Iterator[Block]:
        """The clusters of a directory, and the directories below."""
        seen |= set(clusters)
        for cluster in clusters:
            yield from self.entries(name, self.data + (cluster - 2) * self.cluster_size, self.cluster_size, seen)

    def entries(self, name: str, start: int, size: int, seen: set[int]) -> Iterator[Block]:
        """A run of a directory's entries, and the directories below."""
        found: list[Field] = []
        below: list[list[int]] = []
        for at in range(start, start + size, ENTRY):
            entry = self.image.read(at, ENTRY)
            if not entry[0]:
                break
            long = entry[11] & 0x3F == LONG
            found += fields(SLOT if long else SHORT, at, prefix=f"{at - start:#x}.")
            first = int.from_bytes(entry[26:28], "little") | int.from_bytes(entry[20:22], "little") << 16
            if not long and entry[11] & DIRECTORY and entry[0] not in b".\xe5" and first not in seen:
                below.append(self.chain(first))
        yield Block("directory", f"directory {name}", start, size, tuple(found), (AliasSeal(start, size),))
        for clusters in below:
            yield from self.directory(f"of cluster {clusters[0]}" if clusters else "of none", clusters, seen)


def blocks(image: Overlay) -> list[Block]:
    """The metadata of an image; raises ValueError where it has none."""
    return list(Reader(image).blocks())
