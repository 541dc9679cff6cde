"""Finds the smallest program that still fails.

`minimize` repeats two passes until neither changes the program, or until the deadline has passed:

1. `remove_calls` drops calls. It tries the program without its last half, then without the half before; then without
   each quarter, each eighth, and so on, down to single calls, always from the end to the beginning: later calls use
   results of earlier ones, so that the end can go first. What is left contains no single call that could be dropped.
   The references to results of dropped calls become -1, the others are renumbered (`prog.edit.keep`).
2. `simplify_arguments` goes through the calls, the last one first, and tries the simpler forms of each:
   a shorter buffer together with the argument that says its length, an earlier result, zero, a number with one bit
   less, zero bytes, a structure with one field less (`simpler_calls`). After a success it goes on with the
   simpler forms of the new call, but skips the first ones: as many as were tried without success.

Both passes only ask `fails(candidate)`, and keep a candidate only if it fails; so the result fails as surely as the
last answer was right. `minimize` remembers the candidates that did not fail, since the passes meet them again.

A candidate is never one that the generator could not have made. Otherwise a simpler program could crash the kernel by
a fault of its own: LKL has no MMU, and writes wherever a pointer leads. Three rules keep that from happening:

- a pointer stays a pointer, and the region behind it keeps its size unless its length is changed with it;
- an argument is changed only within its description, if the call was within its description before: `ioctl` with
  another command would take another structure than the one that is there;
- a result is replaced only by an earlier result of the same sort.

`minimize_list` is the search of the first pass, delta debugging on any list. `repro.repro` uses it for the list of
programs that a kernel ran before it failed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.lang.types import BufferIn, BufferOut, Len
from lkltest.fuzz.prog import resources
from lkltest.fuzz.prog.edit import keep
from lkltest.fuzz.prog.values import (
    Array,
    Call,
    Fill,
    Ints,
    Out,
    Pointer,
    Program,
    Raw,
    Ref,
    Region,
    ResourceRef,
    Struct,
    Text,
    Value,
)
from lkltest.fuzz.prog.visit import variants, walk

T = TypeVar("T")
Earlier = Mapping[int, Sequence[int]]  # for the number of each result, the earlier results of the same sort


class SearchDeadline:
    """The instant at which a search ends with what it has found."""

    def __init__(self, seconds: float, stop: threading.Event | None = None) -> None:
        """The deadline is `seconds` from now, or when `stop` is set if that is earlier."""
        self.until = time.monotonic() + seconds
        self.stop = stop

    def passed(self) -> bool:
        """Whether the search must end."""
        return time.monotonic() > self.until or (self.stop is not None and self.stop.is_set())


def minimize_list(items: Sequence[T], fails: Callable[[list[T]], bool], deadline: SearchDeadline) -> list[T]:
    """Find a sublist that still fails, and of which no single item can be dropped; halves are dropped first."""
    kept = list(items)
    size = max(1, len(kept) // 2)
    while True:
        before = len(kept)
        at = before
        while at > 0 and not deadline.passed():
            start = max(0, at - size)
            candidate = kept[:start] + kept[at:]
            if candidate and fails(candidate):
                kept = candidate
            at = start
        if deadline.passed() or (size == 1 and len(kept) == before):
            return kept
        size = max(1, size // 2)


def minimize(
    program: Program, description: Description, fails: Callable[[Program], bool], deadline: SearchDeadline
) -> Program:
    """Find the smallest program that still fails; the module explains how."""
    harmless: set[Program] = set()

    def still(candidate: Program) -> bool:
        if candidate not in harmless and not fails(candidate):
            harmless.add(candidate)
        return candidate not in harmless

    while True:
        before = program
        program = simplify_arguments(remove_calls(program, still, deadline), description, still, deadline)
        if program == before or deadline.passed():
            return program


def remove_calls(program: Program, fails: Callable[[Program], bool], deadline: SearchDeadline) -> Program:
    """Drop the calls that the failure does not need."""
    indexes = range(len(program.calls))
    return keep(program, minimize_list(indexes, lambda chosen: fails(keep(program, chosen)), deadline))


def simplify_arguments(
    program: Program, description: Description, fails: Callable[[Program], bool], deadline: SearchDeadline
) -> Program:
    """Make arguments simpler, as far as the descriptions of their calls allow it."""
    for index in reversed(range(len(program.calls))):
        refused = 0  # candidates of this call that did not fail
        while not deadline.passed():
            candidates = simpler_calls(program, index, description)
            call = next(islice(candidates, refused, None), None)
            if call is None:
                break
            candidate = Program((*program.calls[:index], call, *program.calls[index + 1 :]))
            if fails(candidate):
                program = candidate
            else:
                refused += 1
    return program


def simpler_calls(program: Program, index: int, description: Description) -> Iterator[Call]:
    """The simpler forms of one call of a program, each different at one place."""
    call = program.calls[index]
    earlier = earlier_results(program)
    # A number that was never meant for an argument might ask for another structure than the one that is there.
    strict = description.fits(call)
    for changed in (*shorter(call, description), *simpler_arguments(call, earlier)):
        if not strict or description.fits(changed):
            yield changed


def earlier_results(program: Program) -> Earlier:
    """For each result the earlier results of its sort: descriptors, timers, or addresses."""
    sorts = [
        "descriptor" if resources.NUMBERS[produced.kind] < resources.DESCRIPTORS else produced.kind
        for call in program.calls for produced in call.produces
    ]
    return {n: [m for m in range(n) if sorts[m] == sort] for n, sort in enumerate(sorts)}


def simpler_arguments(call: Call, earlier: Earlier) -> Iterator[Call]:
    """Calls with a simpler value of the same size in one argument."""
    for n, arg in enumerate(call.args):
        for value in simpler(arg, earlier):
            yield replace(call, args=(*call.args[:n], value, *call.args[n + 1 :]))


def shorter(call: Call, description: Description) -> Iterator[Call]:
    """Calls with a shorter buffer, and with the argument that says its length changed with it."""
    variant = description.by_call[call.name][-1]  # the call itself: the variants before it are narrower
    names = [argument.name for argument in variant.signature.arguments]
    for n, type in enumerate(variant.types):
        if not isinstance(type, Len) or type.unit != 1 or type.of not in names:
            continue
        at = names.index(type.of)
        buffer, room = call.args[at], variant.types[at]
        if not isinstance(buffer, Pointer) or not isinstance(room, (BufferIn, BufferOut)):
            continue
        size = description.encoder.size(buffer.target)
        for less in dict.fromkeys((room.low, 1, 2, 4, 8, size // 2)):
            if room.low <= less < size:
                args = list(call.args)
                args[at], args[n] = Pointer(_cut(buffer.target, less)), less
                yield replace(call, args=tuple(args))


def _cut(region: Region, size: int) -> Region:
    match region:
        case Raw(data):
            return Raw(data[:size])
        case Fill(_, byte):
            return Fill(size, byte)
    return Out(size)


def simpler(value: Value, earlier: Earlier) -> Iterator[Value]:
    """Simpler values of the same size: earlier results, numbers nearer to zero, bytes of zero, fewer fields."""

    def of_node(node: Value) -> Iterator[Value]:
        match node:
            case int():
                yield from _smaller(node)
            case Ref(index):
                yield from map(Ref, earlier[index])
            case Pointer(target) if size := _plain(target):
                yield Pointer(Fill(size, 0))
            case Raw(data) if data:
                yield Fill(len(data), 0)
            case Fill(size, byte) if byte:
                yield Fill(size, 0)
            case Struct(name, fields):
                for n, (_, field) in enumerate(fields):
                    if not isinstance(field, (Pointer, Text)):
                        yield Struct(name, (*fields[:n], *fields[n + 1 :]))

    return variants(value, of_node)


def _plain(region: Region) -> int:
    """The bytes of a region that holds integers and bytes only; 0 where it holds more."""
    if not isinstance(region, (Ints, Array)):
        return 0
    size = 0
    for part in walk(region):
        match part:
            case Raw(data):
                size += len(data)
            case Fill(length):
                size += length
            case Ints(width, values):
                size += width * len(values)
            case int() | Ref() | ResourceRef() | Array():
                pass  # an array's size is that of its items, a number's that of its Ints
            case _:
                return 0
    return size


def _smaller(number: int) -> Iterator[int]:
    if number:
        yield 0
    if number.bit_count() > 1 and number > 0:
        bit = 1
        while bit <= number:
            if number & bit:
                yield number & ~bit
            bit <<= 1
