"""Programs of system calls as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

RETURN = 255  # the source of a result: the return value, otherwise the number of an argument


@dataclass(frozen=True, slots=True)
class Ref:
    """A result of an earlier call, by its number in the program."""

    index: int


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """A reference to a resource: the `nth` last result of the kinds in a bit mask, or `default` where there is none."""

    kinds: int
    nth: int
    default: int = -1


@dataclass(frozen=True, slots=True)
class Port:
    """A port that only this program uses, in network byte order."""

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
    """A buffer that the kernel fills."""

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
Value = int | Ref | ResourceRef | Port | Text | Pointer | Region  # an argument of a call


@dataclass(frozen=True, slots=True)
class Produces:
    """A resource that a call produces for later calls."""

    kind: str  # "file", "tcp", "timer"
    source: int = RETURN  # or the argument that points to it
    offset: int = 0  # in bytes, from where the argument points to
    width: int = 8  # bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One system call with its arguments."""

    name: str
    args: tuple[Value, ...]
    produces: tuple[Produces, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A sequence of calls; later calls may use the results of earlier ones."""

    calls: tuple[Call, ...]
