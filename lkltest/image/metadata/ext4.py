"""The metadata of ext2, ext3 and ext4: superblock, descriptors, bitmaps, inodes, extents, directories, attributes.

The checksums are those of metadata_csum (CRC-32C, with seeds from the UUID, the inode's number and its generation), or
the CRC-16 of descriptors that uninit_bg has; a file system without either has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lkltest.image.metadata import jbd2
from lkltest.image.metadata.crc import crc16, crc32c
from lkltest.image.metadata.model import Block, Field, Seal, Stored, blanked, fields, store, stored
from lkltest.image.metadata.overlay import Overlay

SUPER = 1024  # offset of the superblock, and its size
MAGIC = 0xEF53
GDT_CSUM, METADATA_CSUM = 0x10, 0x400  # features, read-only compatible
META_BG, EXTENTS_64BIT, CSUM_SEED = 0x10, 0x80, 0x2000  # incompatible
INODE_UNINIT = 1  # flag of a group: its inodes are not in use
EXTENTS_FLAG, INLINE_FLAG = 0x80000, 0x10000000  # of inodes
EXTENT_MAGIC, XATTR_MAGIC = 0xF30A, 0xEA020000
JOURNAL = 8  # inode
LINK, DIRECTORY, FILE = 0xA, 0x4, 0x8  # types of inodes
MOST_BLOCKS = 64  # of one file's tree and directory
SEEDS = ((SUPER + 0x68, 16), (SUPER + 0x270, 4), (SUPER + 0x60, 8))  # ranges on which all checksums depend

SUPERBLOCK = """
inodes_count blocks_count r_blocks_count free_blocks_count free_inodes_count first_data_block log_block_size
log_cluster_size blocks_per_group clusters_per_group inodes_per_group mtime wtime mnt_count:2 max_mnt_count:2 magic:2
state:2 errors:2 minor_rev_level:2 lastcheck checkinterval creator_os rev_level def_resuid:2 def_resgid:2 first_ino
inode_size:2 block_group_nr:2 feature_compat feature_incompat feature_ro_compat uuid:16 volume_name:16 last_mounted:64
algorithm_usage_bitmap prealloc_blocks:1 prealloc_dir_blocks:1 reserved_gdt_blocks:2 journal_uuid:16 journal_inum
journal_dev last_orphan hash_seed:16 def_hash_version:1 jnl_backup_type:1 desc_size:2 default_mount_opts first_meta_bg
mkfs_time jnl_blocks:68 blocks_count_hi r_blocks_count_hi free_blocks_count_hi min_extra_isize:2 want_extra_isize:2
flags raid_stride:2 mmp_interval:2 mmp_block:8 raid_stripe_width log_groups_per_flex:1 checksum_type:1
encryption_level:1 _:1 kbytes_written:8 snapshot_inum snapshot_id snapshot_r_blocks:8 snapshot_list error_count
first_error_time first_error_ino first_error_block:8 @0x200 mount_opts:64 usr_quota_inum grp_quota_inum
overhead_clusters backup_bgs:8 encrypt_algos encrypt_pw_salt:16 lpf_ino prj_quota_inum checksum_seed
"""
DESCRIPTOR = """
block_bitmap inode_bitmap inode_table free_blocks:2 free_inodes:2 used_dirs:2 flags:2 exclude_bitmap
block_bitmap_csum:2 inode_bitmap_csum:2 itable_unused:2
"""
DESCRIPTOR_64 = """
@32 block_bitmap_hi inode_bitmap_hi inode_table_hi free_blocks_hi:2 free_inodes_hi:2 used_dirs_hi:2
itable_unused_hi:2 exclude_bitmap_hi block_bitmap_csum_hi:2 inode_bitmap_csum_hi:2
"""
INODE = """
mode:2 uid:2 size atime ctime mtime dtime gid:2 links_count:2 blocks flags version @100 generation file_acl size_high
obso_faddr blocks_high:2 file_acl_high:2 uid_high:2 gid_high:2
"""
INODE_EXTRA = "@128 extra_isize:2 @132 ctime_extra mtime_extra atime_extra crtime crtime_extra version_hi projid"
EXTENT_HEADER = "magic:2 entries:2 max:2 depth:2 generation"
EXTENT = "block len:2 start_hi:2 start"
INDEX = "block leaf leaf_hi:2 _:2"
XATTR_HEADER = "magic refcount blocks hash"
XATTR_ENTRY = "name_len:1 name_index:1 value_offs:2 value_block value_size hash"


def seed(image: Overlay) -> int:
    """The first value of the checksums."""
    if image.number(SUPER + 0x60, 4) & CSUM_SEED:
        return image.number(SUPER + 0x270, 4)
    return crc32c(image.read(SUPER + 0x68, 16))


@dataclass(frozen=True, slots=True)
class SuperblockSeal:
    """The checksum at the superblock's end."""

    def seal(self, image: Overlay) -> None:
        """Put the checksum right."""
        store(image, [Stored(SUPER + 0x3FC)], crc32c(image.read(SUPER, 0x3FC)))

    def broken(self, image: Overlay) -> bool:
        """Whether the checksum is wrong."""
        return not stored(image, [Stored(SUPER + 0x3FC)], crc32c(image.read(SUPER, 0x3FC)))


