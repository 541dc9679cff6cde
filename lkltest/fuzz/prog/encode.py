"""The binary form of programs, which the executor takes.

All of it is little-endian and aligned to 8 bytes. A batch is programs one after the other.

    program   PROGRAM, then its calls; before them, where it needs an image, CHANGES and each CHANGE with its bytes
    call      CALL, then its arguments, then a PRODUCES for each result that it leaves for later calls
    argument  SCALAR; where its tag is BUFFER, the buffer's known bytes and its patches follow
    patch     PATCH, then the value that is written into the buffer at its offset, encoded as an argument is

What a SCALAR means depends on its tag:

    CONST     `payload` is the number
    RESULT    the result number `index` of this program; -1 where it is not there
    RESOURCE  the `index`th last result whose kind is in the mask `payload`; `extra` where there is none
    BUFFER    the address of a buffer of `extra` bytes at an address aligned to `align`; the low half of `payload` are
              its known bytes, the high half the byte that fills the rest; `index` patches
    PORT      a port of the program's own, number `index`, in network byte order
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from lkltest.fuzz.prog.ctype import CType, Layout
from lkltest.fuzz.prog.record import Record
from lkltest.fuzz.prog.values import (
    Array,
    Call,
    Fill,
    Ints,
    Out,
    Pointer,
    Port,
    Program,
    Raw,
    Ref,
    Region,
    ResourceRef,
    Struct,
    Text,
    Value,
)


class Tag(enum.IntEnum):
    """The kinds of encoded values."""

    CONST = 0
    RESULT = 1
    RESOURCE = 2
    BUFFER = 3
    PORT = 4


CONST, RESULT, RESOURCE, BUFFER, PORT = map(int, Tag)
SCALAR = Record(
    "scalar",
    ("uint8_t", "tag", "enum tag"),
    ("uint8_t", "align", "of a buffer, 0 for none"),
    ("uint16_t", "index", "number of a result, nth of a resource, number of a port, count of a buffer's patches"),
    ("int32_t", "extra", "default of a resource, size of a buffer"),
    ("uint64_t", "payload", "a constant, a mask of kinds, or a buffer's known bytes and the byte that fills the rest"),
)
PATCH = Record("patch", ("uint32_t", "offset", "into the buffer"), ("uint32_t", "width", "bytes"))
PRODUCES = Record(
    "produces",
    ("uint8_t", "kind", ""),
    ("uint8_t", "source", "an argument's number, or FZ_RETURN"),
    ("uint8_t", "width", "bytes"),
    ("uint8_t", "pad", ""),
    ("uint32_t", "offset", "into what the argument points to"),
)
CALL = Record(
    "call",
    ("uint32_t", "bytes", "of the whole call"),
    ("uint16_t", "number", "of the system call"),
    ("uint8_t", "args", ""),
    ("uint8_t", "produces", "records behind the arguments"),
)
PROGRAM = Record(
    "program",
    ("uint32_t", "bytes", "of the whole program"),
    ("uint16_t", "calls", ""),
    ("uint16_t", "needs", "enum needs"),
)
CHANGES = Record("changes", ("uint32_t", "bytes", "of this and all changes"), ("uint32_t", "unused", ""))
CHANGE = Record(
    "change",
    ("uint64_t", "offset", "in the image"),
    ("uint32_t", "length", "bytes, which follow, padded to 8"),
    ("uint32_t", "unused", ""),
)
MASK = (1 << 64) - 1

MAX_PROGRAM_RESULTS = 256  # that the executor keeps of one program
SMALL, MAX_BUFFER = 4096, 1 << 16  # bytes of the executor's small and of its large slots for buffers
MAX_SMALL, MAX_LARGE = 48, 8  # slots that one call can have


class Numbered(Protocol):
    """A system call that has a number."""

    @property
    def number(self) -> int:
        """The number."""


class Layouts(Protocol):
    """The structures and the calls' numbers of one kernel, such as its headers give them."""

    @property
    def calls(self) -> Mapping[str, Numbered]:
        """The calls by name."""

    def struct(self, name: str) -> Layout | None:
        """The layout of a structure, given with or without its "lkl_"."""


class Flat(NamedTuple):
    """A region as bytes, with the patches for addresses and results that are known only when the call is made."""

    data: bytes  # the known bytes; the rest, up to `size`, is `fill`
    size: int
    fill: int
    patches: list[tuple[int, int, Value]]  # offset, width, value


