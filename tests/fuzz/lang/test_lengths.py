"""No call says that a buffer is longer than it is: without an MMU, the kernel would write behind it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from lkltest.fuzz.gen.arguments import Arguments
from lkltest.fuzz.gen.hints import hinted
from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang.describe import IOCTL_ROOM, Description
from lkltest.fuzz.lang.types import Len
from lkltest.fuzz.prog.reach import Comparison
from lkltest.fuzz.prog.values import Array, Call, Ints, Out, Pointer, Raw, Struct, Value
from lkltest.fuzz.prog.visit import walk

DRAWN, HINTED, MUTATED = 6, 4, 20  # of each variant; of each drawn call
GET_FILTER, FILTER = (1, 26), 8  # SOL_SOCKET, SO_GET_FILTER; bytes of an instruction
SIOCGIFCONF, SIOCGETPRL, FIEMAP = 0x8912, 0x89F4, 0xC020660B
PRL, FIEMAP_HEAD, EXTENT = 16, 32, 56  # bytes
NEVER_FOLLOWED = ("lkl_sa_handler", "sa_handler")  # pointers: a library has no user mode to return to
LENGTHS = ("addrlen", "addr_len", "upeer_addrlen", "usockaddr_len", "optlen")  # behind a pointer: of the buffer before
COMPARED = [Comparison(size, old, new) for size in (1, 2, 4, 8) for old in (0, 1, 16, 48) for new in (255, 4096)]


def calls(description: Description, key: str) -> Iterator[Call]:
    """Calls of a variant: drawn, mutated again and again, and with numbers that the kernel compared."""
    source, variant = Random(1), description.variants[key]
    arguments = Arguments(description, source)
    arguments.known[key] = [255, 4096]
    for _ in range(DRAWN):
        call = description.draw(key, source)
        yield call
        yield from (hint.call for hint in islice(hinted(call, variant, COMPARED, description), HINTED))
    for _ in range(MUTATED):
        call = arguments.change(call, variant)
        yield call


def room(description: Description, value: Value) -> int:
    """The bytes behind a pointer."""
    return description.encoder.size(value.target) if isinstance(value, Pointer) else 0


def number(value: Value) -> int:
    """The first number behind a pointer; 0 where there is none."""
    first = next((part for part in walk(value) if isinstance(part, Ints)), None)
    return int(first.values[0]) if first is not None and isinstance(first.values[0], int) else 0


def lies(description: Description, key: str, call: Call) -> Iterator[str]:
    """The lengths of a call that are longer than their buffers, and the numbers that are taken for addresses."""
    names = [argument.name for argument in description.variants[key].signature.arguments]
    for n, (name, value) in enumerate(zip(names, call.args, strict=True)):
        if name in LENGTHS and isinstance(value, Pointer) and isinstance(call.args[n - 1], Pointer):
            unit = FILTER if call.name == "getsockopt" and call.args[1:3] == GET_FILTER else 1
            if number(value) * unit > room(description, call.args[n - 1]):
                yield f"{name} is {number(value)} of {unit}"
    for value in call.args:
        for part in walk(value):
            if isinstance(part, Struct):
                yield from lies_of_a_structure(description, part)
    if call.name == "ioctl" and isinstance(call.args[2], Pointer):
        yield from lies_of_an_ioctl(description, call.args[1], call.args[2])


def lies_of_a_structure(description: Description, struct: Struct) -> Iterator[str]:
    """The same of a structure's fields."""
    layout, fields = description.headers.struct(struct.name), dict(struct.fields)
    assert layout is not None
    for field in layout.fields:
        value = fields.get(field.name, 0)
        if field.type.kind == "pointer" and isinstance(value, int) and value and field.name not in NEVER_FOLLOWED:
            yield f"{struct.name}.{field.name} is a number"
    for tag, types in description.fields.values():
        if tag.removeprefix("lkl_") == struct.name:
            for name, type in types.items():
                length = fields.get(name, 0)
                if not isinstance(type, Len) or type.unit != 1 or not isinstance(length, int):
                    continue
                if length > room(description, fields.get(type.of, 0)):
                    yield f"{struct.name}.{name} is {length}"


def lies_of_an_ioctl(description: Description, command: Value, arg: Pointer) -> Iterator[str]:
    """The same of the requests with lengths or addresses of their own."""
    if room(description, arg) < IOCTL_ROOM:
        yield "another request may be longer"
    numbers = next((part for part in walk(arg) if isinstance(part, Ints)), Ints(4, (0,)))
    if command == SIOCGIFCONF and not isinstance(arg.target, Out):
        buffer = numbers.values[1:2] if numbers.width == 8 else numbers.values[2:4]
        if any(buffer):
            yield "ifc_buf is a number"
    if command == SIOCGETPRL:
        data = next((part for part in walk(arg.target) if isinstance(part, Pointer)), None)
        if data is not None:
            stated = numbers.values[2] if isinstance(data.target, Ints) else -1
            if stated == -1 or int(stated) > room(description, data) - PRL:  # type: ignore[arg-type]
                yield "datalen"
    if command == FIEMAP:
        map = next((part for part in walk(arg) if isinstance(part, Struct)), Struct("fiemap", ()))
        count = dict(map.fields).get("fm_extent_count", 0)
        if not isinstance(count, int) or count * EXTENT > room(description, arg) - FIEMAP_HEAD:
            yield "fm_extent_count"


def test_no_length_is_longer_than_its_buffer(description: Description) -> None:
    """Whatever is drawn, mutated, or takes a number that the kernel compared."""
    for key in description.variants:
        for call in calls(description, key):
            assert not list(lies(description, key, call)), (key, call)


def test_no_length_grows_in_a_call_that_was_read(description: Description) -> None:
    """A call of a corpus is taken for the narrowest variant that it can be, by which it was perhaps not drawn."""
    source = Random(1)
    arguments = Arguments(description, source)
    taken = set()
    for key in description.variants:
        for _ in range(40 if key.startswith(("sendm", "recvm", "accept")) else 4):
            call = description.draw(key, source)
            variant = description.variant(call.name, call.args)
            if variant.key != key or variant.key.startswith("accept"):
                taken.add(variant.key)
                for _ in range(8):
                    call = arguments.change(call, variant)
                    assert not list(lies(description, variant.key, call)), (key, variant.key, call)
    assert {"sendmsg_netlink", "recvmsg_control", "accept4"} <= taken


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("getsockopt", (3, *GET_FILTER, Pointer(Out(128)), Pointer(Ints(4, (64,))))),
        ("getsockopt", (3, 1, 2, Pointer(Out(16)), Pointer(Ints(4, (17,))))),
        ("ioctl", (3, SIOCGIFCONF, Pointer(Array((Ints(8, (100, 3, 0)), Out(488)))))),
        ("ioctl", (3, SIOCGETPRL, Pointer(Array((
            Struct("ifreq", (("ifr_ifru", Struct("ifreq.ifr_ifru", (("ifru_data", Pointer(Raw(bytes(60)))),))),)),
            Out(472)))))),
        ("recvmsg", (3, Pointer(Struct("user_msghdr", (
            ("msg_control", Pointer(Out(8))), ("msg_controllen", 9)))), 0)),
    ],
)  # fmt: skip
def test_a_longer_one_is_noticed(description: Description, name: str, args: tuple[Value, ...]) -> None:
    """The check above finds each kind of length, and an address that is a number."""
    assert list(lies(description, description.variant(name, args).key, Call(name, args)))
