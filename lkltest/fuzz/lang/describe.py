"""Describes the system calls of one kernel: the headers' signatures joined with the annotations."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from lkltest.errors import UsageError
from lkltest.fuzz.lang import headers as header_files
from lkltest.fuzz.lang import inference, notation
from lkltest.fuzz.lang.contract import NEEDS, UNKNOWN, Shape
from lkltest.fuzz.lang.headers import Headers, Signature
from lkltest.fuzz.lang.types import Choice, Flags, Len, Scope, Source, Type, Union, fit
from lkltest.fuzz.prog import resources
from lkltest.fuzz.prog.encode import Encoder
from lkltest.fuzz.prog.values import RETURN, Array, Call, Fill, Out, Pointer, Produces, Program, Value
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

ANNOTATIONS = Path(__file__).parent / "annotations"
IOCTL_ROOM = 512  # bytes: more than any request reads or writes
FILTERS = ("SO_ATTACH_FILTER", "SO_GET_FILTER")  # the same number; getsockopt() counts 8 bytes as one


@dataclass(frozen=True)
class Variant:
    """One way of making a system call: the call itself, or a variant with narrower arguments."""

    key: str  # "openat", "openat_create"
    signature: Signature
    types: tuple[Type, ...]
    produces: tuple[Produces, ...] = ()
    needs: int = 0  # bits of NEEDS
    weight: float = 1.0
    annotated: bool = False  # whether more is known of it than its C types

    def accepts(self, args: tuple[Value, ...]) -> bool:
        """Whether this variant could have drawn these arguments; only numbers and strings are checked."""
        return len(args) == len(self.types) and all(
            type.accepts(arg) for type, arg in zip(self.types, args, strict=True)
        )

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The order in which arguments are drawn: lengths after the buffers that they measure."""
        return tuple(sorted(range(len(self.types)), key=lambda n: isinstance(self.types[n], Len)))


@dataclass(frozen=True)
class Description:
    """All that can be called on one kernel."""

    headers: Headers
    variants: Mapping[str, Variant]  # by key; narrower ones before the call itself
    left_out: Mapping[str, str]  # why a call is never made
    fields: Mapping[str, tuple[str, Mapping[str, Type]]]  # annotated structures: tag, types by field
    shapes: Mapping[int, tuple[Shape, int]]  # what a call may return on success, by its number
    encoder: Encoder
    by_call: Mapping[str, tuple[Variant, ...]] = field(default_factory=dict)

    @cached_property
    def uniform(self) -> frozenset[str]:
        """The calls that produce the same resources in all their variants."""
        return frozenset(name for name, found in self.by_call.items() if len({v.produces for v in found}) == 1)

    def keys(self, patterns: Iterable[str]) -> list[str]:
        """The variants that any of the patterns names (* stands for any letters), as often as they do."""
        return [key for pattern in patterns for key in fnmatch.filter(self.variants, pattern)]

    def variant(self, name: str, args: tuple[Value, ...]) -> Variant:
        """The narrowest variant that a call can be; raises ValueError for a call that this kernel lacks."""
        if name not in self.by_call:
            reason = self.left_out.get(name, "this kernel has no such call")
            raise ValueError(f"cannot call {name}: {reason}")
        found = self.by_call[name]
        if len(args) != len(found[-1].types):
            raise ValueError(f"{name} takes {len(found[-1].types)} arguments, not {len(args)}")
        return next((v for v in found if v.accepts(args)), found[-1])

    def fits(self, call: Call) -> bool:
        """Whether one of the call's descriptions allows its numbers and strings."""
        return any(variant.accepts(call.args) for variant in self.by_call[call.name])

    def produces(self, name: str, args: tuple[Value, ...]) -> tuple[Produces, ...]:
        """The resources that a call produces."""
        return self.variant(name, args).produces

    def needs(self, program: Program) -> int:
        """The needs of a program in its sandbox: bits of NEEDS."""
        bits = 0
        for call in program.calls:
            bits |= self.variant(call.name, call.args).needs
        return bits

    def encode(self, program: Program) -> bytes:
        """Encode a program for the executor."""
        return self.encoder.program(program, self.needs(program))

    def draw(self, key: str, source: Source) -> Call:
        """Draw a call of a variant; its references to resources are still to be resolved."""
        variant = self.variants[key]
        scope = Scope({}, self.headers.struct, self.fields, self.encoder.size)
        arguments = variant.signature.arguments
        values: dict[int, Value] = {}
        for n in variant.order:
            value = fit(variant.types[n].draw(source, scope), arguments[n].type)
            if variant.signature.name == "ioctl":
                value = self.padded_ioctl(value)
            values[n] = scope.siblings[arguments[n].name] = value
        args = tuple(values[n] for n in range(len(arguments)))
        name = variant.signature.name
        return Call(name, args, variant.produces if name in self.uniform else self.produces(name, args))

    def padded_ioctl(self, value: Value) -> Value:
        """Make the target of an ioctl's pointer as long as any: on another descriptor it may be another structure."""
        if not isinstance(value, Pointer) or self.encoder.size(value.target) >= IOCTL_ROOM:
            return value
        if isinstance(value.target, Out):
            return Pointer(Out(IOCTL_ROOM))
        return Pointer(Array((value.target, Fill(IOCTL_ROOM - self.encoder.size(value.target), 0))))


