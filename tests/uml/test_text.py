"""The output of a console becomes text, however it is cut into pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lkltest.uml.text import Plain, Unstamped

RAW = (
    b"[    0.000000] first\r\n\x1b[31m[   12.345678][    T1] red\x1b[0m [    9.000000] inside\r\n"
    b"[root@host]# [12\n\x1b]0;title\x07titled \x1b(B\x1b=\xc3\xa9\xff\x00\n\x1b[2J[    1.234567] \n[    5"
)
TEXT = "first\nred [    9.000000] inside\n[root@host]# [12\ntitled é\\xff\n\n[    5"


def clean(pieces: list[bytes]) -> str:
    """All pieces through both filters."""
    plain, unstamped = Plain(), Unstamped()
    text = "".join(unstamped.feed(plain.feed(piece)) for piece in pieces)
    return text + unstamped.feed(plain.feed(b"", final=True), final=True)


@given(st.lists(st.integers(0, len(RAW)), max_size=30))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    """Escape sequences, timestamps and characters that are cut in two are recognized all the same."""
    borders = [0, *sorted(cuts), len(RAW)]
    assert clean([RAW[a:b] for a, b in itertools.pairwise(borders)]) == TEXT


@given(st.binary(max_size=300))
def test_any_bytes_end(data: bytes) -> None:
    """No bytes make it fail, and no escape character comes out."""
    assert "\x1b" not in clean([data[:100], data[100:]])


@pytest.mark.parametrize("data", [b"\x1b]" + b"x" * 100_000, b"\x1b[" + b"1;" * 50_000, b"[" + b" " * 100_000])
def test_an_endless_sequence_is_given_up(data: bytes) -> None:
    """An escape sequence without an end does not keep the rest of the text waiting."""
    plain = Plain()
    pieces = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    assert len("".join(plain.feed(piece) for piece in pieces)) > 50_000


def test_a_prompt_does_not_wait() -> None:
    """A prompt that begins with a bracket is seen at once: it is no timestamp."""
    assert Unstamped().feed("[root@host]# ") == "[root@host]# "
