"""Points that are expected to fail, as pytest's own marks have it, on a real kernel."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Pytest


def test_todo_points_are_expected_to_fail(suite: Pytest) -> None:
    """A todo point that fails is an xfail with its reason, one that passes an XPASS; neither fails the session."""
    result = suite("expected", "-rxX")
    result.assert_outcomes(passed=1, xfailed=2, xpassed=1)
    result.stdout.re_match_lines_random([r"XFAIL .*::known.* - bug 12", r"XPASS .*::fixed.* - bug 13"])
    assert result.ret == 0


def test_runxfail_lets_todo_points_fail(suite: Pytest) -> None:
    """--runxfail reports them as if they were not todo: what fails fails, with its check, what passes passes."""
    result = suite("expected", "--runxfail", "-o", "xfail_strict=true")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.re_match_lines([r".*expected\.c:5: 1 \+ 1 == 3", r"\s+expected:\s+3", r"\s+actual:\s+2"])
    assert result.ret == 1


@pytest.mark.parametrize("ini", ["xfail_strict", "strict_xfail"])
def test_a_todo_point_that_passes_fails_under_xfail_strict(suite: Pytest, ini: str) -> None:
    """A fault that is mended is to be taken from the list."""
    result = suite("expected", "-o", f"{ini}=true")
    result.assert_outcomes(passed=1, xfailed=2, failed=1)
    result.stdout.re_match_lines([r"\[XPASS\(strict\)\] bug 13"])
    assert result.ret == 1


def test_a_crash_was_not_expected(suite: Pytest, pytester: pytest.Pytester) -> None:
    """A todo point that takes the program with it fails: only a result that came counts as expected."""
    suite("expected", "--collect-only")  # writes the suite, which then gets a function
    path = pytester.path / "test_suite.py"
    path.write_text(path.read_text() + "\n@expected\ndef crashing():\n    return ['crash=1']\n")
    result = pytester.runpytest_subprocess("-k", "crashing", "-v", timeout=300)
    result.assert_outcomes(xfailed=1, xpassed=1, failed=2, deselected=4)
    result.stdout.re_match_lines([r".*crashing::crashes.* FAILED.*", r".*crashing::exit.* FAILED.*"])


def test_subtests_are_expected_to_fail(suite: Pytest) -> None:
    """Of a program without a table, todo points are subtests that xfail, or fail under --runxfail."""
    result = suite("untabled_todo", "-v")
    result.stdout.re_match_lines([r".*SUBXFAIL\[known\].*", r".*XPASS.*"])
    assert result.ret == 0
    result = suite("untabled_todo", "--runxfail")
    result.stdout.re_match_lines([r".*SUBFAILED\[known\].*"])
    assert result.ret == 1
    result = suite("untabled_todo", "-o", "xfail_strict=true")
    result.stdout.re_match_lines([r".*SUBFAILED\[fixed\].*"])
    assert result.ret == 1
