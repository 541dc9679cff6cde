"""Hypothesis strategies for system calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from lkltest.fuzz.lang.describe import Description, read_annotations
from lkltest.fuzz.lang.types import Scope
from lkltest.fuzz.prog.resolve import resolve
from lkltest.fuzz.prog.values import Call, Program, Value

T = TypeVar("T")
MAX_CALLS = 10  # of a program that Hypothesis draws, unless its scenario says otherwise


class Drawn:
    """A source of choices (`types.Source`) that Hypothesis makes, and shrinks."""

    def __init__(self, draw: DrawFn) -> None:
        self.draw = draw

    def choice(self, items: Sequence[T]) -> T:
        """One of the items; the first is the simplest."""
        return items[self.draw(st.integers(0, len(items) - 1))]

    def integer(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return self.draw(st.integers(low, high))

    def chance(self, percent: int) -> bool:
        """True with this probability; False is simpler."""
        return self.draw(st.integers(0, 99)) >= 100 - percent

    def bytes(self, size: int) -> bytes:
        """Bytes; zeroes are the simplest."""
        return self.draw(st.binary(min_size=size, max_size=size))


def arguments(description: Description, key: str, name: str) -> SearchStrategy[Value]:
    """Values for one argument of a call, by the argument's name; raises KeyError where the call has none of it."""
    variant = description.variants[key]
    names = [argument.name for argument in variant.signature.arguments]
    if name not in names:
        raise KeyError(name)
    type = variant.types[names.index(name)]

    @st.composite
    def values(draw: DrawFn) -> Value:
        scope = Scope({}, description.headers.struct, description.fields, description.encoder.size)
        return type.draw(Drawn(draw), scope)

    return values()


def calls(description: Description, key: str) -> SearchStrategy[Call]:
    """Calls of one variant ("openat", "openat_create"); their references to resources are still to be resolved."""

    @st.composite
    def drawn(draw: DrawFn) -> Call:
        return description.draw(key, Drawn(draw))

    return drawn().filter(lambda call: encodable(description, call))


def encodable(description: Description, call: Call) -> bool:
    """Whether a call can be encoded with this kernel's structures."""
    try:
        description.encoder.call(call)
    except (KeyError, ValueError):
        return False
    return True


def programs(
    description: Description, scenarios: Sequence[str] = (), *, max_calls: int = MAX_CALLS,
    without: Sequence[str] = (),
) -> SearchStrategy[Program]:
    """Programs of the named scenarios (none: of any), each call's results bound to later arguments.

    `without` are the variants that are not to be taken; * stands for any letters.
    Raises KeyError for an unknown scenario.
    """
    table = read_annotations()["scenarios"]
    made = [_scenario(description, table[name], max_calls, without) for name in scenarios or table]
    return st.one_of([strategy for strategy in made if strategy is not None])


def _scenario(
    description: Description, entry: dict[str, list[str]], max_calls: int, without: Sequence[str]
) -> SearchStrategy[Program] | None:
    """Programs of one scenario; None where this kernel has none of its calls."""
    excluded = set(description.keys(without))
    keys = [key for key in dict.fromkeys(description.keys(entry["body"])) if key not in excluded]
    if not keys:
        return None
    return compositions(description, [step for step in entry["start"] if step not in excluded], keys, max_calls)


def compositions(
    description: Description, start: Sequence[str], body: Sequence[str], max_calls: int = MAX_CALLS
) -> SearchStrategy[Program]:
    """Programs of the first few calls of `start`, and then any of `body`: variants by key.

    What stands in `start` may be a pattern (* stands for any letters), of which each program takes another call.
    """
    def any_of(keys: Sequence[str]) -> SearchStrategy[Call]:
        return st.sampled_from(keys).flatmap(lambda key: calls(description, key))

    opening = [any_of(keys) for keys in (description.keys([step]) for step in start) if keys]
    following = any_of(list(body))

    @st.composite
    def composed(draw: DrawFn) -> Program:
        begun = [draw(call) for call in opening[: draw(st.integers(0, len(opening)))]]
        return resolve([*begun, *draw(st.lists(following, min_size=1, max_size=max_calls))])

    return composed()
