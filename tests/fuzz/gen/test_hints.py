"""Numbers that the kernel compared with an argument are put in its place."""

from __future__ import annotations

import pytest

from lkltest.fuzz.gen.hints import hinted, wide
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.reach import Comparison
from lkltest.fuzz.prog.values import Array, Call, Fill, Ints, Out, Pointer, Raw, Struct, Value
from tests.fuzz.gen.toy import describe_toy


@pytest.fixture(scope="module")
def toy_description() -> Description:
    """The calls of a toy."""
    return describe_toy()


def changed(description: Description, call: Call, *comparisons: Comparison) -> set[Value]:
    """The values that the last argument but one of a call is given."""
    variant = description.variants[call.name]
    found = [hint.call for hint in hinted(call, variant, comparisons, description)]
    assert all(call.args[0] == one.args[0] and call.args[2:] == one.args[2:] for one in found)
    return {one.args[1] for one in found}


@pytest.mark.parametrize(("size", "old", "new", "expected"), [
    (4, 0x44434241, 0x11223344, b"\x44\x33\x22\x11EFGHABCD"),  # little-endian, at its first place
    (4, 0x45464748, 0x11223344, b"ABCD\x11\x22\x33\x44ABCD"),  # big-endian
    (8, 0x4847464544434241, 0x1122334455667788, b"\x88\x77\x66\x55\x44\x33\x22\x11ABCD"),
    (2, 0x4645, 0xFFFF, b"ABCD\xff\xffGHABCD"),
    (1, 0x47, 0x00, b"ABCDEF\0HABCD"),
    (8, 0x4645, 0x1122, b"ABCD\x22\x11GHABCD"),  # two bytes that were widened before they were compared
])
def test_bytes_take_the_other_number(
    toy_description: Description, size: int, old: int, new: int, expected: bytes
) -> None:
    """One to eight bytes, of either endianness, wherever they stand; which of the two stood there does not matter."""
    call = Call("feed", (3, Pointer(Raw(b"ABCDEFGHABCD")), 12))
    for comparison in (Comparison(size, old, new), Comparison(size, new, old)):
        assert Pointer(Raw(expected)) in changed(toy_description, call, comparison)


def test_numbers_that_are_not_there_change_nothing(toy_description: Description) -> None:
    """A comparison of other numbers, and bytes that the kernel only writes, give no programs."""
    call = Call("feed", (3, Pointer(Raw(b"ABCDEFGH")), 8))
    assert changed(toy_description, call, Comparison(4, 1 << 30, 0x11223344)) == set()
    out = Call("feed", (3, Pointer(Out(8)), 8))
    assert changed(toy_description, out, Comparison(4, 0, 0x11223344)) == set()


def test_runs_of_one_byte_become_bytes(toy_description: Description) -> None:
    """A buffer of zeroes may take a number, too, a long one near its start."""
    call = Call("feed", (3, Pointer(Fill(8, 0)), 8))
    comparison = Comparison(4, 0, 0x11223344)
    assert Pointer(Raw(b"\x44\x33\x22\x11\0\0\0\0")) in changed(toy_description, call, comparison)
    long = Call("feed", (3, Pointer(Fill(4000, 0)), 4000))
    expected = Array((Raw(b"\0\0\0\0\x44\x33\x22\x11" + bytes(56)), Fill(3936, 0)))
    assert Pointer(expected) in changed(toy_description, long, comparison)


def test_plain_numbers_stay_in_their_range(toy_description: Description) -> None:
    """An argument that is a number takes those that its type allows; a length stays the buffer's."""
    call = Call("step", (3, 5))
    assert changed(toy_description, call, Comparison(4, 5, 6), Comparison(4, 5, 21)) == {6}
    feed = Call("feed", (3, Pointer(Raw(b"ABCDEFGH")), 8))
    assert changed(toy_description, feed, Comparison(8, 8, 4096)) == set()


def values(description: Description, key: str, *args: Value, comparison: Comparison) -> list[Value]:
    """The last arguments but one that hints make of a call."""
    variant = description.variants[key]
    call = Call(variant.signature.name, args)
    return [hint.call.args[1] for hint in hinted(call, variant, [comparison], description)]


def test_data_behind_the_pointers_of_a_structure_takes_numbers(description: Description) -> None:
    """A message's payload is data, even where its header has addresses."""
    def message(payload: bytes) -> Pointer:
        vector = Struct("iovec", (("iov_base", Pointer(Raw(payload))), ("iov_len", 8)))
        return Pointer(Struct("user_msghdr", (("msg_iov", Pointer(vector)), ("msg_iovlen", 1))))

    comparison = Comparison(4, 0x44434241, 0x11223344)
    found = values(description, "sendmsg", 3, message(b"ABCDEFGH"), 0, comparison=comparison)
    assert found == [message(b"\x44\x33\x22\x11EFGH")]
    assert values(description, "sendmsg", 3, message(bytes(8)), 0, comparison=Comparison(8, 1, 1 << 40)) == []


def test_bare_numbers_that_may_be_lengths_or_addresses_stay(description: Description) -> None:
    """The length of an answer, and a number that an ioctl() may take for an address, are no data."""
    length = Pointer(Ints(4, (128,)))
    variant = description.variants["getsockname"]
    call = Call("getsockname", (3, Pointer(Out(128)), length))
    assert list(hinted(call, variant, [Comparison(4, 128, 1 << 20)], description)) == []
    variant, call = description.variants["ioctl_net"], Call("ioctl", (3, 0x8912, Pointer(Ints(8, (100, 0)))))
    assert list(hinted(call, variant, [Comparison(8, 0, 1 << 40)], description)) == []


def test_a_structure_keeps_the_size_that_it_states(description: Description) -> None:
    """The kernel reads as many bytes as `sched_attr.size` says, but the other fields are data."""
    variant = description.variants["sched_setattr"]
    attr = Struct("sched_attr", (("size", 48), ("sched_policy", 7)))
    call = Call("sched_setattr", (0, Pointer(attr), 0))
    found = [hint.call.args[1] for hint in
             hinted(call, variant, [Comparison(4, 48, 200), Comparison(4, 7, 3)], description)]
    assert found == [Pointer(Struct("sched_attr", (("size", 48), ("sched_policy", 3))))]


def test_a_command_becomes_a_listed_one_only(description: Description) -> None:
    """The kernel compares a command with all that it has; one that is not listed may take a number for an address."""
    getfd, getfl, setown_ex = 1, 3, 15
    variant = description.variants["fcntl"]
    call = Call("fcntl", (3, getfd, 0))
    compared = [Comparison(4, getfd, other) for other in (getfl, setown_ex)]
    assert [hint.call.args[1] for hint in hinted(call, variant, compared, description)] == [getfl]


@pytest.mark.parametrize(("comparison", "expected"), [
    (Comparison(4, 0x5BD1E995, 0xFFFFFFFF), True),
    (Comparison(4, 0, 0x9E3779B1), True),
    (Comparison(8, 0, 0xFFFF800012345678), True),
    (Comparison(4, 0, 0x2C9), False),  # a loop that counts
    (Comparison(4, 1, 0xFFFFFFF7), False),  # an error's number
    (Comparison(8, 0, 0x7F22_4B24_9E01), False),  # an address
    (Comparison(1, 0x72, 0xEB), False),
])
def test_wide_numbers_are_those_that_mutations_hardly_find(comparison: Comparison, expected: bool) -> None:
    """Numbers of four and eight bytes are wide, unless they are small, nearly all ones, or addresses."""
    assert wide(comparison) is expected
