"""Names of points, read from C sources without compiling them."""

from __future__ import annotations

import re

import pytest

from lkltest.program.table import parse


def names(source: str) -> list[str]:
    """The names of the points in a C source."""
    return [point.name for point in parse(source)]


def test_points_come_in_the_order_of_the_table() -> None:
    """Line, kind and timeout of each entry are read as well."""
    points = parse(
        """
        POINT(boot) { }
        LKLTEST_POINTS = {
            LKLTEST_LIBRARY(boot),
            LKLTEST(sleep, .todo = ("not yet"), .deadline_ms = 1500),
            LKLTEST(slow, .timeout_ms = (2 * 60) * 1000, .todo = "soon"),
            LKLTEST( last )
        };
        """
    )
    assert [(p.name, p.line, p.library, p.timeout) for p in points] == [
        ("boot", 4, True, None),
        ("sleep", 5, False, 1.5),
        ("slow", 6, False, 120),
        ("last", 7, False, None),
    ]


@pytest.mark.parametrize("field", ["timeout_ms", "deadline_ms"])
@pytest.mark.parametrize("text", ["LIMIT", "5 * SECONDS", "5000u", ""])
def test_a_timeout_that_needs_a_compiler_is_refused(text: str, field: str) -> None:
    """What cannot be read is told with its line; no other number is put in its place."""
    with pytest.raises(ValueError, match=rf"2: \.{field} = ?" + re.escape(text) + ": write a plain number"):
        parse(f"LKLTEST(a),\nLKLTEST(b, .{field} = {text}),")


def test_comments_and_strings_declare_nothing() -> None:
    """What only looks like an entry is none."""
    assert names('/* LKLTEST(a) */ // LKLTEST(b)\nchar *s = "LKLTEST(c)\\"LKLTEST(d)"; LKLTEST(e),') == ["e"]


def test_a_macro_definition_declares_nothing() -> None:
    """The macro itself is no entry."""
    assert names("#define LKL_TEST(name, ...) { #name }\nLKL_TEST(a),") == ["a"]


def test_parts_for_other_hosts_are_left_out() -> None:
    """LKL's own tables have parts for Windows, which no Linux host compiles."""
    source = """
#ifndef __MINGW32__
    LKL_TEST(linux_only),
#else
    LKL_TEST(windows_only),
#endif
#ifdef __FreeBSD__
    LKL_TEST(bsd_only),
#endif
    LKL_TEST(everywhere, (void *)1),
    """
    assert names(source) == ["linux_only", "everywhere"]


def test_a_source_without_a_table_has_no_points() -> None:
    """Programs that print TAP of their own declare none."""
    assert names('int main(void) { puts("1..1\\nok 1"); }') == []
