"""Programs with fewer calls, or joined, the references to results renumbered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lkltest.fuzz.prog.values import Call, Program, Ref, Value
from lkltest.fuzz.prog.visit import rewrite


def renumber(value: Value, numbers: Mapping[int, int]) -> Value:
    """Give references other numbers; a reference that `numbers` lacks becomes -1."""

    def change(leaf: Value) -> Value:
        return (Ref(numbers[leaf.index]) if leaf.index in numbers else -1) if isinstance(leaf, Ref) else leaf

    return rewrite(value, change)


def keep(program: Program, wanted: list[int]) -> Program:
    """The program with only the calls at `wanted`, in that order, references renumbered."""
    starts: list[int] = []
    total = 0
    for call in program.calls:
        starts.append(total)
        total += len(call.produces)
    numbers: dict[int, int] = {}
    calls = []
    for index in wanted:
        call = program.calls[index]
        calls.append(replace(call, args=tuple(renumber(arg, numbers) for arg in call.args)))
        for n in range(len(call.produces)):
            numbers[starts[index] + n] = len(numbers)
    return Program(tuple(calls))


def joined(programs: Sequence[Program]) -> Program:
    """One program that makes the calls of all."""
    calls: list[Call] = []
    made = 0
    for program in programs:
        numbers = {n: made + n for n in range(sum(len(call.produces) for call in program.calls))}
        calls += [replace(call, args=tuple(renumber(arg, numbers) for arg in call.args)) for call in program.calls]
        made += len(numbers)
    return Program(tuple(calls))
