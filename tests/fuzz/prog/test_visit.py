"""Walks over trees of values."""

from __future__ import annotations

import pytest

from lkltest.fuzz.prog.edit import joined, keep, renumber
from lkltest.fuzz.prog.values import (
    Array,
    Call,
    Fill,
    Ints,
    Out,
    Pointer,
    Port,
    Produces,
    Program,
    Raw,
    Ref,
    ResourceRef,
    Struct,
    Text,
    Value,
)
from lkltest.fuzz.prog.visit import children, rewrite, variants, walk, with_children

LEAVES: tuple[Value, ...] = (7, Ref(0), ResourceRef(1, 0), Port(0), Text(b"a"), Raw(b"b"), Fill(3, 0), Out(4))
TREE = Pointer(Array((
    Struct("iovec", (("iov_base", Pointer(Raw(b"x"))), ("iov_len", 1))), Ints(4, (Ref(0), 2)), Raw(b"y"), Out(8),
)))


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_leaf_has_no_children(leaf: Value) -> None:
    """A leaf is walked as itself, and replaced as a whole."""
    assert children(leaf) == ()
    assert list(walk(leaf)) == [leaf]
    assert rewrite(leaf, lambda _: 9) == 9


def test_a_walk_meets_every_value() -> None:
    """Parents come before their children, and nothing is left out."""
    found = list(walk(TREE))
    assert [type(value).__name__ for value in found] == [
        "Pointer", "Array", "Struct", "Pointer", "Raw", "int", "Ints", "Ref", "int", "Raw", "Out",
    ]


def test_the_same_children_make_the_same_value() -> None:
    """with_children() is the inverse of children() wherever a value has some."""
    assert all(with_children(value, children(value)) == value for value in walk(TREE))


def test_variants_differ_at_one_place() -> None:
    """Each number is replaced in a tree of its own."""
    found = list(variants(TREE, lambda node: [0] if isinstance(node, int) else []))
    changed = [[a for a, b in zip(walk(TREE), walk(other), strict=True) if isinstance(a, int) and a != b]
               for other in found]
    assert changed == [[1], [2]]


def test_references_are_renumbered() -> None:
    """A reference without a new number becomes -1, wherever it stands."""
    assert list(walk(renumber(TREE, {0: 5})))[7] == Ref(5)
    assert list(walk(renumber(TREE, {})))[7] == -1


def test_programs_are_cut_and_joined() -> None:
    """References follow their calls: in a program that lost some, and behind another program."""
    opened = Call("open", (), (Produces("file"),))
    program = Program((opened, opened, Call("read", (Ref(1), Pointer(Ints(4, (Ref(0),)))))))
    assert keep(program, [1, 2]).calls[1].args == (Ref(0), Pointer(Ints(4, (-1,))))
    assert joined([program, program]).calls[5].args == (Ref(3), Pointer(Ints(4, (Ref(2),))))
