"""Changes netlink messages by their structure: attributes inserted, removed, repeated, swapped, nested.

A message is a header, `nlmsghdr`, and bytes: the header of its family, then attributes, each with a length and a type
of two bytes, padded to four bytes. Changes of single bytes hardly ever keep that form.
"""

from __future__ import annotations

import struct

from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang import netlink
from lkltest.fuzz.prog.values import Array, Raw, Region, Struct, Value

HEAD = struct.Struct("<HH")  # of an attribute: length, type
HEADERS = (16, 12, 8, 4, 20, 0, 56, 72)  # sizes of families' headers, tried in this order
NLMSGHDR = 16  # bytes
TYPES = 0x3FFF  # without the two flags
MOST = 24  # attributes of a message

Attribute = tuple[int, bytes]


def split(data: bytes, start: int) -> list[Attribute] | None:
    """The attributes from a place to the end; None where these bytes are none."""
    found = []
    while start < len(data):
        if start + HEAD.size > len(data):
            return None
        length, kind = HEAD.unpack_from(data, start)
        if not HEAD.size <= length <= len(data) - start:
            return None
        found.append((kind, data[start + HEAD.size : start + length]))
        start += length + -length % 4
    return found


def join(attributes: list[Attribute]) -> bytes:
    """The bytes of attributes."""
    return b"".join(
        HEAD.pack(min(HEAD.size + len(inner), 0xFFFF), kind) + inner + bytes(-len(inner) % 4)
        for kind, inner in attributes
    )


def change(source: Random, value: Value) -> Value | None:
    """Messages with one attribute changed; None where these are no messages."""
    if not isinstance(value, Array):
        return None
    at = [n for n, (head, body) in enumerate(zip(value.items, value.items[1:], strict=False))
          if isinstance(head, Struct) and head.name == "nlmsghdr" and isinstance(body, Raw)]
    if not at:
        return None
    n = source.choice(at)
    head, body = value.items[n], value.items[n + 1]
    assert isinstance(head, Struct)
    assert isinstance(body, Raw)
    sizes = [size for size in HEADERS if size <= len(body.data) and split(body.data, size) is not None]
    if not sizes:
        return None
    attributes = split(body.data, sizes[0]) or []
    data = body.data[: sizes[0]] + join(_changed(source, attributes)[:MOST])
    fields = {**dict(head.fields), "nlmsg_len": NLMSGHDR + len(data)}
    changed: tuple[Region, ...] = (Struct(head.name, tuple(fields.items())), Raw(data))
    return Array((*value.items[:n], *changed, *value.items[n + 2 :]))


def _changed(source: Random, attributes: list[Attribute], depth: int = 0) -> list[Attribute]:
    kind = source.integer(0, 7) if attributes else 0
    n = source.integer(0, len(attributes) - 1) if attributes else 0
    if kind <= 1:
        made = split(netlink.attribute(source, source.choice((4, 12, 30, 60))), 0)
        return [*attributes[:n], *(made or [(source.integer(0, 60), b"")]), *attributes[n:]]
    type, inner = attributes[n]
    before, after = attributes[:n], attributes[n + 1 :]
    if kind == 2:
        return [*before, *after]
    if kind == 3:
        other = source.choice(((type + 1) & TYPES, max(0, type - 1), source.integer(0, 60), type ^ 0x8000))
        return [*before, (other, inner), *after]
    if kind == 4:
        payload = source.choice((source.choice(attributes)[1], source.choice(netlink.PAYLOADS)))
        return [*before, (type, payload), *after]
    if kind == 5:
        size = source.choice((0, 1, 2, 4, 8, 16, len(inner) + 4, max(0, len(inner) - 4)))
        return [*before, (type, inner[:size].ljust(size, b"\0")), *after]
    if kind == 6:
        return [*before, (type, inner), (type, inner), *after]
    nested = split(inner, 0) if depth < 2 else None
    return [*before, (type, join(_changed(source, nested or [], depth + 1))), *after]
