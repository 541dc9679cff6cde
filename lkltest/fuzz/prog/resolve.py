"""Replaces references to resources by references to results, as the executor does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lkltest.fuzz.prog import resources
from lkltest.fuzz.prog.values import Array, Call, Ints, Pointer, Program, Ref, ResourceRef, Struct, Value


def resolve(calls: Sequence[Call], returned: Sequence[int] = ()) -> Program:
    """Resolve each reference to a resource to the result that the executor takes for it.

    The executor passes over results that came to nothing: `returned` is what the calls returned, as far as is known.
    """
    made: list[int | None] = []  # kinds of results; None for what came to nothing
    resolved = []
    for n, call in enumerate(calls):
        resolved.append(replace(call, args=tuple(_resolve(arg, made) for arg in call.args)))
        failed = n < len(returned) and returned[n] < 0
        made += [None if failed else resources.NUMBERS[produced.kind] for produced in call.produces]
    return Program(tuple(resolved))


def _resource_ref(ref: ResourceRef, made: list[int | None]) -> Value:
    fitting = [index for index, kind in enumerate(made) if kind is not None and ref.kinds >> kind & 1]
    return Ref(fitting[-1 - ref.nth % len(fitting)]) if fitting else ref.default


def _resolve(value: Value, made: list[int | None]) -> Value:
    match value:
        case ResourceRef():
            return _resource_ref(value, made)
        case Pointer(target):
            return Pointer(_resolve(target, made))  # type: ignore[arg-type]
        case Ints(width, values):
            return Ints(width, tuple(_resolve(v, made) for v in values))  # type: ignore[misc]
        case Struct(name, fields):
            return Struct(name, tuple((key, _resolve(field, made)) for key, field in fields))
        case Array(items):
            return Array(tuple(_resolve(item, made) for item in items))  # type: ignore[misc]
    return value
