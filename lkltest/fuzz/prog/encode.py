"""The binary form of programs, which the executor takes."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from lkltest.fuzz.prog.ctype import CType
from lkltest.fuzz.prog.ctype import Struct as Layout
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

CONST, RESULT, PICK, BUFFER, PORT = range(5)
SCALAR = struct.Struct("<BBHiQ")  # tag, alignment, result or nth or patches, default or size, number or mask or length
PATCH = struct.Struct("<II")  # offset, width; a value follows
PRODUCES = struct.Struct("<BBBxI")  # kind, source, width, offset
CALL = struct.Struct("<IHBB")  # bytes of the whole call, number, arguments, results
PROGRAM = struct.Struct("<IHH")  # bytes of the whole program, calls, what its sandbox needs
MASK = (1 << 64) - 1

MAX_BUFFER = 1 << 16  # bytes: the executor's large slots
SMALL = 4096  # bytes: the executor's small slots
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
    """A region as bytes and what has to be written into them once addresses and results are known."""

    data: bytes  # what is known beforehand; the rest, up to `size`, is `fill`
    size: int
    fill: int
    patches: list[tuple[int, int, Value]]  # offset, width, what stands there


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
                return SCALAR.pack(PICK, 0, nth, default, kinds)
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
            PRODUCES.pack(self.kinds[produced.kind], produced.source, produced.width, produced.offset)
            for produced in call.produces
        ]
        size = CALL.size + sum(map(len, body))
        return b"".join([CALL.pack(size, signature.number, len(call.args), len(call.produces)), *body])

    def program(self, program: Program, flags: int = 0) -> bytes:
        """Encode a program; `flags` say what its sandbox needs."""
        return join([self.call(call) for call in program.calls], flags)


def join(calls: Sequence[bytes], flags: int) -> bytes:
    """A program of encoded calls."""
    body = b"".join(calls)
    return PROGRAM.pack(PROGRAM.size + len(body), len(calls), flags) + body
