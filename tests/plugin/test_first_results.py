"""Tests that need no build run before the default kernel is built."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Pytest

PROGRAM = """#include <lkltest.h>
POINT(one) { }
LKLTEST_POINTS = { LKLTEST(one) };
int main(int argc, char **argv) { return lkltest_main(argc, argv); }
"""


def test_a_build_comes_after_the_tests_that_need_none(pytester: pytest.Pytester, inline: Pytest) -> None:
    """Their results are shown; then the kernel cannot be fetched, which ends the session with the user's mistake."""
    pytester.makefile(".c", program=PROGRAM)
    pytester.makepyfile(test_a="from lkltest import Program\nprogram = Program('program.c')\n")
    pytester.makepyfile(test_b="def test_plain(): pass\n")
    result = inline("-v", "--lkl-cache=cache")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["kernel lkl-*: to be fetched and built", "test_b.py::test_plain PASSED*"])
    result.stdout.no_fnmatch_line("*test_a.py::program::one*")
    result.stderr.fnmatch_lines(["*cannot fetch the default kernel*"])
