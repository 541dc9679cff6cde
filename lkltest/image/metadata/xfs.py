"""The metadata of XFS: superblock, AG headers, free lists, B-trees, inodes, directories, attributes, the log.

All of it is big-endian but the checksums of version 5 (CRC-32C), which version 4 does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lkltest.image.metadata.crc import START, crc32c
from lkltest.image.metadata.model import Block, Crc32c, Field, Seal, Stored, blanked, fields, store, stored
from lkltest.image.metadata.overlay import Overlay

MAGIC = 0x58465342  # "XFSB"
LOG_MAGIC = 0xFEEDBABE
LOCAL, EXTENTS, BTREE = 1, 2, 3  # formats of an inode's forks
DIRECTORY, LINK = 0x4, 0xA  # types of inodes
MOST_BLOCKS = 32  # of one directory, or of one level of a tree
MOST_ENTRIES = 24  # described of one block
LOG_RECORDS = 16
LOG_HEADER = 328  # bytes of a log record's header that its checksum covers

SUPERBLOCK = """
magicnum blocksize dblocks:8 rblocks:8 rextents:8 uuid:16 logstart:8 rootino:8 rbmino:8 rsumino:8 rextsize agblocks
agcount rbmblocks logblocks versionnum:2 sectsize:2 inodesize:2 inopblock:2 fname:12 blocklog:1 sectlog:1 inodelog:1
inopblog:1 agblklog:1 rextslog:1 inprogress:1 imax_pct:1 icount:8 ifree:8 fdblocks:8 frextents:8 uquotino:8 gquotino:8
qflags:2 flags:1 shared_vn:1 inoalignmt unit width dirblklog:1 logsectlog:1 logsectsize:2 logsunit features2
bad_features2 features_compat features_ro_compat features_incompat features_log_incompat _ spino_align pquotino:8
lsn:8 meta_uuid:16
"""
AGF = """
magicnum versionnum seqno length bno_root cnt_root rmap_root bno_level cnt_level rmap_level flfirst fllast flcount
freeblks longest btreeblks uuid:16 rmap_blocks refcount_blocks refcount_root refcount_level @208 lsn:8
"""
AGI = """
magicnum versionnum seqno length count root level freecount newino dirino unlinked:256 uuid:16 _ _ lsn:8 free_root
free_level
"""
INODE = """
magic:2 mode:2 version:1 format:1 onlink:2 uid gid nlink projid:2 projid_hi:2 pad:6 flushiter:2 atime:8 mtime:8 ctime:8
size:8 nblocks:8 extsize nextents anextents:2 forkoff:1 aformat:1 dmevmask dmstate:2 flags:2 gen next_unlinked
"""
INODE_3 = "@104 changecount:8 lsn:8 flags2:8 cowextsize pad2:12 crtime:8 ino:8 uuid:16"
SHORT_BLOCK = "magic level:2 numrecs:2 leftsib rightsib"
SHORT_BLOCK_5 = "@16 blkno:8 lsn:8 uuid:16 owner"
LONG_BLOCK = "magic level:2 numrecs:2 leftsib:8 rightsib:8"
LONG_BLOCK_5 = "@24 blkno:8 lsn:8 uuid:16 owner:8"
DA_BLOCK = "forw back magic:2 _:2"
DA_BLOCK_5 = "@16 blkno:8 lsn:8 uuid:16 owner:8"
DATA_BLOCK_5 = "magic _ blkno:8 lsn:8 uuid:16 owner:8"
REMOTE_BLOCK = "magic offset bytes _ uuid:16 owner:8 blkno:8"
LOG_RECORD = "magicno cycle version len lsn:8 tail_lsn:8 _ prev_block num_logops @300 fmt fs_uuid:16 size"


@dataclass(frozen=True, slots=True)
class LogSeal:
    """The checksum of a log record over its header and its data; records that carry none keep none."""

    offset: int

    def value(self, image: Overlay) -> int:
        """The right checksum."""
        head = blanked(image, self.offset, LOG_HEADER, [Stored(self.offset + 32)])
        size, most = image.number(self.offset + 12, 4, big=True), image.number(self.offset + 320, 4, big=True)
        crc = crc32c(head)
        at = self.offset + 512
        for _ in range(1, min(8, -(-most // 32768))):  # extended headers of 4 + 256 bytes
            crc = crc32c(image.read(at, 260), crc)
            at += 512
        return ~crc32c(image.read(at, min(size, 1 << 18)), crc) & START

    def seal(self, image: Overlay) -> None:
        """Put the checksum right."""
        if self.broken(image):
            store(image, [Stored(self.offset + 32)], self.value(image))

    def broken(self, image: Overlay) -> bool:
        """Whether there is a checksum, and it is wrong."""
        places = [Stored(self.offset + 32)]
        return bool(image.number(self.offset + 32, 4)) and not stored(image, places, self.value(image))


class Reader:
    """Finds the metadata of one image."""

    def __init__(self, image: Overlay) -> None:
        self.image = image
        self.fields = {f.name: image.number(f.offset, f.size, big=True) for f in fields(SUPERBLOCK, 0)}
        if self.fields["magicnum"] != MAGIC:
            raise ValueError(f"no xfs: magic {self.fields['magicnum']:#x}")
        self.five = self.fields["versionnum"] & 0xF == 5
        self.block, self.sector = self.fields["blocksize"], self.fields["sectsize"]
        self.inode_size = self.fields["inodesize"]
        self.groups = min(self.fields["agcount"], 64)

    def blocks(self) -> Iterator[Block]:
        """All metadata, in the order in which checksums are put right."""
        for group in range(self.groups):
            yield from self.group(group)
        yield from self.log()
        yield self.structure("superblock", "superblock", 0, self.sector, SUPERBLOCK, 224)

    def structure(self, kind: str, name: str, at: int, size: int, spec: str, crc: int, *more: Field) -> Block:
        """A block whose checksum lies at `crc` in it."""
        sealed: tuple[Seal, ...] = (Crc32c(at + crc, at, size),) if self.five else ()
        return Block(kind, name, at, size, (*fields(spec, at, big=True), *more), sealed)

    def at(self, block: int) -> int:
        """The offset of a block by its number in the file system."""
        log = self.fields["agblklog"]
        return ((block >> log) * self.fields["agblocks"] + (block & (1 << log) - 1)) * self.block

    def group(self, group: int) -> Iterator[Block]:
        """The headers of an allocation group, and its trees."""
        start = group * self.fields["agblocks"] * self.block
        agf, agi, agfl = (start + n * self.sector for n in (1, 2, 3))
        read = self.image.number
        yield self.structure("agf", f"AGF {group}", agf, self.sector, AGF, 216)
        yield self.structure("agi", f"AGI {group}", agi, self.sector, AGI, 312)
        head = 36 if self.five else 0
        slots = [Field(f"bno[{n}]", agfl + head + 4 * n, 4, True) for n in range(MOST_ENTRIES)]
        spec = "magicnum seqno uuid:16 lsn:8" if self.five else ""
        yield self.structure("agfl", f"AGFL {group}", agfl, self.sector, spec, 32, *slots)
        for name, root, record in (("bnobt", agf + 16, 8), ("cntbt", agf + 20, 8), ("inobt", agi + 20, 16),
                                   *((("finobt", agi + 328, 16),) if read(agi + 328, 4) else ())):
            yield from self.tree(f"{name} {group}", start, read(root, 4, big=True), record)
        for chunk in self.chunks(start, read(agi + 20, 4, big=True)):
            free = read(chunk + 8, 8, big=True)
            first = read(chunk, 4, big=True)
            for n in range(64):
                if not free >> n & 1:
                    yield from self.inode(group, first + n)

    def tree(self, name: str, start: int, block: int, record: int) -> Iterator[Block]:
        """A tree of an allocation group; its keys are as long as half a record of inodes, or a record of free space."""
        at = start + block * self.block
        level, records = self.image.number(at + 4, 2, big=True), self.image.number(at + 6, 2, big=True)
        head = 56 if self.five else 16
        key = 4 if record == 16 else 8
        if level:
            most = (self.block - head) // (key + 4)
            place = at + head + most * key
            found = [Field(f"ptr[{n}]", place + 4 * n, 4, True) for n in range(min(records, MOST_ENTRIES))]
            for field in found[:MOST_BLOCKS]:
                yield from self.tree(name, start, self.image.number(field.offset, 4, big=True), record)
        else:
            found = [Field(f"rec[{n}].{part}", at + head + record * n + 4 * part, 4, True)
                     for n in range(min(records, MOST_ENTRIES)) for part in range(record // 4)]
        spec = SHORT_BLOCK + (SHORT_BLOCK_5 if self.five else "")
        yield self.structure("btree block", name, at, self.block, spec, 52, *found)

    def chunks(self, start: int, block: int) -> Iterator[int]:
        """The offsets of the records of a group's inode tree."""
        at = start + block * self.block
        level, records = self.image.number(at + 4, 2, big=True), self.image.number(at + 6, 2, big=True)
        head = 56 if self.five else 16
        if level:
            most = (self.block - head) // 8
            for n in range(min(records, MOST_BLOCKS)):
                yield from self.chunks(start, self.image.number(at + head + most * 4 + 4 * n, 4, big=True))
        else:
            yield from (at + head + 16 * n for n in range(records))

    def inode(self, group: int, number: int) -> Iterator[Block]:
        """An inode, and the blocks of its forks."""
        log = self.fields["inopblog"]
        start = group * self.fields["agblocks"] * self.block
        at = start + (number >> log) * self.block + (number & (1 << log) - 1) * self.inode_size
        read = self.image.number
        name = f"inode {group << self.fields['agblklog'] + log | number}"
        type, format, forkoff = read(at + 2, 2, big=True) >> 12, read(at + 5, 1), read(at + 82, 1) * 8
        head = 176 if self.five else 100
        fork = at + head
        end = fork + forkoff if forkoff else at + self.inode_size
        found = list(fields(INODE + (INODE_3 if self.five else ""), at, big=True))
        found += self.fork("u.", fork, end, format, read(at + 76, 4, big=True), type)
        if forkoff:
            aformat = read(at + 83, 1)
            found += self.fork("a.", end, at + self.inode_size, aformat, read(at + 80, 2, big=True), 0)
            if aformat == EXTENTS:
                yield from self.mapped(end, read(at + 80, 2, big=True), f"attributes of {name}")
        if type in (DIRECTORY, LINK) and format == EXTENTS:
            log = self.fields["dirblklog"] if type == DIRECTORY else 0
            yield from self.mapped(fork, read(at + 76, 4, big=True), f"data of {name}", log)
        sealed = (Crc32c(at + 100, at, self.inode_size),) if self.five else ()
        if type:
            yield Block("inode", name, at, self.inode_size, tuple(found), sealed)

    def fork(self, prefix: str, at: int, end: int, format: int, extents: int, type: int) -> list[Field]:
        """The fields of a fork inside an inode."""
        if format == EXTENTS:
            most = min(extents, (end - at) // 16, MOST_ENTRIES)
            return [Field(f"{prefix}bmx[{n}].{h}", at + 16 * n + 8 * h, 8, True) for n in range(most) for h in (0, 1)]
        if format == BTREE:
            return [*fields("level:2 numrecs:2", at, big=True, prefix=f"{prefix}bmbt."),
                    *(Field(f"{prefix}bmbt.{n}", at + 4 + 8 * n, 8, True) for n in range((end - at - 4) // 8))]
        if format == LOCAL and type == DIRECTORY:
            return list(self.short_directory(prefix, at, end))
        if format == LOCAL and not type:
            spec = "totsize:2 count:1 _:1 namelen:1 valuelen:1 flags:1"
            return list(fields(spec, at, big=True, prefix=f"{prefix}sf."))
        return []

    def short_directory(self, prefix: str, at: int, end: int) -> Iterator[Field]:
        """A directory inside its inode."""
        count, wide = self.image.number(at, 1), 8 if self.image.number(at + 1, 1) else 4
        yield from fields(f"count:1 i8count:1 parent:{wide}", at, big=True, prefix=f"{prefix}sf.")
        at += 2 + wide
        for n in range(min(count, MOST_ENTRIES)):
            length = self.image.number(at, 1)
            if at + 3 + length + 1 + wide > end:
                return
            yield from fields(f"namelen:1 offset:2 name:{max(length, 1)} ftype:1 inumber:{wide}", at, big=True,
                              prefix=f"{prefix}sf[{n}].")
            at += 3 + length + 1 + wide

    def mapped(self, at: int, extents: int, name: str, log: int = 0) -> Iterator[Block]:
        """The blocks of a directory's, a link's or an attributes' extents; each is 2 to the `log` of the disk's."""
        for n in range(min(extents, 16)):
            packed = self.image.number(at + 16 * n, 16, big=True)
            first, count = packed >> 21 & (1 << 52) - 1, packed & (1 << 21) - 1
            for block in range(first, first + min(count, MOST_BLOCKS << log), 1 << log):
                yield from self.content(self.at(block), name, self.block << log)

    def content(self, at: int, name: str, size: int) -> Iterator[Block]:
        """A block of a directory, of attributes, or of a link, by its magic number; none where it has none."""
        magic, word = self.image.read(at, 4), self.image.read(at + 8, 2)
        body = [Field(f"+{n}", at + n, 2, True) for n in range(48, 48 + 2 * MOST_ENTRIES, 2)]
        if magic in (b"XDB3", b"XDD3", b"XDF3"):
            yield self.structure("directory", name, at, size, DATA_BLOCK_5, 4, *body, *self.entries(at, magic, size))
        elif magic in (b"XSLM", b"XARM"):
            yield self.structure("remote block", name, at, size, REMOTE_BLOCK, 12)
        elif word in (b"\x3d\xf1", b"\x3d\xff", b"\x3b\xee", b"\x3e\xbe"):
            yield self.structure("directory", name, at, size, DA_BLOCK + DA_BLOCK_5, 12, *body)

    def entries(self, at: int, magic: bytes, size: int) -> Iterator[Field]:
        """The entries of a directory's data block."""
        if magic == b"XDF3":
            return
        place = at + 64
        for n in range(MOST_ENTRIES):
            if self.image.read(place, 2) == b"\xff\xff":
                yield from fields("freetag:2 length:2", place, big=True, prefix=f"unused[{n}].")
                place += max(8, self.image.number(place + 2, 2, big=True))
            else:
                length = self.image.number(place + 8, 1)
                spec = f"inumber:8 namelen:1 name:{max(length, 1)} ftype:1"
                yield from fields(spec, place, big=True, prefix=f"entry[{n}].")
                place += (8 + 1 + length + 1 + 2 + 7) & ~7
            if place >= at + size - 16:
                break
        if magic == b"XDB3":
            yield from fields("count stale", at + size - 8, big=True, prefix="tail.")

    def log(self) -> Iterator[Block]:
        """The records of an internal log."""
        if not self.fields["logstart"]:
            return
        start, found = self.at(self.fields["logstart"]), 0
        for at in range(start, start + self.fields["logblocks"] * self.block, 512):
            if self.image.number(at, 4, big=True) == LOG_MAGIC:
                size = 512 + min(self.image.number(at + 12, 4, big=True), 1 << 18)
                yield Block("log record", f"log record {found}", at, size, tuple(fields(LOG_RECORD, at, big=True)),
                            (LogSeal(at),))
                found += 1
                if found >= LOG_RECORDS:
                    return


def blocks(image: Overlay) -> list[Block]:
    """The metadata of an image; raises ValueError where it has none."""
    return list(Reader(image).blocks())


