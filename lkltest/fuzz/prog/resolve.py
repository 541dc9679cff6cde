"""References to resources, resolved to results as the executor does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lkltest.fuzz.prog import resources
from lkltest.fuzz.prog.values import Call, Program, Ref, ResourceRef, Value
from lkltest.fuzz.prog.visit import rewrite


def resolve(calls: Sequence[Call], returned: Sequence[int] = ()) -> Program:
    """Make a program in which each reference to a resource is the result that the executor takes for it.

    The executor passes over results of calls that failed: `returned` is what the calls returned, as far as is known.
    """
    made: list[int | None] = []  # the kinds of the results so far; None for one of a call that failed

    def change(leaf: Value) -> Value:
        return _result(leaf, made) if isinstance(leaf, ResourceRef) else leaf

    resolved = []
    for n, call in enumerate(calls):
        resolved.append(replace(call, args=tuple(rewrite(arg, change) for arg in call.args)))
        failed = n < len(returned) and returned[n] < 0
        made += [None if failed else resources.NUMBERS[produced.kind] for produced in call.produces]
    return Program(tuple(resolved))


def _result(ref: ResourceRef, made: list[int | None]) -> Value:
    fitting = [index for index, kind in enumerate(made) if kind is not None and ref.kinds >> kind & 1]
    return Ref(fitting[-1 - ref.nth % len(fitting)]) if fitting else ref.default
