"""Points as items, and what becomes of each, on a real kernel."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Pytest


def test_each_point_is_an_item(suite: Pytest) -> None:
    """Points and the program's end are items, in the program's order, the kernel's name in their ids."""
    result = suite("good", "-v")
    result.assert_outcomes(passed=4, skipped=1, xfailed=1)
    result.stdout.re_match_lines_random([
        r"test_suite.py::good::start_kernel\[lkl-4.9.0.*\] PASSED.*",
        r"test_suite.py::good::getpid\[lkl-4.9.0.*\] PASSED.*",
        r"test_suite.py::good::skipped\[lkl-4.9.0.*\] SKIPPED \(needs CONFIG_NOTHING\).*",
        r"test_suite.py::good::exit\[lkl-4.9.0.*\] PASSED.*",
    ])
    assert result.ret == 0


def test_a_good_run_leaves_no_artifacts(suite: Pytest, pytester: pytest.Pytester) -> None:
    """A session without a failure keeps nothing."""
    suite("good")
    assert not (pytester.path / "lkltest-artifacts").exists()


def test_a_failure_shows_the_c_source(suite: Pytest) -> None:
    """A failed check is told with its C file and line, what was expected and what came, and no Python."""
    result = suite("fails")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.re_match_lines([
        r".*fails\.c:8: .*6 \* 9.*42.*", r"\s+expected:\s+42", r"\s+actual:\s+54",
        r"by hand:   /.*/program --mem=\d+.*", r"artifacts: .*lkltest-artifacts.*",
        r".*Captured log of the point.*", "a line of the point's log",
    ])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*running.py*")


def test_a_crash_is_blamed_on_its_point(suite: Pytest, pytester: pytest.Pytester) -> None:
    """The point that was running fails with signal and stack, later points were not reached, nothing is lost."""
    result = suite("crashes", "-v")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.re_match_lines([
        r".*crashes::before.* PASSED.*", r".*crashes::crash.* FAILED.*",
        r".*crashes::after.* FAILED.*", r".*crashes::exit.* FAILED.*",
    ])
    result.stdout.re_match_lines([
        r"the program was killed by SIGSEGV in the point 'crash'", r".*#\d+ .*point_crash.*crashes\.c:7.*"
    ])
    result.stdout.re_match_lines([r"not reached: the program was killed by SIGSEGV in the point 'crash'"])
    kept = next((pytester.path / "lkltest-artifacts").glob("*/"))
    assert {"output.tap", "console.log", "command", "program"} <= {path.name for path in kept.iterdir()}


def test_a_panic_is_told_as_a_panic(suite: Pytest) -> None:
    """A kernel's panic is told by its message, with the signal and the point, and is in the lines of the console."""
    result = suite("panics")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.re_match_lines([
        r"Kernel panic - not syncing: Out of memory.* \(the program was killed by SIGABRT in the point 'panics'\)",
        r"last lines of the console:", r".*Kernel panic - not syncing: Out of memory.*",
    ])


def test_a_bad_end_is_never_deselected(suite: Pytest) -> None:
    """A point that needs a crashing one fails for it where that and the end are deselected."""
    result = suite("crashes", "-k", "before or after")
    assert result.ret == 1
    result.stdout.re_match_lines([r".*SIGSEGV.*point 'crash'"])


def test_a_later_crash_is_not_blamed_on_a_selected_point(suite: Pytest) -> None:
    """The program ends behind the last point that is selected."""
    suite("crashes", "-k", "before").assert_outcomes(passed=1, deselected=3)


def test_a_failed_point_elsewhere_is_no_bad_end(suite: Pytest) -> None:
    """Another point's failure, which the exit status tells as well, does not fail the selected one."""
    suite("fails", "-k", "after").assert_outcomes(passed=1, deselected=3)