@dataclass(frozen=True, slots=True)
class DescriptorSeal:
    """The 16 bits in a group's descriptor."""

    offset: int
    size: int
    group: int
    old: bool  # by uninit_bg

    def value(self, image: Overlay) -> int:
        """The right checksum."""
        number = self.group.to_bytes(4, "little")
        place = Stored(self.offset + 0x1E, 2)
        if self.old:
            data = image.read(self.offset, 0x1E) + image.read(self.offset + 0x20, self.size - 0x20)
            return crc16(data, crc16(number, crc16(image.read(SUPER + 0x68, 16))))
        return crc32c(blanked(image, self.offset, self.size, [place]), crc32c(number, seed(image)))

    def seal(self, image: Overlay) -> None:
        """Put the checksum right."""
        store(image, [Stored(self.offset + 0x1E, 2)], self.value(image))

    def broken(self, image: Overlay) -> bool:
        """Whether the checksum is wrong."""
        return not stored(image, [Stored(self.offset + 0x1E, 2)], self.value(image))


@dataclass(frozen=True, slots=True)
class RangeSeal:
    """A checksum over one range that begins with the file system's seed and, of an inode's blocks, the inode's."""

    places: tuple[Stored, ...]
    start: int
    size: int
    prefix: bytes = b""  # the inode's number, or the block's
    inode: int = 0  # offset of the inode whose generation counts, too; 0 for none

    def value(self, image: Overlay) -> int:
        """The right checksum."""
        crc = crc32c(self.prefix, seed(image))
        if self.inode:
            crc = crc32c(image.read(self.inode + 100, 4), crc)
        return crc32c(blanked(image, self.start, self.size, self.places), crc)

    def seal(self, image: Overlay) -> None:
        """Put the checksum right."""
        store(image, self.places, self.value(image))

    def broken(self, image: Overlay) -> bool:
        """Whether the checksum is wrong."""
        return not stored(image, self.places, self.value(image))


