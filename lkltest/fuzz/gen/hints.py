"""Puts numbers that the kernel compared an argument with into the argument.

A kernel that is built with `-fsanitize-coverage=trace-cmp` tells the two numbers of each comparison. Where one of them
stands in an argument of the call (in one to eight bytes, of either endianness), a program that has the other one there
takes the other branch. So a magic number of a header is found at once, where guessing 32 bits would take years.

Only data is changed: bytes that the kernel reads, integers of structures and arrays without pointers, and numbers that
the argument's type allows. A structure with pointers may lead to such data: messages, control messages, filters. A
number that stands for a length, an address or a command stays as it is; so do bare numbers behind the pointers of an
ioctl() and of a call with buffers that the kernel fills, where they may be addresses and lengths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

from lkltest.fuzz.gen.arguments import bound, measures, plain
from lkltest.fuzz.lang.describe import Description, Variant
from lkltest.fuzz.lang.types import Choice, Flags, Integer, Len, Type, Union
from lkltest.fuzz.prog.reach import Comparison
from lkltest.fuzz.prog.values import Array, Call, Fill, Ints, Pointer, Raw, Struct, Value
from lkltest.fuzz.prog.visit import variants

SHOWN = 64  # bytes at the start of a run of one byte in which numbers are looked for
PLACES = 8  # places in one run of bytes at which the same number is replaced
ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
WIDE = 1 << 16  # numbers below are found by mutations that change two bytes, or belong to loops that count
ADDRESSES = range(1 << 40, 1 << 48)
TRIVIAL = 256  # numbers below are not looked for in bytes if the other one is below, too: they stand everywhere


class Hint(NamedTuple):
    """A changed call."""

    call: Call
    number: int  # that the kernel compared, and that stands in it now
    strong: bool  # the number that it takes the place of is not one that stands everywhere


def hinted(call: Call, variant: Variant, comparisons: Iterable[Comparison], description: Description) -> Iterator[Hint]:
    """The calls that differ from a call in one number, which the kernel has compared with the one that stood there."""
    seen: set[Call] = set()
    pointers = any(isinstance(arg, Pointer) for arg in call.args)
    tied = bound(call, variant)
    for size, a, b in comparisons:
        for old, new in ((a, b), (b, a)):
            for n, arg in enumerate(call.args):
                for value in _replaced(arg, variant.types[n], size, old, new, pointers=pointers, tied=tied):
                    changed = replace(call, args=(*call.args[:n], value, *call.args[n + 1 :]))
                    if changed not in seen and (not isinstance(arg, int) or description.fits(changed)):
                        seen.add(changed)
                        yield Hint(changed, new, strong=size > 1 and TRIVIAL <= old < (1 << 8 * size) - TRIVIAL)


def stands(code: bytes, number: int) -> bool:
    """Whether a number may stand in an encoded call: an inexpensive test before the search."""
    width = (number.bit_length() + 7) // 8 or 1
    return number.to_bytes(width, "little") in code or (width > 1 and number.to_bytes(width, "big") in code)


def wide(comparison: Comparison) -> bool:
    """Whether one of the numbers is hardly guessed: not small, nor nearly all ones, nor an address."""
    size, *numbers = comparison
    top = 1 << 8 * min(size, 8)
    return any(WIDE <= number < top - WIDE and number not in ADDRESSES for number in numbers)


def _replaced(
    arg: Value, type: Type, size: int, old: int, new: int, *, pointers: bool, tied: bool
) -> Iterator[Value]:
    def data(leaf: Value) -> Iterator[Value]:
        return iter(()) if tied and isinstance(leaf, Ints | Fill) else _in_data(leaf, size, old, new)

    def behind(node: Value) -> Iterator[Value]:
        if isinstance(node, Pointer) and plain(node.target):
            for region in variants(node.target, data):
                yield Pointer(region)  # type: ignore[arg-type]

    if isinstance(arg, int):
        if _free(type, new, pointers=pointers) and _same(arg, old, size):
            yield _signed(new, size)
    elif isinstance(arg, Pointer):
        yield from behind(arg) if tied else variants(arg, behind)


def _free(type: Type, new: int, *, pointers: bool) -> bool:
    """Whether a number may stand for an argument that is passed by value."""
    match type:
        case Integer(low, high):
            return low <= new <= high
        case Choice(numbers):  # another one may be a command that takes a number of this call for an address
            return new in numbers and not pointers
        case Flags(numbers):
            return len(numbers) > 1 and not pointers  # with a pointer, it may choose the structure behind it
        case Union(types):
            return not any(isinstance(one, Len) for one in types) and any(
                _free(one, new, pointers=pointers) for one in types
            )
    return False


def _same(number: int, operand: int, size: int) -> bool:
    return number & ((1 << 8 * size) - 1) == operand


def _signed(number: int, size: int) -> int:
    """A number of `size` bytes as an argument: the sign of 64 bits is not kept apart."""
    return number - (1 << 64) if size == 8 and number >> 63 else number


def _in_data(node: Value, size: int, old: int, new: int) -> Iterator[Value]:
    """The forms of a leaf, or of a structure's integers, with one number replaced."""
    match node:
        case Raw(data):
            yield from map(Raw, _in_bytes(data, size, old, new))
        case Fill(length, byte) if length:
            shown = min(length, SHOWN)
            for data in _in_bytes(bytes([byte]) * shown, size, old, new):
                yield Raw(data) if shown == length else Array((Raw(data), Fill(length - shown, byte)))
        case Ints(width, values):
            for n, item in enumerate(values):
                if isinstance(item, int):
                    for changed in _in_integer(item, width, size, old, new):
                        yield Ints(width, (*values[:n], changed, *values[n + 1 :]))
        case Struct(name, fields):
            for n, (key, value) in enumerate(fields):
                if isinstance(value, int) and (name == "nlmsghdr" or not measures(key)):
                    for changed in _in_integer(value, 4, size, old, new):
                        yield Struct(name, (*fields[:n], (key, changed), *fields[n + 1 :]))


def _in_integer(value: int, width: int, size: int, old: int, new: int) -> Iterator[int]:
    """An integer of a structure or an array, where it is the number in either endianness."""
    size = min(size, width)
    if old >> 8 * size or new >> 8 * size:
        return
    if _same(value, old, size):
        yield new
    swapped = int.from_bytes(old.to_bytes(size, "little"), "big")
    if size > 1 and swapped != old and _same(value, swapped, size):
        yield int.from_bytes(new.to_bytes(size, "little"), "big")


def _in_bytes(data: bytes, size: int, old: int, new: int) -> Iterator[bytes]:
    """Bytes in which a number stands, with the other one in its place; narrower forms of both are tried, too."""
    if size > 1 and old < TRIVIAL and new < TRIVIAL:
        size = 1
    for width in (8, 4, 2, 1):
        if width > size or width > len(data) or old >> 8 * width or new >> 8 * width:
            continue
        if width < size and max(old, new) >> 4 * width == 0:
            continue  # the next narrower form says as much
        for order in ORDERS[: 1 if width == 1 else 2]:
            before, after = (number.to_bytes(width, order) for number in (old, new))
            at = data.find(before)
            for _ in range(PLACES):
                if at < 0:
                    break
                yield data[:at] + after + data[at + width :]
                at = data.find(before, at + 1)
