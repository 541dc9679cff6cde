"""Reads the language of the annotations: the right sides in annotations/*.toml.

A notation is one of these; N is a number or a constant of the headers, `&` before a notation is only for readers:

    N, null                      always this number, 0
    one(N, ...), const(N)        one of the numbers
    flags([N, ...], N, N!, ...)  one of the bases in the list (without a list 0) and some of the bits; N! is always set
    int(N, N)                    a number of a range, most often an end
    fd(KIND, ...), dirfd         a descriptor: of some kinds, of any; of a directory, mostly AT_FDCWD
    res(KIND, ...)               a result of some kinds that is no descriptor, such as a timer
    nth(N, KIND, ...)            the Nth last result of some kinds
    port(N)                      a port that only this program uses
    text('...', ...)             one of some strings
    data(N, N), out(N, N)        a buffer that the kernel reads, or writes, its size from a range
    fill(BYTE, N), raw('hex')    always the same bytes
    page('...')                  a string, filled up with zeroes to a page
    ints(WIDTH, NOTATION, ...)   integers of a width in bytes
    padded(N, NOTATION)          a buffer with zeroes behind it, up to N bytes
    struct(NAME)                 a structure of [structs], or of the headers
    array(NAME, N, N)            some structures, their count from a range
    size(ARGUMENT)               the length of another argument's buffer in bytes
    count(ARGUMENT[, UNIT])      its items; with a structure's name or a number of bytes, in units of that size
    any(NOTATION, ...)           one of some notations
    netlink, control             messages of rtnetlink, control messages of sendmsg()
    NAME                         a notation of [types]
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from lkltest.errors import UsageError
from lkltest.fuzz.lang import netlink
from lkltest.fuzz.lang.types import (
    ArrayOf,
    BufferIn,
    BufferOut,
    Build,
    Choice,
    Constant,
    Flags,
    Integer,
    Len,
    Numbers,
    Padded,
    Proc,
    Resource,
    Strings,
    StructOf,
    Type,
    Union,
)
from lkltest.fuzz.prog import resources
from lkltest.fuzz.prog.values import Array, Fill, Raw

AT_FDCWD = -100
PAGE = 4096  # bytes that mount(2) copies of its options, however short they are
CONSTANT = re.compile(r"\b[A-Z][A-Z0-9_]*\b")
STRINGS = re.compile(r"'[^']*'")


def constants(text: str) -> set[str]:
    """The constants of the headers that a notation names."""
    return set(CONSTANT.findall(STRINGS.sub("", text)))


class Reader:
    """Reads notations for one kernel, whose headers give the constants' values."""

    def __init__(self, constants: Mapping[str, int], named: Mapping[str, str]) -> None:
        self.constants = constants
        self.named = named
        self.read_already: dict[str, Type] = {}

    def read(self, text: str) -> Type:
        """The type that a notation describes; raises UsageError where it makes no sense."""
        if text not in self.read_already:
            prepared = re.sub(r"(\w+)!", r"always(\1)", text.replace("&", ""))
            try:
                self.read_already[text] = self.type(ast.parse(prepared, mode="eval").body)
            except (SyntaxError, ValueError, TypeError, KeyError, IndexError) as error:
                raise UsageError(f"annotation {text!r}: {error}") from None
        return self.read_already[text]

    def type(self, node: ast.expr) -> Type:
        """The type of an expression."""
        match node:
            case ast.Name(name) if name in WORDS:
                return WORDS[name]
            case ast.Name(name) if name in self.named:
                return self.read(self.named[name])
            case ast.Call(ast.Name(name), arguments):
                return self.shape(name, arguments)
        return Choice((self.number(node),))

    def shape(self, name: str, arguments: list[ast.expr]) -> Type:
        """The type that a function of the language makes."""
        match name:
            case "fd" | "res":
                return Resource(resources.mask(tuple(_name(a) for a in arguments)), -1 if name == "fd" else 0)
            case "nth":
                kinds = resources.mask(tuple(_name(a) for a in arguments[1:]))
                return Resource(kinds, -1, nth=self.number(arguments[0]))
            case "one" | "const":
                return Choice(self.numbers(arguments), _names(arguments))
            case "flags":
                return self.flags(arguments)
            case "int":
                return Integer(*self.numbers(arguments))
            case "data" | "out":
                low, high = (*self.numbers(arguments), *self.numbers(arguments))[:2]
                return (BufferIn if name == "data" else BufferOut)(low, high)
            case "fill":
                return Constant(Fill(self.number(arguments[1]), self.number(arguments[0])))
            case "text":
                return Strings(tuple(_string(a) for a in arguments))
            case "raw":
                return Constant(Raw(bytes.fromhex(_string(arguments[0]).decode())))
            case "page":
                text = _string(arguments[0])
                return Constant(Array((Raw(text), Fill(PAGE - len(text), 0))))
            case "ints":
                return Numbers(self.number(arguments[0]), tuple(self.type(a) for a in arguments[1:]))
            case "padded":
                return Padded(self.type(arguments[1]), self.number(arguments[0]))
            case "size":
                return Len(_name(arguments[0]))
            case "count":
                return Len(_name(arguments[0]), self.unit(arguments[1]) if arguments[1:] else 0)
            case "port":
                return Proc(self.number(arguments[0]))
            case "struct":
                return StructOf(_name(arguments[0]))
            case "array":
                low, high = self.numbers(arguments[1:])
                return ArrayOf(StructOf(_name(arguments[0])), low, high)
            case "any":
                return Union(tuple(self.type(a) for a in arguments))
        raise ValueError(f"no {name}() in the language")

    def flags(self, arguments: list[ast.expr]) -> Flags:
        """Read some bases in a list, then bits; a bit that is marked with ! is always set."""
        bases: tuple[int, ...] = (0,)
        if isinstance(arguments[0], ast.List):
            bases = self.numbers(arguments[0].elts)
        bits, always = [], 0
        for node in arguments[1:] if isinstance(arguments[0], ast.List) else arguments:
            match node:
                case ast.Call(ast.Name("always"), [inner]):
                    always |= self.number(inner)
                case _:
                    bits.append(self.number(node))
        return Flags(bases, tuple(bits), always, tuple(sorted(set(_names(arguments)))))

    def unit(self, node: ast.expr) -> str | int:
        """A structure's name or a number of bytes."""
        return _name(node) if isinstance(node, ast.Name) else self.number(node)

    def numbers(self, nodes: list[ast.expr]) -> tuple[int, ...]:
        """The numbers that these expressions stand for; constants that this kernel lacks are left out."""
        found = [n for n in (self.value(node) for node in nodes) if n is not None]
        return tuple(found) or (0,)

    def number(self, node: ast.expr) -> int:
        """A number; that of a constant that the kernel lacks is 0."""
        return self.value(node) or 0

    def value(self, node: ast.expr) -> int | None:
        """A number, or a constant's value."""
        match node:
            case ast.Name(name):
                return self.constants.get(name)
            case ast.Constant(int(number)):
                return number
            case ast.UnaryOp(ast.USub(), inner):
                return -(self.value(inner) or 0)
        raise ValueError(f"a number is expected, not {ast.unparse(node)}")


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    raise ValueError(f"a name is expected, not {ast.unparse(node)}")


def _string(node: ast.expr) -> bytes:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.encode()
    raise ValueError(f"a string is expected, not {ast.unparse(node)}")


def _names(nodes: list[ast.expr]) -> tuple[str, ...]:
    """The constants' names within expressions."""
    found: list[str] = []
    for node in nodes:
        found += [
            inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and CONSTANT.fullmatch(inner.id)
        ]
    return tuple(found)


WORDS: dict[str, Type] = {
    "null": Choice((0,)),
    "dirfd": Resource(resources.mask(("dir",)), AT_FDCWD, odds=70),
    "netlink": Build(netlink.netlink),
    "control": Build(netlink.control),
}
