"""The one visitor of trees of values; every walk over the values of a call is made of its functions.

A value is a leaf (a number, a reference, bytes) or it has children: the target of a pointer, the integers, the fields
of a structure, the items of an array. Only `children` and `with_children` know which. Translations of values into
another form (text, bytes, C) are no walks: each needs a rule of its own for each kind of value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from lkltest.fuzz.prog.values import Array, Ints, Pointer, Struct, Value


def children(value: Value) -> tuple[Value, ...]:
    """The values directly inside a value, in order; none for a leaf."""
    match value:
        case Pointer(target):
            return (target,)
        case Ints(_, values):
            return values
        case Struct(_, fields):
            return tuple(field for _, field in fields)
        case Array(items):
            return items
    return ()


def with_children(value: Value, replacements: Sequence[Value]) -> Value:
    """The value with other children, as many as it has and of kinds that may stand there."""
    match value:
        case Pointer():
            return Pointer(replacements[0])  # type: ignore[arg-type]
        case Ints(width, _):
            return Ints(width, tuple(replacements))  # type: ignore[arg-type]
        case Struct(name, fields):
            return Struct(name, tuple((key, new) for (key, _), new in zip(fields, replacements, strict=True)))
        case Array():
            return Array(tuple(replacements))  # type: ignore[arg-type]
    return value


def walk(value: Value) -> Iterator[Value]:
    """A value and all values inside it, parents first."""
    yield value
    for child in children(value):
        yield from walk(child)


def rewrite(value: Value, change: Callable[[Value], Value]) -> Value:
    """The value with each leaf replaced by `change(leaf)`."""
    inner = children(value)
    if not inner:
        return change(value)
    return with_children(value, [rewrite(child, change) for child in inner])


def variants(value: Value, of_node: Callable[[Value], Iterable[Value]]) -> Iterator[Value]:
    """The values that differ from `value` at one place: there stands one of the values that `of_node` gives for it.

    The value's own variants come first, then those of its children from the first to the last.
    """
    yield from of_node(value)
    inner = children(value)
    for n, child in enumerate(inner):
        for variant in variants(child, of_node):
            yield with_children(value, (*inner[:n], variant, *inner[n + 1 :]))
