"""Picks of results bound to the results themselves, as the executor does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lkltest.fuzz.prog import resources
from lkltest.fuzz.prog.values import Array, Call, Ints, Pick, Pointer, Program, Ref, Struct, Value


def bind(calls: Sequence[Call], returned: Sequence[int] = ()) -> Program:
    """A program in which each pick is the reference that the executor takes for it.

    The executor passes over results that came to nothing: `returned` is what the calls returned, as far as is known.
    """
    made: list[int | None] = []  # kinds of results; None for what came to nothing
    bound = []
    for n, call in enumerate(calls):
        bound.append(replace(call, args=tuple(_bind(arg, made) for arg in call.args)))
        failed = n < len(returned) and returned[n] < 0
        made += [None if failed else resources.NUMBERS[make.kind] for make in call.makes]
    return Program(tuple(bound))


def _pick(pick: Pick, made: list[int | None]) -> Value:
    fitting = [index for index, kind in enumerate(made) if kind is not None and pick.kinds >> kind & 1]
    return Ref(fitting[-1 - pick.nth % len(fitting)]) if fitting else pick.default


def _bind(value: Value, made: list[int | None]) -> Value:
    match value:
        case Pick():
            return _pick(value, made)
        case Pointer(target):
            return Pointer(_bind(target, made))  # type: ignore[arg-type]
        case Ints(width, values):
            return Ints(width, tuple(_bind(v, made) for v in values))  # type: ignore[misc]
        case Struct(name, fields):
            return Struct(name, tuple((key, _bind(field, made)) for key, field in fields))
        case Array(items):
            return Array(tuple(_bind(item, made) for item in items))  # type: ignore[misc]
    return value
