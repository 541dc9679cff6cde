"""Netlink messages keep their form when they are changed."""

from __future__ import annotations

import pytest

from lkltest.fuzz.gen import attributes
from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.prog.values import Array, Raw, Struct, Value

HEADER = b"\x02" + bytes(15)  # of a family


def message(*inside: tuple[int, bytes]) -> Array:
    """A message with some attributes."""
    body = HEADER + attributes.join(list(inside))
    return Array((Struct("nlmsghdr", (("nlmsg_len", 16 + len(body)), ("nlmsg_type", 16))), Raw(body)))


def test_attributes_are_split_and_joined() -> None:
    """Padding is no part of an attribute; bytes that are no attributes are refused."""
    inside = [(3, b"lo\0"), (18, b"\x08\0\x01\0sit0"), (1, b"")]
    assert attributes.split(attributes.join(inside), 0) == inside
    assert attributes.split(b"\x03\0\x01\0", 0) is None
    assert attributes.split(b"\x09\0\x01\0abcd", 0) is None


def test_a_changed_message_is_a_message() -> None:
    """Its length is right, its header stays, and its attributes have the form of attributes, after many changes."""
    source, value = Random(1), message((3, b"lo\0"), (5, b"\x7f\0\0\1"))
    steps, count = set(), 2
    for _ in range(500):
        changed = attributes.change(source, value)
        assert isinstance(changed, Array)
        head, body = changed.items
        assert isinstance(head, Struct)
        assert isinstance(body, Raw)
        assert dict(head.fields)["nlmsg_len"] == 16 + len(body.data)
        assert body.data.startswith(HEADER)
        inside = attributes.split(body.data, len(HEADER))
        assert inside is not None
        steps.add(len(inside) - count)
        value, count = changed, len(inside)
    assert steps >= {-1, 0, 1}


@pytest.mark.parametrize("value", [Raw(b"abc"), Array((Raw(b"abc"), Raw(b"d"))), message((1, b"x")).items[0]])
def test_other_data_is_no_message(value: Value) -> None:
    """There is nothing to change by the structure of messages."""
    assert attributes.change(Random(1), value) is None