@cache
def read_annotations() -> dict[str, dict[str, Any]]:
    """The annotated layer: its sections, joined over its files."""
    joined: dict[str, dict[str, Any]] = {}
    for path in sorted(ANNOTATIONS.glob("*.toml")):
        for section, entries in tomllib.loads(path.read_text(encoding="utf-8")).items():
            joined.setdefault(section, {}).update(entries)
    return joined


def wanted(data: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The constants that the annotations name."""
    names: set[str] = set()

    def visit(value: object) -> None:
        if isinstance(value, str):
            names.update(notation.constants(value))
        elif isinstance(value, Mapping):
            for inner in value.values():
                visit(inner)

    for section in ("types", "structs", "calls", "options"):
        visit(data.get(section, {}))
    return names | set(data.get("options", {}))


def describe(liblkl: Liblkl, settings: Settings) -> Description:
    """Describe a kernel's calls. Raises BuildError or UsageError where its headers cannot be read."""
    data = read_annotations()
    extra = header_files.Extra(data["constants"], data["definitions"], data["undeclared"])
    return join(header_files.read(liblkl, settings, wanted(data), extra), data)


def join(headers: Headers, data: Mapping[str, Mapping[str, Any]]) -> Description:
    """Join the headers' signatures with the annotations."""
    reader = notation.Reader(headers.constants, data["types"])
    fields = {
        name: (entry.get("of", name), {key: reader.read(text) for key, text in entry.items() if key != "of"})
        for name, entry in data["structs"].items()
    }
    calls = {**data["calls"], **options(data.get("options", {}))}
    variants: dict[str, Variant] = {}
    shapes: dict[int, tuple[Shape, int]] = {}
    for key, entry in sorted(calls.items(), key=lambda item: "of" not in item[1]):
        signature = headers.calls.get(entry.get("of", key))
        if signature is not None and signature.name not in data["left_out"]:
            variants[key] = _described(key, signature, entry, reader)
            if "success" in entry:
                shapes[signature.number] = _shape(signature, entry["success"])
    for name, signature in headers.calls.items():
        if name not in variants and name not in data["left_out"]:
            variants[name] = _described(name, signature, {}, reader)
    by_call: dict[str, list[Variant]] = {}
    for variant in variants.values():
        by_call.setdefault(variant.signature.name, []).append(variant)
    return Description(
        headers=headers,
        variants=variants,
        left_out={n: reason for n, reason in data["left_out"].items() if n in headers.calls},
        fields=fields,
        shapes=shapes,
        encoder=Encoder(headers, resources.NUMBERS),
        by_call={name: tuple(found) for name, found in by_call.items()},
    )


def _described(key: str, signature: Signature, entry: Mapping[str, Any], reader: notation.Reader) -> Variant:
    names = [argument.name for argument in signature.arguments]
    unknown = set(entry) - set(names) - {"of", "produces", "needs", "weight", "success"}
    if unknown and "of" not in entry and len(unknown) == len(set(entry) - {"produces", "needs", "weight", "success"}):
        raise UsageError(f"annotation of {key}: it has no argument {', '.join(sorted(unknown))} but {', '.join(names)}")
    # A call without an annotation may do anything to its task: it gets a task and mounts of its own.
    stranger = not entry and bool(signature.arguments)
    produces = "same" if stranger and inference.OPENERS.fullmatch(signature.name) else ""
    types = []
    for n, argument in enumerate(signature.arguments):
        text = entry.get(argument.name)
        types.append(
            reader.read(text) if text is not None else inference.infer(signature, n, reader, known=bool(entry))
        )
    return Variant(
        key=key,
        signature=signature,
        types=tuple(types),
        produces=tuple(_produces(word) for word in entry.get("produces", produces).split()),
        needs=UNKNOWN if stranger else sum(NEEDS[word] for word in entry.get("needs", "").split()),
        weight=float(entry.get("weight", 1.0)),
        annotated=bool(entry),
    )


def _produces(word: str) -> Produces:
    """Read "file" (the return value) or "pipe_r@0:4:4" (argument, offset, width)."""
    kind, _, place = word.partition("@")
    if not place:
        return Produces(kind, RETURN)
    return Produces(kind, *(int(number) for number in place.split(":")))


def _shape(signature: Signature, text: str) -> tuple[Shape, int]:
    if text == "zero":
        return Shape.ZERO, 0
    name = text.removeprefix("at_most(").removesuffix(")")
    for n, argument in enumerate(signature.arguments):
        if argument.name == name:
            return Shape.AT_MOST, n
    return Shape.ANY, 0  # this kernel calls the argument by another name


def options(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """The annotations of setsockopt() and getsockopt() for each option of a table."""
    found: dict[str, dict[str, str]] = {}

    def add(level: str, fd: str, names: str, value: str) -> None:
        for name in dict.fromkeys(names.split()):
            base = {"fd": fd, "level": f"const({level})", "optname": f"const({name})"}
            key = f"setsockopt_{level}_{name}"
            odds = names.split().count(name) / 2
            found[key] = base | {"of": "setsockopt", "optval": value, "optlen": "size(optval)", "weight": str(odds)}
            found[f"get{key[3:]}"] = base | {
                "of": "getsockopt", "optval": "out(1024, 1100)" if name in FILTERS else "out(128, 300)",
                "optlen": "&ints(4, one(0, 1, 4, 8, 64, 128))", "weight": "0.2",
            }

    for level, entry in table.items():
        fd = entry["fd"]
        add(level, fd, entry.get("int", ""), "&ints(4, one(0, 1, 1, -1, 2, 3, 8, 100, 1500, 65536, 0x7fffffff))")
        add(level, fd, entry.get("text", ""), "text('lo', 'cubic', 'reno', 'sit0', '', 'nopenopenopenopenope')")
        add(level, fd, entry.get("bytes", ""), "any(data(0, 64), raw('3a0001000502000000'), ints(4, one(0, 1), "
            "one(0, 1), one(0, 1, -1), one(0, 1, 0x10000000), one(0, 2, 10)), raw('0706047f00000100'), "
            "raw('4424050300000000000000007f000001000000007f000001000000007f00000100000000'), raw('440c050100000000'), "
            "raw('8307047f00000100'), raw('8907047f00000100'), raw('94040000'), raw('8606000000000000'), "
            "raw('00020100000000000000000000000000000000000000000001'), raw('890305'), fill(0, 300))")
        for name, names in entry.get("struct", {}).items():
            add(level, fd, names, f"&struct({name})")
    return found


def names(type: Type) -> tuple[str, ...]:
    """The constants that a type's numbers are known by."""
    if isinstance(type, (Choice, Flags)):
        return type.names
    if isinstance(type, Union):
        return tuple(name for inner in type.types for name in names(inner))
    return ()