class Reader:
    """Finds the metadata of one image."""

    def __init__(self, image: Overlay) -> None:
        self.image = image
        self.fields = {field.name: image.number(field.offset, field.size) for field in fields(SUPERBLOCK, SUPER)}
        if self.fields["magic"] != MAGIC:
            raise ValueError(f"no ext2, ext3 or ext4: magic {self.fields['magic']:#x}")
        self.block = 1024 << self.fields["log_block_size"]
        self.checksums = bool(self.fields["feature_ro_compat"] & METADATA_CSUM)
        wide = self.fields["feature_incompat"] & EXTENTS_64BIT
        self.desc = max(self.fields["desc_size"], 32) if wide else 32
        self.inode_size = self.fields["inode_size"] if self.fields["rev_level"] else 128
        first, blocks = self.fields["first_data_block"], self.fields["blocks_count"]
        self.groups = -(-(blocks - first) // self.fields["blocks_per_group"])

    def blocks(self) -> Iterator[Block]:
        """All metadata, in the order in which checksums are put right."""
        for group in range(self.groups):
            for number in self.used(group):
                yield from self.inode(group, number)
        for group in range(self.groups):
            yield from self.bitmaps(group)
            yield self.descriptor(group)
        yield Block("superblock", "superblock", SUPER, SUPER, tuple(fields(SUPERBLOCK, SUPER)),
                    (SuperblockSeal(),) if self.checksums else ())

    def descriptor_at(self, group: int) -> int:
        """The offset of a group's descriptor."""
        return (self.fields["first_data_block"] + 1) * self.block + group * self.desc

    def of_group(self, group: int, name: int) -> int:
        """A block number in a group's descriptor, by the offset of its low half."""
        at = self.descriptor_at(group)
        high = self.image.number(at + 32 + name, 4) if self.desc >= 64 else 0
        return self.image.number(at + name, 4) | high << 32

    def descriptor(self, group: int) -> Block:
        """A group's descriptor."""
        at = self.descriptor_at(group)
        spec = DESCRIPTOR + (DESCRIPTOR_64 if self.desc >= 64 else "")
        old = bool(self.fields["feature_ro_compat"] & GDT_CSUM)
        sealed: tuple[Seal, ...] = (DescriptorSeal(at, self.desc, group, old),) if self.checksums or old else ()
        return Block("descriptor", f"group {group}", at, self.desc, tuple(fields(spec, at)), sealed)

    def bitmaps(self, group: int) -> Iterator[Block]:
        """A group's bitmaps; their checksums stand in its descriptor."""
        at = self.descriptor_at(group)
        flags = self.image.number(at + 18, 2)
        for kind, name, count, low, uninit in (
            ("block bitmap", 0, self.fields["clusters_per_group"], 0x18, 2),
            ("inode bitmap", 4, self.fields["inodes_per_group"], 0x1A, INODE_UNINIT),
        ):
            if flags & uninit:
                continue
            start = self.of_group(group, name) * self.block
            places = [Stored(at + low, 2)]
            if self.desc >= 64:
                places.append(Stored(at + low + 0x20, 2, 16))
            sealed = (RangeSeal(tuple(places), start, count // 8),) if self.checksums else ()
            depends = tuple((place.offset, place.size) for place in places)
            yield Block(kind, f"{kind} {group}", start, count // 8, (), sealed, depends=depends)

    def used(self, group: int) -> Iterator[int]:
        """The numbers of a group's inodes in use, with the reserved ones that hold something."""
        if self.image.number(self.descriptor_at(group) + 18, 2) & INODE_UNINIT and self.checksums:
            return
        count = self.fields["inodes_per_group"]
        bitmap = int.from_bytes(self.image.read(self.of_group(group, 4) * self.block, count // 8), "little")
        for index in range(min(count, bitmap.bit_length())):
            if bitmap >> index & 1 and any(self.image.read(self.inode_at(group, index), self.inode_size)):
                yield group * count + index + 1

    def inode_at(self, group: int, index: int) -> int:
        """The offset of an inode in its group's table."""
        return self.of_group(group, 8) * self.block + index * self.inode_size

    def inode(self, group: int, number: int) -> Iterator[Block]:
        """An inode, and the blocks that belong to it."""
        at = self.inode_at(group, (number - 1) % self.fields["inodes_per_group"])
        image, name = self.image, f"inode {number}"
        type, flags = image.number(at, 2) >> 12, image.number(at + 32, 4)
        wide = self.inode_size > 128
        extra = image.number(at + 128, 2) if wide else 0
        found = [*fields(INODE + (INODE_EXTRA if extra >= 28 else ""), at)]
        data: list[int] = []
        if flags & EXTENTS_FLAG:
            found += self.extent_fields(at + 40)
            yield from self.tree(at + 40, number, at, data)
        elif not (type == LINK and image.number(at + 4, 4) < 60) and not flags & INLINE_FLAG:
            found += [Field(f"block[{n}]", at + 40 + 4 * n, 4) for n in range(15)]
            data += [block for n in range(12) if (block := image.number(at + 40 + 4 * n, 4))]
        if wide and image.number(at + 128 + extra, 4) == XATTR_MAGIC:
            found += self.xattrs(at + 128 + extra + 4, at + self.inode_size, "ibody.")
        places = (Stored(at + 124, 2), *((Stored(at + 130, 2, 16),) if extra >= 4 else ()))
        prefix = number.to_bytes(4, "little")
        sealed = (RangeSeal(places, at, self.inode_size, prefix, at),) if self.checksums else ()
        if type == DIRECTORY:
            yield from (self.directory(block, number, at) for block in data[:MOST_BLOCKS])
        if number == JOURNAL:
            yield from jbd2.blocks(image, [block * self.block for block in data], self.block)
        acl = image.number(at + 104, 4) | image.number(at + 118, 2) << 32
        if acl:
            yield self.xattr_block(acl, number)
        yield Block("inode", name, at, self.inode_size, tuple(found), sealed)

    def extent_fields(self, at: int) -> list[Field]:
        """The fields of a node of an extent tree."""
        found = list(fields(EXTENT_HEADER, at, prefix="eh."))
        entries, depth = self.image.number(at + 2, 2), self.image.number(at + 6, 2)
        for n in range(max(1, min(entries, 340))):
            found += fields(INDEX if depth else EXTENT, at + 12 + 12 * n, prefix=f"ee[{n}].")
        return found

    def tree(self, at: int, number: int, inode: int, data: list[int]) -> Iterator[Block]:
        """The blocks below a node of an extent tree; the file's first data blocks are added to `data`."""
        image = self.image
        if image.number(at, 2) != EXTENT_MAGIC:
            return
        entries, depth = image.number(at + 2, 2), image.number(at + 6, 2)
        for n in range(entries):
            entry = at + 12 + 12 * n
            if not depth:
                length = image.number(entry + 4, 2)
                start = image.number(entry + 8, 4) | image.number(entry + 6, 2) << 32
                data += range(start, start + (length if length <= 0x8000 else 0))
                continue
            below = (image.number(entry + 4, 4) | image.number(entry + 8, 2) << 32) * self.block
            yield from self.tree(below, number, inode, data)
            tail = 12 + 12 * image.number(below + 4, 2)
            sealed = RangeSeal((Stored(below + tail),), below, tail, number.to_bytes(4, "little"), inode)
            yield Block("extent block", f"extents of inode {number}", below, self.block,
                        tuple(self.extent_fields(below)), (sealed,) if self.checksums else (),
                        depends=((inode + 100, 4),))

    def directory(self, block: int, number: int, inode: int) -> Block:
        """A block of a directory without an index."""
        start, at = block * self.block, block * self.block
        found: list[Field] = []
        while at + 8 <= start + self.block:
            length, name = self.image.number(at + 4, 2), self.image.number(at + 6, 1)
            spec = f"inode rec_len:2 name_len:1 file_type:1 name:{max(name, 1)}"
            found += fields(spec, at, prefix=f"{at - start:#x}.")
            if length < 8:
                break
            at += length
        tail = start + self.block - 12
        sealed: tuple[Seal, ...] = ()
        if self.checksums and self.image.read(tail, 8) == b"\0\0\0\0\x0c\0\0\xde":
            sealed = (RangeSeal((Stored(tail + 8),), start, self.block - 12, number.to_bytes(4, "little"), inode),)
        return Block("directory", f"directory {number}", start, self.block, tuple(found), sealed,
                     depends=((inode + 100, 4),))

    def xattrs(self, at: int, end: int, prefix: str) -> Iterator[Field]:
        """The entries of extended attributes."""
        n = 0
        while at + 16 <= end and self.image.number(at, 4):
            yield from fields(XATTR_ENTRY, at, prefix=f"{prefix}xattr[{n}].")
            at += (self.image.number(at, 1) + 16 + 3) & ~3
            n += 1

    def xattr_block(self, block: int, number: int) -> Block:
        """A block of extended attributes."""
        at = block * self.block
        found = (*fields(XATTR_HEADER, at), *self.xattrs(at + 32, at + self.block, ""))
        sealed = RangeSeal((Stored(at + 16),), at, self.block, block.to_bytes(8, "little"))
        return Block("xattr block", f"xattrs of inode {number}", at, self.block, found,
                     (sealed,) if self.checksums else ())


def blocks(image: Overlay) -> list[Block]:
    """The metadata of an image; raises ValueError where it has none."""
    return list(Reader(image).blocks())


