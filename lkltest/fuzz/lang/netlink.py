"""Messages of rtnetlink and control messages of sockets."""

from __future__ import annotations

import struct

from lkltest.fuzz.lang.types import Scope, Source
from lkltest.fuzz.prog.values import Array, Ints, Raw, Region, Struct, Value

# rtnetlink: the base of each family of messages (NEW, DEL, GET, SET follow), its header, its attributes up to which.
FAMILIES = (
    (16, "ifinfomsg", 60),  # RTM_NEWLINK
    (20, "ifaddrmsg", 10),  # RTM_NEWADDR
    (24, "rtmsg", 30),  # RTM_NEWROUTE
    (24, "rtmsg", 30),
    (28, "ndmsg", 14),  # RTM_NEWNEIGH
    (32, "rtmsg", 24),  # RTM_NEWRULE
    (36, "tcmsg", 12),  # RTM_NEWQDISC
    (40, "tcmsg", 12),
    (44, "tcmsg", 12),
    (56, "rtgenmsg", 4),
    (64, "ndtmsg", 10),  # RTM_NEWNEIGHTBL
    (72, "ifaddrlblmsg", 4),
    (80, "rtgenmsg", 12),  # RTM_NEWNETCONF
    (84, "ifinfomsg", 10),  # RTM_NEWMDB
    (88, "rtgenmsg", 8),  # RTM_NEWNSID
    (92, "ifinfomsg", 6),  # RTM_NEWSTATS
)
SIZES = {"rtgenmsg": 4, "ifaddrlblmsg": 12, "ndtmsg": 4, "tcmsg": 20, "ndmsg": 12, "rtmsg": 12, "ifaddrmsg": 8,
         "ifinfomsg": 16}
FLAGS = (1, 5, 0x305, 0x405, 0x605, 0x105, 0x301, 0x501)  # NLM_F_REQUEST with ACK, DUMP, CREATE, EXCL, REPLACE
LOOPBACK6 = bytes(15) + b"\1"
PAYLOADS = (
    b"lo\0\0", b"dummy0\0", b"sit0\0\0\0\0", b"\x7f\0\0\1", b"\x0a\0\0\2", b"\xe0\0\0\1", LOOPBACK6,
    b"\xfe\x80" + bytes(13) + b"\2", struct.pack("<I", 1), struct.pack("<I", 0), struct.pack("<I", 2),
    struct.pack("<I", 0xFFFFFFFF), b"\1\0", b"\0", b"", b"\2\0\0\0\0\1", bytes(64),
)
KINDS = (b"sit", b"dummy", b"ipip", b"gre", b"bridge", b"vlan", b"veth", b"ip6tnl", b"vti", b"tun")


def attribute(source: Source, highest: int, depth: int = 0) -> bytes:
    """One attribute, with attributes inside it now and then."""
    kind = source.integer(0, highest)
    if depth < 2 and source.chance(25):
        inner = b"".join(attribute(source, 20, depth + 1) for _ in range(source.integer(0, 3)))
        if source.chance(30):
            name = source.choice(KINDS) + b"\0"
            inner = struct.pack("<HH", 4 + len(name), 1) + name + bytes(-len(name) % 4) + inner
            kind = 18  # IFLA_LINKINFO
    else:
        inner = source.choice(PAYLOADS)
    length = 4 + len(inner)
    if source.chance(3):
        length = source.choice((0, 3, 5, length + 1, 0xFFFF))
    return struct.pack("<HH", length, kind | source.choice((0, 0, 0, 0x8000))) + inner + bytes(-len(inner) % 4)


def header(source: Source, name: str) -> bytes:
    """A family's own header: address family, then small numbers."""
    size = SIZES[name]
    data = bytearray(size)
    data[0] = source.choice((0, 2, 10, 10, 2, 7, 16))
    if name == "rtmsg":
        data[1:8] = bytes(source.choice((0, 8, 24, 32, 64, 128)) for _ in range(2)) + bytes(
            (0, source.choice((254, 255, 0, 253)), source.choice((0, 2, 4)), source.choice((0, 253, 254, 255)),
             source.choice((1, 1, 2, 3, 5, 6, 7, 9)))
        )
        data[8:12] = struct.pack("<I", source.choice((0, 0, 0x1000, 0x200, 0x100, 0x400)))
    elif size >= 8:
        index = 4
        data[index : index + 4] = struct.pack("<I", source.choice((0, 1, 1, 1, 2, 99)))
        if name == "ifaddrmsg":
            length, flags = source.choice((8, 24, 32, 64, 128)), source.choice((0, 0x80, 2))
            data[1:4] = bytes((length, flags, source.choice((0, 254))))
    return bytes(data)


def netlink(source: Source, _scope: Scope) -> Value:
    """One or two messages of rtnetlink, or one of another protocol."""
    parts: list[Region] = []
    for _ in range(2 if source.chance(10) else 1):
        base, name, highest = source.choice(FAMILIES)
        type = base + source.choice((0, 0, 0, 1, 2, 2, 3))
        if source.chance(10):
            type = source.choice((20, 18, 16, 17, 2, 3, 0x10))  # sock_diag and generic netlink
        body = header(source, name)
        body += b"".join(attribute(source, highest) for _ in range(source.integer(0, 5)))
        fields: tuple[tuple[str, Value], ...] = (
            ("nlmsg_len", 16 + len(body)), ("nlmsg_type", type), ("nlmsg_flags", source.choice(FLAGS)),
            ("nlmsg_seq", 1),
        )
        parts += [Struct("nlmsghdr", fields), Raw(body)]
    return Array(tuple(parts))


# Control messages of sendmsg(): level, type and possible sizes.
CONTROLS = (
    (1, 1, (4, 8)), (1, 37, (4,)), (0, 8, (12,)), (0, 2, (4, 1)), (0, 1, (4,)), (0, 7, (4, 8, 40)),
    (41, 50, (20,)), (41, 52, (4,)), (41, 54, (8, 16, 24)), (41, 55, (8, 16)), (41, 57, (8, 24)), (41, 59, (8,)),
    (41, 67, (4,)), (41, 62, (4,)), (41, 11, (4,)), (41, 2, (20,)), (41, 3, (8,)), (41, 4, (8,)), (41, 5, (8, 24)),
)
EXTENSIONS = (b"\x3a\0\1\4\0\0\0\0", b"\0\0\5\2\0\0\1\0", b"\0\0\xc2\4\0\1\0\0", b"\x3b\2\0\1\0\0\0\0" + LOOPBACK6,
              bytes(8), b"\x2c\0\xff\xff\xff\xff\xff\xff", b"\0\1" + bytes(14))


def control(source: Source, _scope: Scope) -> Value:
    """Some control messages, aligned as CMSG_SPACE has them."""
    parts: list[Region] = []
    for _ in range(source.integer(1, 2)):
        level, type, sizes = source.choice(CONTROLS)
        size = source.choice(sizes)
        data = source.choice(EXTENSIONS) if source.chance(60) else bytes((source.choice((0, 1, 255)),)) * size
        data = data[:size].ljust(size, b"\0")
        parts += [Ints(8, (16 + size,)), Ints(4, (level, type)), Raw(data + bytes(-size % 8))]
    return Array(tuple(parts))
