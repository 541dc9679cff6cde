"""Changes one argument of a call, at one place, within its description.

LKL has no MMU: the kernel takes a wrong pointer for a right one. So a changed call is one that the generator could have
drawn, but for the contents of plain data: bytes, and integers of structures without pointers, may be anything. Two
rules keep it so: a pointer stays one, and a length is measured again where the buffer that it measures has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang.describe import Description, Variant
from lkltest.fuzz.lang.types import (
    ArrayOf,
    BufferIn,
    Build,
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
MAX_BYTES = 256  # of a run of one byte that becomes bytes of its own


class Arguments:
    """Changes arguments of the calls of one kernel."""

    def __init__(self, description: Description, source: Random) -> None:
        self.description = description
        self.source = source

    def change(self, call: Call, variant: Variant) -> Call:
        """The call with one of its arguments changed; the call itself where it has none that can be."""
        if not call.args or len(call.args) != len(variant.types):
            return call
        wanted = [n for n, type in enumerate(variant.types) if not isinstance(type, Len)]
        if not wanted:
            return call
        at = self.source.choice(wanted)
        scope = self._scope(call, variant)
        declared = variant.signature.arguments[at].type
        value = fit(self.value(variant.types[at], call.args[at], scope), declared)
        if variant.signature.name == "ioctl":
            value = self.description.padded_ioctl(value)
        return self._measured(call, variant, at, value, scope)

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
                case ArrayOf(), Array() if inner.items:
                    n = self.source.integer(0, len(inner.items) - 1)
                    item = self.value(type.item, inner.items[n], scope)
                    return Array((*inner.items[:n], item, *inner.items[n + 1 :]))  # type: ignore[arg-type]
                case BufferIn(), Raw() | Fill():
                    return self.data(inner)
                case Build(), Raw() | Array() | Struct() | Ints() if plain(inner):
                    return self.anywhere(inner)
                case Union(), _ if fitting := self._alternatives(type, inner):
                    return self.value(self.source.choice(fitting), value, scope)
        return type.draw(self.source, scope)

    def _alternatives(self, type: Union, value: Value) -> list[Type]:
        """The types of a union that could have made a value, as far as its shape tells."""
        shapes = {Struct: StructOf, Ints: Numbers, Raw: BufferIn, Fill: BufferIn, Array: ArrayOf}
        wanted = shapes.get(value.__class__)
        found = [one for one in type.types if wanted is not None and isinstance(one, wanted)]
        return found if len(found) == 1 else []

    def struct(self, type: StructOf, value: Struct, scope: Scope) -> Value:
        """A structure with one field changed."""
        tag, types = scope.fields.get(type.name, (type.name, {}))
        layout = scope.layout(tag)
        inner = scope.within()
        inner.siblings.update(value.fields)
        present = dict(value.fields)
        if layout is None or layout.union or not present or value.name != tag.removeprefix("lkl_"):
            return type.draw(self.source, scope)
        names = [name for name in present if not isinstance(types.get(name), Len)]
        if not names:
            return type.draw(self.source, scope)
        name = self.source.choice(names)
        field = layout.field(name)
        wanted = types.get(name) or by_type(field.type)
        if field.type.kind == "pointer" or wanted is None:
            return type.draw(self.source, scope)
        if field.type.kind == "int" and isinstance(present[name], int) and name not in types and plain(value):
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
        item = type.items[n].draw(self.source, scope)
        return Ints(value.width, (*value.values[:n], item, *value.values[n + 1 :]))  # type: ignore[arg-type]

    def number(self, value: int, width: int) -> int:
        """A number near another one, or one that is often a limit."""
        bits = 8 * width
        kind = self.source.integer(0, 3)
        if kind == 0:
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


def plain(value: Value) -> bool:
    """Whether a region holds data only: no address, no result, and nothing that the kernel fills."""
    return not any(isinstance(part, Pointer | Text | Ref | ResourceRef | Port | Out) for part in walk(value))
