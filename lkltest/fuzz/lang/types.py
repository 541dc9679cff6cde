"""Types of arguments: each draws values that make sense for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Protocol, TypeVar

from lkltest.fuzz.prog.ctype import CType, Layout
from lkltest.fuzz.prog.values import (
    Array,
    Fill,
    Ints,
    Out,
    Pointer,
    Port,
    Raw,
    Region,
    ResourceRef,
    Struct,
    Text,
    Value,
)

T = TypeVar("T")


class Source(Protocol):
    """A source of choices: a random generator, or Hypothesis."""

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""

    def integer(self, low: int, high: int) -> int:
        """A number from low to high, both included."""

    def chance(self, percent: int) -> bool:
        """True with this probability."""

    def bytes(self, size: int) -> bytes:
        """Bytes of any values."""


@dataclass(frozen=True)
class Scope:
    """The values drawn so far, and the layouts of structures."""

    siblings: dict[str, Value]  # arguments of the call, or fields of the structure, by name
    layout: Callable[[str], Layout | None]  # by tag, with or without lkl_
    fields: Mapping[str, tuple[str, Mapping[str, Type]]]  # of annotated structures: the tag, types by field name
    size: Callable[[Region], int]

    def within(self) -> Scope:
        """The scope inside a structure."""
        return Scope({}, self.layout, self.fields, self.size)


class Type(ABC):
    """A type of an argument or of a field."""

    @abstractmethod
    def draw(self, source: Source, scope: Scope) -> Value:
        """Make a value; a region stands for a pointer to it wherever a pointer is wanted."""

    def accepts(self, value: Value) -> bool:
        """Whether this type could have drawn a value; only numbers and strings are checked."""
        return True


@dataclass(frozen=True)
class Choice(Type):
    """One of some numbers."""

    numbers: tuple[int, ...]
    names: tuple[str, ...] = ()

    def draw(self, source: Source, scope: Scope) -> Value:
        """One of the numbers."""
        return source.choice(self.numbers)

    def accepts(self, value: Value) -> bool:
        """Whether it is one of the numbers."""
        return not isinstance(value, int) or value in self.numbers


@dataclass(frozen=True)
class Flags(Type):
    """One of some bases, and any few of some bits."""

    bases: tuple[int, ...]
    bits: tuple[int, ...]
    always: int  # bits that are always set
    names: tuple[str, ...] = ()

    def draw(self, source: Source, scope: Scope) -> Value:
        """Join a base and up to three bits."""
        value = source.choice(self.bases) | self.always
        for _ in range(source.integer(0, 3) if self.bits else 0):
            value |= source.choice(self.bits)
        return value

    @cached_property
    def known(self) -> int:
        """All bits that there are."""
        return reduce(or_, (*self.bases, *self.bits), self.always)

    def accepts(self, value: Value) -> bool:
        """Whether it has all bits of `always`, and no bits but those of the flags."""
        return not isinstance(value, int) or (value & ~self.known == 0 and value & self.always == self.always)


@dataclass(frozen=True)
class Integer(Type):
    """A number in a range, most often at one of its ends."""

    low: int
    high: int

    def draw(self, source: Source, scope: Scope) -> Value:
        """A number of the range."""
        if source.chance(20):
            return source.choice((self.low, self.high))
        return source.integer(self.low, self.high)


@dataclass(frozen=True)
class Resource(Type):
    """A result of an earlier call, such as a descriptor."""

    kinds: int  # bit mask
    default: int
    odds: int = 0  # percent of cases in which the default is taken anyway
    nth: int = -1  # always the nth last; -1 leaves it open

    def draw(self, source: Source, scope: Scope) -> Value:
        """Most often the last result of the kind."""
        if self.odds and source.chance(self.odds):
            return self.default
        nth = self.nth if self.nth >= 0 else source.integer(0, 3) if source.chance(35) else 0
        return ResourceRef(self.kinds, nth, self.default)


@dataclass(frozen=True)
class Proc(Type):
    """A port that only this program uses."""

    nth: int

    def draw(self, source: Source, scope: Scope) -> Value:
        """Always the same one."""
        return Port(self.nth)


@dataclass(frozen=True)
class Strings(Type):
    """One of some strings."""

    choices: tuple[bytes, ...]

    def draw(self, source: Source, scope: Scope) -> Value:
        """One of the strings."""
        return Text(source.choice(self.choices))

    def accepts(self, value: Value) -> bool:
        """Whether it is one of the strings."""
        return not isinstance(value, Text) or value.data in self.choices


@dataclass(frozen=True)
class BufferIn(Type):
    """Bytes that the kernel reads."""

    low: int
    high: int

    def draw(self, source: Source, scope: Scope) -> Value:
        """Few bytes at random, more as a run of one byte."""
        size = source.integer(self.low, self.high)
        if size <= 64 and source.chance(70):
            return Raw(source.bytes(size))
        return Fill(size, source.choice((0, 0x61, 0xFF, 10)))


@dataclass(frozen=True)
class BufferOut(Type):
    """Bytes that the kernel writes."""

    low: int
    high: int

    def draw(self, source: Source, scope: Scope) -> Value:
        """A buffer of some size."""
        return Out(source.integer(self.low, self.high))


@dataclass(frozen=True)
class Constant(Type):
    """Always the same bytes."""

    value: Region

    def draw(self, source: Source, scope: Scope) -> Value:
        """The bytes."""
        return self.value


@dataclass(frozen=True)
class Numbers(Type):
    """Integers one after the other."""

    width: int
    items: tuple[Type, ...]

    def draw(self, source: Source, scope: Scope) -> Value:
        """Draw each of them."""
        drawn = tuple(item.draw(source, scope) for item in self.items)
        return Ints(self.width, drawn)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Len(Type):
    """The length of the buffer of a sibling: exact, or less, but never more."""

    of: str
    unit: str | int = 1  # bytes, or a structure's name; 0 counts elements

    def draw(self, source: Source, scope: Scope) -> Value:
        """The exact length, sometimes less."""
        size = self._measure(scope.siblings.get(self.of, 0), scope)
        return source.integer(0, size) if size and source.chance(8) else size

    def _measure(self, value: Value, scope: Scope) -> int:
        if isinstance(value, Text):
            return len(value.data) + 1
        region = value.target if isinstance(value, Pointer) else value
        if isinstance(region, Array) and self.unit == 0:
            return len(region.items)
        if isinstance(region, Ints) and self.unit == 0:
            return len(region.values)
        if not isinstance(region, (Raw, Fill, Out, Ints, Struct, Array)):
            return 0
        unit = self.unit
        if isinstance(unit, str):
            layout = scope.layout(unit)
            unit = layout.size if layout else 1
        return scope.size(region) // (unit or 1)


@dataclass(frozen=True)
class StructOf(Type):
    """A structure of the headers."""

    name: str  # in the annotations, or a tag

    def draw(self, source: Source, scope: Scope) -> Value:
        """Draw the fields; those without an annotation by their C types."""
        tag, types = scope.fields.get(self.name, (self.name, {}))
        layout = scope.layout(tag)
        if layout is None:
            return Out(128)
        inner = scope.within()
        pointers = any(field.type.kind == "pointer" for field in layout.fields)
        found: list[tuple[str, Value]] = []
        # Lengths come last: they measure fields before or behind them.
        for late in (False, True):
            for field in layout.fields:
                if layout.union and types and field.name not in types:
                    continue
                type = types.get(field.name) or (UNKNOWN if field.type.kind == "pointer" else by_type(field.type))
                if type is None or isinstance(type, Len) is not late:
                    continue
                if pointers and field.type.kind == "int" and field.name not in types:
                    continue  # it might be the length of a pointer's target
                value = fit(type.draw(source, inner), field.type)
                inner.siblings[field.name] = value
                if value != 0:
                    found.append((field.name, value))
            if layout.union:
                found = found[:1]
        return Struct(tag.removeprefix("lkl_"), tuple(found))


@dataclass(frozen=True)
class ArrayOf(Type):
    """Some structures one after the other."""

    item: Type
    low: int
    high: int

    def draw(self, source: Source, scope: Scope) -> Value:
        """Draw some items."""
        count = source.integer(self.low, self.high)
        return Array(tuple(self.item.draw(source, scope) for _ in range(count)))  # type: ignore[misc]


@dataclass(frozen=True)
class Padded(Type):
    """A region with zeroes behind it, up to a size."""

    item: Type
    size: int  # bytes

    def draw(self, source: Source, scope: Scope) -> Value:
        """Draw the item, and fill up with zeroes."""
        value = self.item.draw(source, scope)
        assert isinstance(value, (Raw, Fill, Out, Ints, Struct, Array))
        return Array((value, Fill(max(0, self.size - scope.size(value)), 0)))


@dataclass(frozen=True)
class Union(Type):
    """One of several types."""

    types: tuple[Type, ...]

    def draw(self, source: Source, scope: Scope) -> Value:
        """Draw from one of them."""
        return source.choice(self.types).draw(source, scope)


@dataclass(frozen=True)
class Build(Type):
    """Values that a function makes, such as netlink messages."""

    make: Callable[[Source, Scope], Value]

    def draw(self, source: Source, scope: Scope) -> Value:
        """Call the function."""
        return self.make(source, scope)


def fit(value: Value, type: CType) -> Value:
    """A region stands in a structure where the field is one, behind a pointer elsewhere."""
    if isinstance(value, (Raw, Fill, Out, Ints, Struct, Array)) and type.kind in ("pointer", "int"):
        return Pointer(value)
    return value


# The target of a pointer without a known type: LKL would take a null pointer for valid.
UNKNOWN = BufferOut(4096, 4096)
INTERESTING = (0, 0, 0, 0, 1, 1, 2, 3, 4, 8, 16, 100, 255, -1)


def by_type(type: CType) -> Type | None:
    """The type of a field or argument whose C type alone is known; None leaves it zero."""
    if type.kind == "int":
        edges = (1 << (8 * type.size - 1)) - 1
        return Choice((*INTERESTING, edges, -edges - 1) if type.size < 8 else INTERESTING)
    if type.kind == "struct":
        return StructOf(type.name)
    return None
