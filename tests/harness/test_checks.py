"""Checks, skips and todos: what a result says."""

from __future__ import annotations

import pytest

from tests.harness.stream import PROGRAMS, Run, failed


def line_of(name: str, text: str) -> int:
    """The line of a program on which a text stands."""
    lines = (PROGRAMS / f"{name}.c").read_text().splitlines()
    return 1 + next(number for number, line in enumerate(lines) if text in line)


@pytest.mark.parametrize(("point", "check", "expected", "actual"), [
    ("equal", "2 + 2 == 5", "5", "4"),
    ("error", "-LKL_ENOENT == 0", "0", "-2 (No such file or directory)"),
    ("signs", "-1 == ULONG_MAX", "18446744073709551615", "-1 (Operation not permitted)"),
    ("ordered", "ULONG_MAX < -1", "< -1 (Operation not permitted)", "18446744073709551615"),
    ("succeeds", "-LKL_EBADF succeeds", ">= 0", "-9 (Bad file number)"),
    ("fails_as", "3 == -LKL_EINVAL", "-22 (Invalid argument)", "3"),
    ("truth", '1 > 2 || "not" == NULL', "true", "false"),
    ("strings", '"a\\t\\"b\\"\\n" is "c"', '"c"', '"a\\x09\\"b\\"\\n"'),
    ("null", 'NULL is "c"', '"c"', "NULL"),
    ("bytes", '"abc\\001" holds "abcd"', '"d"', '"\\x01" from byte 3 of 4 on'),
])
def test_a_failed_check_explains_itself(run: Run, point: str, check: str, expected: str, actual: str) -> None:
    """A failure says what was checked, what was expected, what came, and at which line of which file."""
    output = run("checks")
    result = output.points[point]
    assert not result.ok
    block = result.block
    assert (block["check"], block["expected"], block["actual"]) == (check, expected, actual)
    assert block["file"].endswith("programs/checks.c")
    assert block["line"] == line_of("checks", f"POINT({point})")
    assert "log" not in block


def test_a_fatal_check_ends_the_point_from_any_depth(run: Run) -> None:
    """CHECK_* jumps out of the functions between."""
    block = run("checks").points["nested"].block
    assert (block["check"], block["actual"], block["line"]) == ("depth == 7", "0", line_of("checks", "CHECK_EQ(depth"))
    assert "failures" not in block


def test_a_check_that_is_not_fatal_goes_on(run: Run) -> None:
    """EXPECT_* lets the point go on; the first failure leads, the others are listed, none is lost from the count."""
    output = run("checks")
    block = output.points["several"].block
    assert block["check"] == "1 == 2"
    assert [other["check"] for other in block["failures"]] == ["3 >= 4"]
    assert block["log"] == "went on\n"
    many = output.points["too_many"].block
    assert 1 + len(many["failures"]) + many["failures_left_out"] == 20


def test_a_fatal_check_on_a_thread_ends_that_thread(run: Run) -> None:
    """A thread's failure is the point's, and the point itself goes on."""
    result = run("checks").points["thread"]
    assert not result.ok
    assert result.block["check"] == "1 == 2"
    assert result.block["log"] == "the point went on\n"


def test_directives(run: Run) -> None:
    """A skip keeps its reason on one line, a failure outweighs it, and a todo that fails is no failure."""
    output = run("checks")
    skipped, todo, table = (output.points[name] for name in ("skipped", "todo", "todo_table"))
    assert (skipped.ok, skipped.directive, skipped.reason) == (True, "SKIP", "needs # CONFIG_X")
    assert (output.points["failed_first"].ok, output.points["failed_first"].directive) == (False, None)
    assert (todo.ok, todo.directive, todo.reason) == (False, "TODO", "some day")
    assert (table.ok, table.directive, table.reason) == (False, "TODO", "never")
    assert output.points["passes"].ok
    assert output.status == 1


def test_a_failure_without_values(run: Run) -> None:
    """A failure that no check can give has its text alone."""
    block = run("checks").points["plain"].block
    assert block["check"] == "3 of 4"
    assert "expected" not in block


@pytest.mark.parametrize(("late", "blamed"), [("next", ["second"]), ("end", [])])
def test_a_late_thread_is_not_lost(run: Run, late: str, blamed: list[str]) -> None:
    """A check that fails when its point has ended fails the one that runs, or the program's end."""
    output = run("late", f"late={late}")
    assert failed(output) == blamed
    assert output.status == (1 if blamed else 6)
    assert bool(output.comments) == (late == "end")