class Encoder:
    """Encodes calls for one kernel."""

    def __init__(self, headers: Layouts, kinds: Mapping[str, int]) -> None:
        """`kinds` numbers the kinds of results, below 64."""
        self.headers = headers
        self.kinds = kinds
        self.taken = [0, 0]  # small and large slots of the call that is being encoded

    def size(self, region: Region) -> int:
        """The bytes that a region takes."""
        match region:
            case Raw(data):
                return len(data)
            case Fill(size) | Out(size):
                return size
            case Ints(width, values):
                return width * len(values)
            case Struct(name):
                return self.layout(name).size
            case Array(items):
                return sum(self.size(item) for item in items)

    def layout(self, name: str) -> Layout:
        """A structure's layout; raises KeyError where the headers have none."""
        found = self.headers.struct(name)
        if found is None:
            raise KeyError(name)
        return found

    def flatten(self, region: Region) -> Flat:
        """The bytes of a region."""
        match region:
            case Raw(data):
                return Flat(data, len(data), 0, [])
            case Fill(size, byte):
                return Flat(b"", size, byte, [])
            case Out(size):
                return Flat(b"", size, 0, [])
        placed = bytearray(self.size(region))
        patches: list[tuple[int, int, Value]] = []
        self._place(region, placed, patches, 0)
        return Flat(bytes(placed), len(placed), 0, patches)

    def _place(self, value: Value, data: bytearray, patches: list[tuple[int, int, Value]], at: int) -> None:
        match value:
            case Raw(inner):
                data[at : at + len(inner)] = inner
            case Fill(size, byte):
                data[at : at + size] = bytes([byte]) * size
            case Ints(width, values):
                for n, scalar in enumerate(values):
                    self._scalar(scalar, width, data, patches, at + n * width)
            case Array(items):
                for item in items:
                    self._place(item, data, patches, at)
                    at += self.size(item)
            case Struct(name, fields):
                layout = self.layout(name)
                for key, inner_value in fields:
                    field = layout.field(key)
                    self._field(inner_value, field.type, data, patches, at + field.offset)

    def _field(
        self, value: Value, type: CType, data: bytearray, patches: list[tuple[int, int, Value]], at: int
    ) -> None:
        if isinstance(value, (int, Ref, ResourceRef, Port, Text, Pointer)):
            self._scalar(value, type.size, data, patches, at)
        elif self.size(value) <= type.size or (type.kind == "array" and type.count == 0):
            self._place(value, data, patches, at)
        else:
            raise ValueError(f"{self.size(value)} bytes do not fit a field of {type.size}")

    def _scalar(
        self, value: Value, width: int, data: bytearray, patches: list[tuple[int, int, Value]], at: int
    ) -> None:
        if isinstance(value, int):
            data[at : at + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
        else:
            patches.append((at, width, value))

    def value(self, value: Value) -> bytes:
        """Encode an argument or a patch."""
        match value:
            case int():
                return SCALAR.pack(CONST, 0, 0, 0, value & MASK)
            case Ref(index):
                return SCALAR.pack(RESULT, 0, index, 0, 0)
            case ResourceRef(kinds, nth, default):
                return SCALAR.pack(RESOURCE, 0, nth, default, kinds)
            case Port(nth):
                return SCALAR.pack(PORT, 0, nth, 0, 0)
            case Text(data):
                # The kernel may read a string by aligned words: it begins on one, so that no word crosses the guard.
                return self._buffer(Flat(data + b"\0", len(data) + 1, 0, []), 8)
            case Pointer(target):
                return self._buffer(self.flatten(target), 0)
        raise ValueError(f"{value} can only stand behind a pointer")

    def _buffer(self, flat: Flat, align: int) -> bytes:
        if not 0 <= flat.size <= MAX_BUFFER:
            raise ValueError(f"a buffer of {flat.size} bytes: 0 to {MAX_BUFFER} are possible")
        self.taken[flat.size > SMALL] += 1
        head = SCALAR.pack(BUFFER, align, len(flat.patches), flat.size, len(flat.data) | flat.fill << 32)
        parts = [head, flat.data, bytes(-len(flat.data) % 8)]
        for offset, width, value in flat.patches:
            parts += [PATCH.pack(offset, width), self.value(value)]
        return b"".join(parts)

    def call(self, call: Call) -> bytes:
        """Encode a call; raises KeyError where this kernel lacks it, ValueError where its arguments cannot be."""
        signature = self.headers.calls[call.name]
        self.taken = [0, 0]
        body = [self.value(arg) for arg in call.args]
        if self.taken[0] > MAX_SMALL or self.taken[1] > MAX_LARGE:
            raise ValueError(f"{call.name} has too many buffers: at most {MAX_SMALL}, {MAX_LARGE} of them large")
        body += [
            PRODUCES.pack(self.kinds[produced.kind], produced.source, produced.width, 0, produced.offset)
            for produced in call.produces
        ]
        size = CALL.size + sum(map(len, body))
        return b"".join([CALL.pack(size, signature.number, len(call.args), len(call.produces)), *body])

    def program(self, program: Program, flags: int = 0) -> bytes:
        """Encode a program; `flags` are the bits of its sandbox's needs."""
        return join([self.call(call) for call in program.calls], flags)


def changes(found: Iterable[tuple[int, bytes]]) -> bytes:
    """Encode the changes of an image: offsets and new bytes."""
    body = b"".join(
        CHANGE.pack(offset, len(data), 0) + data + bytes(-len(data) % 8) for offset, data in found
    )
    return CHANGES.pack(CHANGES.size + len(body), 0) + body


def join(calls: Sequence[bytes], flags: int, before: bytes = b"") -> bytes:
    """A program of encoded calls; `before` are the encoded changes of its image."""
    body = before + b"".join(calls)
    return PROGRAM.pack(PROGRAM.size + len(body), len(calls), flags) + body
