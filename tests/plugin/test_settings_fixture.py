"""The settings as a fixture of a program's function."""

from __future__ import annotations

import pytest

SUITE = """
from lkltest import Program

@Program("one.c")
def one(kernel, lkltest_settings):
    return [f"memory={lkltest_settings.mem}"]
"""


def test_a_programs_function_may_take_the_settings(pytester: pytest.Pytester) -> None:
    """The run takes them anyway: taking them twice is no error of collecting."""
    (pytester.path / "one.c").write_text("LKLTEST_POINTS = {\n\tLKLTEST(point),\n};\n")
    pytester.makepyfile(SUITE)
    result = pytester.runpytest("--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    assert any("::one::point" in line for line in result.outlines)
