"""Names of points, read from C sources without compiling them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.host import process
from lkltest.program.table import parse, read_compiled


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
    """An entry that cannot be read is told with its line; no other number is put in its place."""
    with pytest.raises(ValueError, match=rf"2: \.{field} = ?" + re.escape(text) + ": write a plain number"):
        parse(f"LKLTEST(a),\nLKLTEST(b, .{field} = {text}),")


def test_comments_and_strings_declare_nothing() -> None:
    """Text that only looks like an entry is none."""
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


def preprocessed(*defined: str) -> Callable[[str], str | None]:
    """The output of the compiler's preprocessor for a text, with these macros defined."""

    def run(text: str) -> str | None:
        done = process.run(["gcc", "-E", "-P", *(f"-D{name}" for name in defined), "-x", "c", "-"], stdin=text.encode())
        return done.output.decode() if done.ok else None

    return run


CONDITIONAL = """
#define LKL_TEST(name) { #name }
struct t tests[] = {
    LKL_TEST(always), /* LKL_TEST(comment) */
#ifdef LKL_CONFIG_KASAN_KUNIT_TEST
    LKL_TEST(kasan),
#endif
#if defined(LKL_HOST_CONFIG_MMU) && !defined(LKL_CONFIG_NO)
    LKL_TEST(mmu),
#else
    LKL_TEST(flat),
#endif
#ifndef __MINGW32__
    LKL_TEST(posix),
#endif
};
"""


@pytest.mark.parametrize(("defined", "expected"), [
    ((), ["always", "flat", "posix"]),
    (("LKL_CONFIG_KASAN_KUNIT_TEST",), ["always", "kasan", "flat", "posix"]),
    (("LKL_HOST_CONFIG_MMU",), ["always", "mmu", "posix"]),
    (("LKL_HOST_CONFIG_MMU", "LKL_CONFIG_NO"), ["always", "flat", "posix"]),
])  # fmt: skip
def test_a_compiled_table_has_the_points_of_its_configuration(
    tmp_path: Path, defined: tuple[str, ...], expected: list[str]
) -> None:
    """Parts of a table that a configuration leaves out declare nothing; lines stay those of the source."""
    source = tmp_path / "boot.c"
    source.write_text(CONDITIONAL)
    points = read_compiled(source, preprocessed(*defined))
    assert [point.name for point in points] == expected
    assert points[0].line == 4
    assert points[-1].line == 14


def test_a_table_that_does_not_preprocess_is_read_as_it_stands(tmp_path: Path) -> None:
    """A program whose headers are not there keeps its points: that it does not compile is told when it runs."""
    source = tmp_path / "boot.c"
    source.write_text('#include "gone.h"\n' + CONDITIONAL)
    points = [point.name for point in read_compiled(source, preprocessed())]
    assert points == ["always", "kasan", "mmu", "posix"]


def test_needs_are_read_behind_parts_of_other_hosts() -> None:
    """A part that is left out does not shift what stands behind it."""
    points = parse('LKLTEST(a),\n#ifdef _WIN32\nLKLTEST(other, .todo = "long, very long"),\n#endif\n'
                   'LKLTEST(b, .needs = "a"),')
    assert [(point.name, point.needs) for point in points] == [("a", None), ("b", ("a",))]
