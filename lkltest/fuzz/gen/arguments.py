"""Changes one argument of a call, at one place, within its description.

LKL has no MMU: the kernel takes a wrong pointer for a right one. So a changed call is one that the generator could have
drawn, but for the contents of plain data: bytes, and integers of structures without pointers, may be anything. Two
rules keep it so: a pointer stays one, and a length is measured again where the buffer that it measures has changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lkltest.fuzz.gen import attributes
from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang.describe import Description, Variant
from lkltest.fuzz.lang.types import (
    ArrayOf,
    BufferIn,
    BufferOut,
    Build,
    Constant,
    Len,
    Numbers,
    Resource,
    Scope,
    StructOf,
    Type,
    Union,
    by_type,
    fit,
)
from lkltest.fuzz.prog.ctype import Layout
from lkltest.fuzz.prog.values import (
    Array,
    Call,
    Fill,
    Ints,
    Out,
    Pointer,
    Port,
    Raw,
    Ref,
    ResourceRef,
    Struct,
    Text,
    Value,
)
from lkltest.fuzz.prog.visit import rewrite, walk

NUMBERS = (0, 1, 2, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096, 32767, 32768,
           65535, 65536, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, -1, -2)  # fmt: skip
KNOWN = 200  # numbers that are remembered for each call
_MEASURES = re.compile("size|len|bytes|count|room")
MORE = 12  # items of an array beyond those of its description
MAX_BYTES = 256  # of a run of one byte that becomes bytes of its own


class Arguments:
    """Changes arguments of the calls of one kernel."""

    def __init__(self, description: Description, source: Random) -> None:
        self.description = description
        self.source = source
        self.bound = False  # the call that is changed takes no numbers but those of its description
        self.known: dict[str, list[int]] = {}  # numbers that the kernel compared with data of a call, by its variant
        self.compared: Sequence[int] = NUMBERS  # for the call that is changed

    def change(self, call: Call, variant: Variant) -> Call:
        """The call with one of its arguments changed; the call itself where it has none that can be."""
        if not call.args or len(call.args) != len(variant.types) or not variant.accepts(call.args):
            return call
        wanted = [n for n, type in enumerate(variant.types) if not isinstance(type, Len)]
        if not wanted:
            return call
        at = self.source.choice(wanted)
        scope = self._scope(call, variant)
        self.bound = bound(call, variant)
        self.compared = self.known.get(variant.key, NUMBERS)
        declared = variant.signature.arguments[at].type
        value = fit(self.value(variant.types[at], call.args[at], scope), declared)
        if variant.signature.name == "ioctl":
            value = self.description.padded_ioctl(value)
        return self._measured(call, variant, at, value, scope)

    def learn(self, key: str, number: int) -> None:
        """Remember a number that the kernel compared with data of a call."""
        known = self.known.setdefault(key, [])
        if number not in known:
            if len(known) >= KNOWN:
                known[self.source.integer(0, KNOWN - 1)] = number
            else:
                known.append(number)

    def _scope(self, call: Call, variant: Variant) -> Scope:
        names = [argument.name for argument in variant.signature.arguments]
        values = dict(zip(names, call.args, strict=True))
        return Scope(values, self.description.headers.struct, self.description.fields, self.description.encoder.size)

    def _measured(self, call: Call, variant: Variant, at: int, value: Value, scope: Scope) -> Call:
        """The call with a new argument, and with the lengths that measure it."""
        arguments = variant.signature.arguments
        args = list(call.args)
        args[at] = scope.siblings[arguments[at].name] = value
        for n, type in enumerate(variant.types):
            if isinstance(type, Len) and type.of == arguments[at].name:
                args[n] = fit(type.draw(self.source, scope), arguments[n].type)
        return replace(call, args=tuple(args))

    def value(self, type: Type, value: Value, scope: Scope) -> Value:
        """A value of a type, most often like the given one but for one place."""
        inner = value.target if isinstance(value, Pointer) else value
        if self.source.chance(80):
            match type, inner:
                case StructOf(), Struct():
                    return self.struct(type, inner, scope)
                case Numbers(), Ints() if len(inner.values) == len(type.items):
                    return self.numbers(type, inner, scope)
                case ArrayOf(), Array():
                    return self.array(type, inner, scope)
                case BufferIn(), Raw() | Fill():
                    return self.sized(type, inner)
                case Constant(), Raw() if not self.bound:
                    return self.data(inner)
                case Build(), Raw() | Array() | Struct() | Ints() if plain(inner):
                    changed = attributes.change(self.source, inner) if self.source.chance(75) else None
                    return changed or self.anywhere(inner)
                case Union(), _ if fitting := self._alternatives(type, inner):
                    return self.value(self.source.choice(fitting), value, scope)
        return type.draw(self.source, scope)

    def _alternatives(self, type: Union, value: Value) -> list[Type]:
        """The types of a union that could have made a value, as far as its shape tells."""
        if isinstance(value, Raw | Fill):
            size = len(value.data) if isinstance(value, Raw) else value.size
            found: list[Type] = [one for one in type.types if isinstance(one, BufferIn) and one.low <= size <= one.high]
            return found or [one for one in type.types if isinstance(one, Constant) and isinstance(one.value, Raw)
                             and len(one.value.data) == size]
        shapes = {Struct: StructOf, Ints: Numbers, Array: ArrayOf}
        wanted = shapes.get(value.__class__)
        alike = [one for one in type.types if wanted is not None and isinstance(one, wanted)]
        return alike if len(alike) == 1 else []

    def array(self, type: ArrayOf, value: Array, scope: Scope) -> Value:
        """An array with an item changed, inserted, repeated or removed."""
        items = value.items
        n = self.source.integer(0, max(0, len(items) - 1))
        if type.low < type.high and (not items or self.source.chance(40)):
            room = len(items) < type.high + MORE
            kind = self.source.integer(0, 2) if items else 0
            if kind == 0 and room:
                item = type.item.draw(self.source, scope)
                return Array((*items[:n], item, *items[n:]))  # type: ignore[arg-type]
            if kind == 1 and room:
                return Array((*items[: n + 1], *items[n:]))
            if len(items) > type.low:
                return Array((*items[:n], *items[n + 1 :]))
        if not items:
            return type.draw(self.source, scope)
        item = self.value(type.item, items[n], scope)
        return Array((*items[:n], item, *items[n + 1 :]))  # type: ignore[arg-type]

    def sized(self, type: BufferIn, value: Raw | Fill) -> Raw | Fill:
        """Bytes of a type with a few of them changed, inserted or removed."""
        if isinstance(value, Fill) or self.source.chance(65):
            return self.data(value)
        data, at = value.data, self.source.integer(0, len(value.data))
        width = self.source.choice((1, 2, 4, 4, 8, 16))
        start = self.source.integer(0, max(0, len(data) - width))
        longer = data[:at] + data[start : start + width].ljust(width, b"\0") + data[at:]
        shorter = data[:at] + data[at + width :]
        fitting = [one for one in (longer, shorter) if type.low <= len(one) <= type.high]
        return Raw(self.source.choice(fitting)) if fitting else self.data(value)

    def struct(self, type: StructOf, value: Struct, scope: Scope) -> Value:
        """A structure with one field changed."""
        tag, types = scope.fields.get(type.name, (type.name, {}))
        layout = scope.layout(tag)
        inner = scope.within()
        inner.siblings.update(value.fields)
        present = dict(value.fields)
        if layout is None or layout.union or not present or value.name != tag.removeprefix("lkl_") \
                or foreign(layout, types, value):
            return type.draw(self.source, scope)
        names = [name for name in present if not isinstance(types.get(name), Len)]
        if not names:
            return type.draw(self.source, scope)
        name = self.source.choice(names)
        field = layout.field(name)
        wanted = types.get(name) or by_type(field.type)
        if wanted is None:
            return type.draw(self.source, scope)
        if field.type.kind == "int" and isinstance(present[name], int) and name not in types and plain(value) \
                and not measures(name):
            present[name] = self.number(int(present[name]), field.type.size)  # type: ignore[arg-type]
        else:
            present[name] = fit(self.value(wanted, present[name], inner), field.type)
        inner.siblings[name] = present[name]
        for other, length in types.items():
            if isinstance(length, Len) and length.of == name and other in present:
                present[other] = length.draw(self.source, inner)
        return Struct(value.name, tuple(present.items()))

    def numbers(self, type: Numbers, value: Ints, scope: Scope) -> Value:
        """Integers with one of them changed."""
        n = self.source.integer(0, len(value.values) - 1)
        item, before = type.items[n].draw(self.source, scope), value.values[n]
        if not self.bound and isinstance(before, int) and isinstance(item, int) and self.source.chance(40):
            item = self.number(before, value.width)
        return Ints(value.width, (*value.values[:n], item, *value.values[n + 1 :]))  # type: ignore[arg-type]

    def number(self, value: int, width: int) -> int:
        """A number near another one, or one that is often a limit."""
        bits = 8 * width
        kind = self.source.integer(0, 4)
        if kind == 4:
            value = self.source.choice(self.compared)
        elif kind == 0:
            value = self.source.choice(NUMBERS)
        elif kind == 1:
            value ^= 1 << self.source.integer(0, bits - 1)
        elif kind == 2:
            value += self.source.choice((1, -1, 2, -2, 8, -8, 16, 64))
        else:
            value = self.source.integer(0, (1 << bits) - 1)
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) and width == 8 else value

    def data(self, value: Raw | Fill) -> Raw | Fill:
        """Bytes of the same size, a few of them changed."""
        if isinstance(value, Fill):
            if not 0 < value.size <= MAX_BYTES:
                return Fill(value.size, self.source.integer(0, 255))
            value = Raw(bytes([value.byte]) * value.size)
        if not value.data:
            return value
        data = bytearray(value.data)
        for _ in range(self.source.integer(1, 3)):
            width = self.source.choice([width for width in (1, 2, 4, 8) if width <= len(data)])
            at = self.source.integer(0, len(data) - width)
            order: Sequence[str] = ("little", "big")
            before = int.from_bytes(data[at : at + width], "little")
            changed = self.number(before, width) & ((1 << 8 * width) - 1)
            data[at : at + width] = changed.to_bytes(width, self.source.choice(order))  # type: ignore[arg-type]
        return Raw(bytes(data))

    def anywhere(self, value: Value) -> Value:
        """Plain data with one leaf changed."""
        leaves = [leaf for leaf in walk(value) if isinstance(leaf, int | Raw)]
        if not leaves:
            return value
        at, seen = self.source.integer(0, len(leaves) - 1), -1

        def change(leaf: Value) -> Value:
            nonlocal seen
            if not isinstance(leaf, int | Raw):
                return leaf
            seen += 1
            if seen != at:
                return leaf
            return self.number(leaf, 4) if isinstance(leaf, int) else self.data(leaf)

        return rewrite(value, change)

    def swap(self, call: Call, variant: Variant) -> Call:
        """The call with one of its resources replaced by another of the same kinds."""
        wanted = [n for n, type in enumerate(variant.types[: len(call.args)]) if isinstance(type, Resource)]
        if not wanted:
            return call
        at = self.source.choice(wanted)
        value = call.args[at]
        if isinstance(value, ResourceRef):
            value = replace(value, nth=self.source.integer(0, 7))
        else:
            value = variant.types[at].draw(self.source, self._scope(call, variant))
        return replace(call, args=(*call.args[:at], value, *call.args[at + 1 :]))


def bound(call: Call, variant: Variant) -> bool:
    """Whether numbers behind a call's pointers may be lengths of buffers that the kernel fills, or addresses.

    The call may have no such buffer yet: another change gives it one, and the number stays.
    """
    return call.name == "ioctl" or any(map(fills, variant.types)) or any(
        isinstance(part, Out) for arg in call.args for part in walk(arg)
    )


def fills(type: Type) -> bool:
    """Whether a type may be a buffer that the kernel fills."""
    return isinstance(type, BufferOut) or (isinstance(type, Union) and any(map(fills, type.types)))


def foreign(layout: Layout, types: Mapping[str, Type], value: Struct) -> bool:
    """Whether another description has drawn a structure with pointers: these types do not know its lengths.

    A call that was read as text may have been drawn by another variant than the narrowest that it can be.
    """
    if not any(field.type.kind == "pointer" for field in layout.fields):
        return False
    return any(
        not types[name].accepts(inner) if name in types else layout.field(name).type.kind == "int"
        for name, inner in value.fields if isinstance(inner, int)
    )


def measures(name: str) -> bool:
    """Whether a field's name says that it is a length, perhaps that of the memory around it: `size`, `handle_bytes`."""
    return _MEASURES.search(name) is not None


def plain(value: Value) -> bool:
    """Whether a region holds data only: no address, no result, and nothing that the kernel fills."""
    return not any(isinstance(part, Pointer | Text | Ref | ResourceRef | Port | Out) for part in walk(value))
