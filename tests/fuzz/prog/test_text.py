from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lkltest.errors import UsageError
from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.lang.naming import Namer
from lkltest.fuzz.prog import text
from lkltest.fuzz.prog.resolve import resolve
from lkltest.fuzz.prog.text import parse_program, print_program
from lkltest.fuzz.prog.values import Program, Ref

SHARED = hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SHARED
@given(seed=st.integers(0, 1 << 32), size=st.integers(1, 8))
def test_parse_undoes_print(description: Description, seed: int, size: int) -> None:
    """Any program that can be drawn comes back from its text as it was, by names and by numbers."""
    source = Random(seed)
    keys = sorted(description.variants)
    program = resolve([description.draw(source.choice(keys), source) for _ in range(size)])
    constants = description.headers.constants
    for namer in (Namer(description), text.plain):
        printed = print_program(program, namer)
        again = parse_program(printed, constants, description.produces)
        assert again == program
        assert print_program(again, namer) == printed


@given(data=st.binary(max_size=40))
def test_unquote_undoes_quote(data: bytes) -> None:
    """Any bytes survive their quoted form."""
    assert text.unquote(text.quote(data)) == data


def test_the_text_form_reads_as_documented(parse: Callable[[str], Program], description: Description) -> None:
    """The example of the documentation is printed as it was read, with its names."""
    line = 'r0 = openat(AT_FDCWD, "/d0/f1", O_CREAT|O_RDWR, 0644)\nwrite(r0, &b"abc", 3)\n'
    program = parse(line)
    assert program.calls[1].args[0] == Ref(0)
    assert print_program(program, Namer(description)) == line


def test_labels_may_have_any_number(parse: Callable[[str], Program]) -> None:
    """A person may leave out lines: labels are renumbered."""
    assert parse("r7 = dup(3)\nclose(r7)\n") == parse("r0 = dup(3)\nclose(r0)\n")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("close(r3)", "r3 is used before"),
        ("nosuchcall(1)", "no such call"),
        ("close(1, 2)", "close takes 1 arguments"),
        ("exit(0)", "ends the worker"),
        ("close(O_NOSUCH)", "no constant O_NOSUCH"),
        ('write(1, b"a", 1) x', "nothing more"),
        ("r0, r1 = dup(1)", "leaves 1 results"),
        ("close(", "cannot read"),
        ('write(1, &"abc", 3)', "region of memory"),
        ('write(1, b"\\xq0", 1)', "two hexadecimal digits"),
        ("close(089)", "089 is no octal number"),
        ("close(99999999999999999999)", "does not fit 64 bits"),
        ("close(1|)", "expected, not \\)"),
        ("write(1, &fill(3), 3)", "a size and a byte"),
        ("write(1, &out(-3), 3)", "out takes a size"),
        ("write(1, &out(99999999), 3)", "0 to 65536 are possible"),
        ("write(1, &nosuch{a=1}, 3)", "no structure or field nosuch"),
        ("write(1, &iovec{nosuch=1}, 3)", "no structure or field nosuch"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(description: Description, line: str, message: str) -> None:
    """The error names the line and the fault."""
    text = f"\n# a comment\n{line}\n"
    with pytest.raises(UsageError, match=message) as caught:
        parse_program(text, description.headers.constants, description.produces, description.encoder.call)
    assert "line 3" in str(caught.value)
