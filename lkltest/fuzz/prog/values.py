"""Programs of system calls as frozen values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

RETURN = 255  # where a result comes from: the call's return value, otherwise the number of an argument


@dataclass(frozen=True, slots=True)
class Ref:
    """A result of an earlier call, by its number in the program."""

    index: int


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """A result still to be bound: the `nth` last of the kinds in a bit mask, `default` where there is none."""

    kinds: int
    nth: int
    default: int = -1


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the program's own, its bytes as the network orders them, which no program before it has taken."""

    nth: int


@dataclass(frozen=True, slots=True)
class Text:
    """A pointer to a NUL-terminated string; `data` is without its NUL."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that the kernel reads."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Fill:
    """A run of one byte."""

    size: int
    byte: int


@dataclass(frozen=True, slots=True)
class Out:
    """Room, in bytes, that the kernel fills."""

    size: int


@dataclass(frozen=True, slots=True)
class Ints:
    """Integers of `width` bytes each."""

    width: int
    values: tuple[int | Ref | ResourceRef, ...]


@dataclass(frozen=True, slots=True)
class Struct:
    """A structure of the library's headers; fields that are not named are zero."""

    name: str  # without "lkl_"
    fields: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Array:
    """Regions one after the other, without gaps."""

    items: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Pointer:
    """The address of a region of its own."""

    target: Region


Region = Raw | Fill | Out | Ints | Struct | Array
Value = int | Ref | ResourceRef | Port | Text | Pointer | Region


@dataclass(frozen=True, slots=True)
class Produces:
    """One result that a call leaves for later calls."""

    kind: str  # "file", "tcp", "timer"
    source: int = RETURN  # or the argument that points to it
    offset: int = 0  # bytes into what the argument points to
    width: int = 8  # bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One system call with its arguments."""

    name: str
    args: tuple[Value, ...]
    produces: tuple[Produces, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A sequence of calls, of which later ones use the results of earlier ones."""

    calls: tuple[Call, ...]


def scalars(value: Value) -> Iterator[int | Ref | ResourceRef]:
    """Every number, reference and pick within a value."""
    match value:
        case int() | Ref() | ResourceRef():
            yield value
        case Pointer(target):
            yield from scalars(target)
        case Ints(_, values):
            yield from values
        case Struct(_, fields):
            for _, field in fields:
                yield from scalars(field)
        case Array(items):
            for item in items:
                yield from scalars(item)


def references(call: Call) -> set[int]:
    """The numbers of the results that a call uses."""
    return {scalar.index for arg in call.args for scalar in scalars(arg) if isinstance(scalar, Ref)}


def rebind(value: Value, numbers: dict[int, int]) -> Value:
    """Give references other numbers; one that `bind` lacks becomes -1."""
    match value:
        case Ref(index):
            return Ref(numbers[index]) if index in numbers else -1
        case Pointer(target):
            return Pointer(rebind(target, numbers))  # type: ignore[arg-type]
        case Ints(width, values):
            return Ints(width, tuple(rebind(v, numbers) for v in values))  # type: ignore[misc]
        case Struct(name, fields):
            return Struct(name, tuple((key, rebind(field, numbers)) for key, field in fields))
        case Array(items):
            return Array(tuple(rebind(item, numbers) for item in items))  # type: ignore[misc]
    return value


def keep(program: Program, wanted: list[int]) -> Program:
    """The program with only the calls at `wanted`, in that order, references renumbered."""
    starts: list[int] = []
    total = 0
    for call in program.calls:
        starts.append(total)
        total += len(call.produces)
    numbers: dict[int, int] = {}
    calls = []
    for index in wanted:
        call = program.calls[index]
        calls.append(replace(call, args=tuple(rebind(arg, numbers) for arg in call.args)))
        for n in range(len(call.produces)):
            numbers[starts[index] + n] = len(numbers)
    return Program(tuple(calls))


def joined(programs: Sequence[Program]) -> Program:
    """One program that makes the calls of all."""
    calls: list[Call] = []
    made = 0
    for program in programs:
        numbers = {n: made + n for n in range(sum(len(call.produces) for call in program.calls))}
        calls += [replace(call, args=tuple(rebind(arg, numbers) for arg in call.args)) for call in program.calls]
        made += len(numbers)
    return Program(tuple(calls))
