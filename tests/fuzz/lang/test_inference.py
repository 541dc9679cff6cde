"""Calls that no annotation knows are made by their types alone, and never claim more memory than there is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang.describe import Description, Variant
from lkltest.fuzz.lang.headers import Argument, Signature
from lkltest.fuzz.lang.inference import infer
from lkltest.fuzz.lang.notation import Reader
from lkltest.fuzz.prog.ctype import CType
from lkltest.fuzz.prog.values import Array, Call, Pointer

INT, LONG = CType("int", 4, True), CType("int", 8, False)
BYTE = CType("int", 1, True)


def pointer(target: CType, *, const: bool = False) -> CType:
    """A pointer to a type."""
    return CType("pointer", 8, target=target, const=const)


def draws(description: Description, *arguments: tuple[str, CType]) -> list[Call]:
    """Some calls of a call that does not exist."""
    signature = Signature("made_up", 1279, tuple(Argument(name, type) for name, type in arguments))
    reader = Reader(description.headers.constants, {"path": "text('f0')"})
    types = tuple(infer(signature, n, reader) for n in range(len(arguments)))
    known = replace(description, variants={"made_up": Variant("made_up", signature, types)},
                    by_call={"made_up": (Variant("made_up", signature, types),)})
    return [known.draw("made_up", Random(seed)) for seed in range(400)]


@pytest.mark.parametrize("count", ["vlen", "maxevents", "nr_segs", "howmany"])
@pytest.mark.parametrize("tag", ["lkl_iovec", "lkl_epoll_event", "lkl_stat"])
@pytest.mark.parametrize("const", [True, False])
def test_no_count_is_larger_than_its_array(description: Description, count: str, tag: str, const: bool) -> None:
    """An argument behind a pointer to structures is never greater than their number, by any name."""
    layout = description.headers.structs[tag]
    structs = pointer(CType("struct", layout.size, name=tag), const=const)
    made = draws(description, ("items", structs), (count, INT))
    for call in made:
        region, number = call.args
        assert isinstance(region, Pointer)
        assert isinstance(number, int)
        assert 0 <= number * layout.size <= description.encoder.size(region.target)
    assert len({call.args[1] for call in made}) > 1 or count != "howmany"


@pytest.mark.parametrize("length", ["len", "usize", "bytes"])
def test_no_length_is_larger_than_its_buffer(description: Description, length: str) -> None:
    """An argument beside a pointer to bytes is never greater than their number, by any name."""
    for call in draws(description, ("data", pointer(BYTE, const=True)), ("flags", INT), (length, LONG)):
        region, _, number = call.args
        assert isinstance(region, Pointer)
        assert isinstance(number, int)
        assert 0 <= number <= description.encoder.size(region.target)


def test_a_number_that_may_be_an_address_is_one(description: Description) -> None:
    """A multiplexer's `unsigned long arg` leads to memory: for some commands, the kernel would follow it."""
    for call in draws(description, ("cmd", INT), ("arg", LONG)):
        assert isinstance(call.args[1], Pointer)


def test_strings_end(description: Description) -> None:
    """A const char * is most often a string, with room behind it for other data."""
    calls = draws(description, ("key", pointer(BYTE, const=True)))
    strings = [call.args[0].target for call in calls if isinstance(call.args[0], Pointer)]
    assert sum(isinstance(region, Array) for region in strings) > len(strings) / 2
    assert {description.encoder.size(region) for region in strings} == {4096}


def test_flags_have_any_bit(description: Description) -> None:
    """An argument called flags is never a length, and takes any bits."""
    found = {call.args[1] for call in draws(description, ("key", pointer(BYTE, const=True)), ("flags", INT))}
    assert any(isinstance(flags, int) and flags > 1 << 20 for flags in found)
