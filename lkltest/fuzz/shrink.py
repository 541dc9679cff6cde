"""The smallest program that still fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from lkltest.fuzz.values import (
    Array,
    Call,
    Fill,
    Ints,
    Out,
    Pointer,
    Program,
    Raw,
    Ref,
    Struct,
    Text,
    Value,
    keep,
    references,
)

T = TypeVar("T")


class Patience:
    """How long shrinking may take."""

    def __init__(self, seconds: float, stop: threading.Event | None = None) -> None:
        """`stop` ends it before its time."""
        self.until = time.monotonic() + seconds
        self.stop = stop

    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.until or (self.stop is not None and self.stop.is_set())


def fewest(items: Sequence[T], fails: Callable[[list[T]], bool], patience: Patience) -> list[T]:
    """A sublist that still fails and from which no single item can be taken, found by taking away halves first."""
    kept = list(items)
    size = max(1, len(kept) // 2)
    while True:
        before = len(kept)
        at = before
        while at > 0 and not patience.over():
            start = max(0, at - size)
            candidate = kept[:start] + kept[at:]
            if candidate and fails(candidate):
                kept = candidate
            at = start
        if patience.over() or (size == 1 and len(kept) == before):
            return kept
        size = max(1, size // 2)


def shrink(program: Program, fails: Callable[[Program], bool], patience: Patience) -> Program:
    """Take calls away, then make what is left simpler, as long as it still fails."""
    kept = fewest(range(len(program.calls)), lambda chosen: fails(keep(program, chosen)), patience)
    program = keep(program, kept)
    changed = True
    while changed and not patience.over():
        changed = False
        for index in reversed(range(len(program.calls))):
            for call in simpler_calls(program.calls[index]):
                if patience.over():
                    return program
                candidate = Program((*program.calls[:index], call, *program.calls[index + 1 :]))
                if fails(candidate):
                    program, changed = candidate, True
                    break
    return program


def simpler_calls(call: Call) -> Iterator[Call]:
    """Calls with one argument made simpler; pointers stay pointers, and no buffer gets shorter than its length."""
    for n, arg in enumerate(call.args):
        for value in simpler(arg):
            yield replace(call, args=(*call.args[:n], value, *call.args[n + 1 :]))


def simpler(value: Value) -> Iterator[Value]:
    """Simpler values of the same size: numbers nearer to zero, bytes of zero, fewer fields."""
    match value:
        case int():
            yield from _smaller(value)
        case Pointer(target):
            yield from (Pointer(inner) for inner in simpler(target))  # type: ignore[arg-type]
        case Raw(data) if data:
            yield Fill(len(data), 0)
        case Fill(size, byte) if byte:
            yield Fill(size, 0)
        case Struct(name, fields):
            for n, (key, field) in enumerate(fields):
                rest = (*fields[:n], *fields[n + 1 :])
                if not _pointer(field):
                    yield Struct(name, rest)
                yield from (
                    Struct(name, (*fields[:n], (key, inner), *fields[n + 1 :])) for inner in simpler(field)
                )
        case Ints(width, values):
            for n, number in enumerate(values):
                for inner in simpler(number):
                    yield Ints(width, (*values[:n], inner, *values[n + 1 :]))  # type: ignore[arg-type]
        case Array(items):
            for n, item in enumerate(items):
                yield from (
                    Array((*items[:n], inner, *items[n + 1 :])) for inner in simpler(item)  # type: ignore[arg-type]
                )


def _pointer(value: Value) -> bool:
    return isinstance(value, (Pointer, Text))


def _smaller(number: int) -> Iterator[int]:
    if number:
        yield 0
    if number.bit_count() > 1 and number > 0:
        bit = 1
        while bit <= number:
            if number & bit:
                yield number & ~bit
            bit <<= 1


__all__ = ["Out", "Patience", "Ref", "fewest", "references", "shrink"]
