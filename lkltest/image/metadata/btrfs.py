"""The metadata of btrfs: superblock, its array of chunks, the nodes and leaves of all trees.

Each block carries a CRC-32C. A block with copies (DUP) is changed together with them: the kernel would
read one that is whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from lkltest.image.metadata.model import Block, Crc32c, Field, fields
from lkltest.image.metadata.overlay import Overlay

SUPER, SUPER_SIZE = 64 << 10, 4096
COPIES = (64 << 20, 256 << 30)  # offsets of the superblock's copies
MAGIC = b"_BHRfS_M"
HEADER = 101  # bytes of a tree block's header
ITEM, POINTER = 25, 33  # bytes of an item's head in a leaf, and of a pointer in a node
ROOT_ITEM, CHUNK_ITEM = 132, 228  # types of keys
MOST_ITEMS = 48  # described of one block
SINGLE_CSUM = 0  # crc32c

SUPERBLOCK = """
@32 fsid:16 bytenr:8 flags:8 magic:8 generation:8 root:8 chunk_root:8 log_root:8 log_root_transid:8 total_bytes:8
bytes_used:8 root_dir_objectid:8 num_devices:8 sectorsize nodesize leafsize stripesize sys_chunk_array_size
chunk_root_generation:8 compat_flags:8 compat_ro_flags:8 incompat_flags:8 csum_type:2 root_level:1 chunk_root_level:1
log_root_level:1 dev_item.devid:8 dev_item.total_bytes:8 dev_item.bytes_used:8 dev_item.io_align dev_item.io_width
dev_item.sector_size dev_item.type:8 dev_item.generation:8 dev_item.start_offset:8 dev_item.dev_group
dev_item.seek_speed:1 dev_item.bandwidth:1 dev_item.uuid:16 dev_item.fsid:16 label:256 cache_generation:8
uuid_tree_generation:8
"""
BLOCK = "@32 fsid:16 bytenr:8 flags:8 chunk_tree_uuid:16 generation:8 owner:8 nritems level:1"
KEY = "objectid:8 type:1 key_offset:8"
CHUNK = """
length:8 owner:8 stripe_len:8 chunk_type:8 io_align io_width sector_size num_stripes:2 sub_stripes:2
stripe.devid:8 stripe.offset:8 stripe.dev_uuid:16
"""
INODE = """
generation:8 transid:8 size:8 nbytes:8 block_group:8 nlink uid gid mode rdev:8 flags:8 sequence:8 _:32
"""
ITEMS = {  # by the type of the key
    1: INODE,
    12: "index:8 name_len:2",
    24: f"{KEY} transid:8 data_len:2 name_len:2 dir_type:1",
    84: f"{KEY} transid:8 data_len:2 name_len:2 dir_type:1",
    96: f"{KEY} transid:8 data_len:2 name_len:2 dir_type:1",
    108: "generation:8 ram_bytes:8 compression:1 encryption:1 other_encoding:2 extent_type:1 disk_bytenr:8 "
         "disk_num_bytes:8 offset:8 num_bytes:8",
    ROOT_ITEM: INODE.replace("_:32", "@160") + "root_generation:8 root_dirid:8 bytenr:8 byte_limit:8 bytes_used:8 "
               f"last_snapshot:8 root_flags:8 refs {KEY} drop_level:1 level:1 generation_v2:8",
    144: "dirid:8 sequence:8 name_len:2", 156: "dirid:8 sequence:8 name_len:2",
    168: "refs:8 generation:8 flags:8 ref.type:1 ref.offset:8",
    169: "refs:8 generation:8 flags:8 ref.type:1 ref.offset:8",
    192: "used:8 chunk_objectid:8 flags:8",
    204: "chunk_tree:8 chunk_objectid:8 chunk_offset:8 length:8 chunk_tree_uuid:16",
    216: "devid:8 total_bytes:8 bytes_used:8 io_align io_width sector_size type:8 generation:8 start_offset:8",
    CHUNK_ITEM: CHUNK,
}  # fmt: skip


class Reader:
    """Finds the metadata of one image."""

    def __init__(self, image: Overlay) -> None:
        self.image = image
        if image.read(SUPER + 64, 8) != MAGIC:
            raise ValueError("no btrfs: its superblock has no magic number")
        self.fields = {field.name: image.number(field.offset, field.size) for field in fields(SUPERBLOCK, SUPER)}
        self.node = self.fields["nodesize"]
        self.chunks: list[tuple[int, int, list[int]]] = []  # logical start, length, offsets of the stripes
        self.seen: set[int] = set()
        self.sealed = self.fields["csum_type"] == SINGLE_CSUM

    def blocks(self) -> Iterator[Block]:
        """All metadata."""
        array, size = SUPER + 0x32B, self.fields["sys_chunk_array_size"]
        at = array
        found: list[Field] = []
        while at < array + size:
            logical, stripes = self.image.number(at + 9, 8), self.chunk(at + 17, self.image.number(at + 9, 8))
            found += fields(KEY + CHUNK, at, prefix=f"sys_chunk[{logical:#x}].")
            at += 17 + 48 + 32 * stripes
        yield from self.tree("chunk tree", self.fields["chunk_root"])
        yield from self.tree("root tree", self.fields["root"])
        if self.fields["log_root"]:
            yield from self.tree("log tree", self.fields["log_root"])
        copies = [at for at in COPIES if self.image.read(at + 64, 8) == MAGIC]
        # A superblock names its own place: its copies are left alone, and the kernel reads the first one.
        yield from (self.super(at, f"superblock copy {n}", "superblock copy") for n, at in enumerate(copies, 1))
        yield self.super(SUPER, "superblock", "superblock", *found)

    def super(self, at: int, name: str, kind: str, *more: Field) -> Block:
        """A superblock."""
        sealed = (Crc32c(at, at + 32, SUPER_SIZE - 32),) if self.sealed else ()
        return Block(kind, name, at, SUPER_SIZE, (*fields(SUPERBLOCK, at), *more), sealed)

    def chunk(self, at: int, logical: int) -> int:
        """Learn the places of a chunk; the number of its stripes."""
        length, type, stripes = self.image.number(at, 8), self.image.number(at + 24, 8), self.image.number(at + 44, 2)
        places = [self.image.number(at + 48 + 32 * n + 8, 8) for n in range(min(stripes, 4))]
        copied = type & 0x30  # RAID1, DUP; striped chunks are not followed
        self.chunks.append((logical, length, places if copied else places[:1]))
        return stripes

    def places(self, logical: int) -> list[int]:
        """The offsets in the image of a logical address; none where no chunk has it."""
        for start, length, stripes in self.chunks:
            if start <= logical < start + length:
                return [stripe + logical - start for stripe in stripes]
        return []

    def tree(self, name: str, logical: int) -> Iterator[Block]:
        """A block of a tree, and those below it; where it is the root tree, all other trees."""
        places = self.places(logical)
        if not places or logical in self.seen or self.image.number(places[0] + 48, 8) != logical:
            return
        self.seen.add(logical)
        at = places[0]
        items, level = min(self.image.number(at + 96, 4), 1000), self.image.number(at + 100, 1)
        found = list(fields(BLOCK, at))
        below: list[tuple[str, int]] = []
        for n in range(items):
            if level:
                place = at + HEADER + POINTER * n
                spec = f"{KEY} blockptr:8 generation:8"
                below.append((name, self.image.number(place + 17, 8)))
            else:
                place = at + HEADER + ITEM * n
                spec = f"{KEY} offset size"
                below += self.item(found if n < MOST_ITEMS else [], at, place, n)
            if n < MOST_ITEMS:
                found += fields(spec, place, prefix=f"{'ptr' if level else 'item'}[{n}].")
        sealed = (Crc32c(at, at + 32, self.node - 32),) if self.sealed else ()
        kind = "node" if level else {"chunk tree": "chunk leaf", "root tree": "root leaf"}.get(name, "leaf")
        yield Block(kind, f"{name} at {logical:#x}", at, self.node, tuple(found), sealed, tuple(places[1:]))
        for child, address in below:
            yield from self.tree(child, address)

    def item(self, found: list[Field], at: int, place: int, n: int) -> list[tuple[str, int]]:
        """Describe an item's data by the type of its key; the trees below it, by name and address."""
        type, data = self.image.number(place + 8, 1), at + HEADER + self.image.number(place + 17, 4)
        size = self.image.number(place + 21, 4)
        spec = ITEMS.get(type, "")
        described = fields(spec, data, prefix=f"data[{n}].")
        found += (field for field in described if field.offset + field.size <= data + size)
        if type == CHUNK_ITEM:
            self.chunk(data, self.image.number(place + 9, 8))
        if type == ROOT_ITEM and size >= 184:
            return [(f"tree {self.image.number(place, 8)}", self.image.number(data + 176, 8))]
        return []


def blocks(image: Overlay) -> list[Block]:
    """The metadata of an image; raises ValueError where it has none."""
    return list(Reader(image).blocks())