def test_a_crash_after_the_last_point_fails_the_end(suite: Pytest) -> None:
    """A program that passes all its points and then dies has failed."""
    result = suite("late_crash", "-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.re_match_lines([r".*late_crash::exit.* FAILED.*", r".*SIGABRT after the point 'second'"])


@pytest.mark.parametrize("program", ["silent", "exits"])
def test_points_that_never_came_fail(suite: Pytest, program: str) -> None:
    """Exit status 0 does not make a pass of what was not told."""
    result = suite(program, "-v")
    assert result.ret == 1
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 3
    assert outcomes.get("passed", 0) == (1 if program == "exits" else 0)


def test_a_program_that_does_not_compile_fails_alone(suite: Pytest) -> None:
    """The compiler's message is the failure, once; other programs run all the same."""
    result = suite("broken good")
    result.assert_outcomes(failed=2, passed=4, skipped=1, xfailed=1)
    result.stdout.re_match_lines([r".*broken\.c:4:.*error: .*"])
    result.stdout.no_fnmatch_line("*another exception*")


def test_a_table_that_cannot_be_read_fails_alone(suite: Pytest) -> None:
    """A source that is missing, or says what only a compiler understands, is one failed item; others run."""
    result = suite("missing unreadable fails")
    result.assert_outcomes(failed=3, passed=3)
    result.stdout.re_match_lines([
        r"cannot read the C source .*/missing\.c: No such file.*", r".*unreadable\.c:8: \.deadline_ms = LIMIT: write .*"
    ])


def test_an_empty_table_is_no_skip(suite: Pytest) -> None:
    """A plan of nothing would be one."""
    result = suite("empty")
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(["bail out: LKLTEST_POINTS has no entries"])


def test_a_table_that_contradicts_the_output_fails_the_end(suite: Pytest) -> None:
    """A point of another name than the table's is no result for it."""
    result = suite("contradicts", "-v")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.re_match_lines([".*contradicts::exit.* FAILED.*", ".*does not declare: zwei"])


def test_a_result_counts_only_where_it_was_announced(suite: Pytest) -> None:
    """Lines that a point prints by itself pass no other point, and a second point of a name is not lost."""
    result = suite("forges", "-v")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.re_match_lines([r".*forges::victim.* FAILED.*", r".*forges::exit.* FAILED.*"])
    result.stdout.re_match_lines([
        r"points that its table declares more than once: twice#2",
        r"results that it did not announce, and which do not count: victim", r"twice#2: .*forges\.c:8: .*",
    ])


def test_a_program_without_a_table_has_subtests(suite: Pytest) -> None:
    """Points of a program without a table are pytest's built-in subtests of one item."""
    result = suite("untabled", "-v")
    assert result.ret == 1
    result.stdout.re_match_lines([r".*untabled::program.*\[two\].*"])


def test_points_may_have_any_name(suite: Pytest) -> None:
    """Names that mean something to Python or pytest are names of points like others."""
    result = suite("names", "-v")
    result.assert_outcomes(passed=5)
    result.stdout.re_match_lines([r".*names::__init__#point\[.*", r".*names::lambda\[.*", r".*names::exit#program\[.*"])


def test_a_plan_that_skips_all_is_a_skip(suite: Pytest) -> None:
    """A program without a table that finds nothing to test is skipped, with its reason."""
    result = suite("skips_all", "-v")
    result.assert_outcomes(skipped=1)
    result.stdout.re_match_lines([r".*skips_all::program.* SKIPPED \(no such.*"])


@pytest.mark.parametrize(("program", "told"), [("torn", "killed by SIGKILL"), ("dawdles", "timeout of 0.5 s")])
def test_half_a_line_is_no_result(suite: Pytest, program: str, told: str) -> None:
    """The last line of a program that was killed may be cut: it is no subtest, least of all one that passed."""
    result = suite(program, "-v", "--lkl-timeout=0.5")
    assert result.ret == 1
    result.stdout.re_match_lines([r".*SUBPASSED\[one\].*"])
    result.stdout.no_re_match_line(r".*SUBPASSED\[tw.*")
    result.stdout.re_match_lines([f".*{told}.*"])


def test_a_last_line_without_an_end_is_a_result(suite: Pytest) -> None:
    """A program that ends by itself has printed its last line whole."""
    result = suite("unended", "-v")
    assert result.ret == 0
    result.stdout.re_match_lines([r".*SUBPASSED\[two\].*"])
