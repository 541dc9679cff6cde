"""Known failures of a pytest session, on a real kernel."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.plugin.conftest import Pytest

Listed = Callable[..., pytest.RunResult]


@pytest.fixture
def session(suite: Pytest, pytester: pytest.Pytester) -> Listed:
    """Run pytest on programs with a list of known failures."""

    def run(programs: str, *arguments: str, known: str) -> pytest.RunResult:
        (pytester.path / "known.txt").write_text(known)
        return suite(programs, "--lkl-known=known.txt", *arguments)

    return run


def test_a_listed_failure_does_not_fail_the_session(session: Listed) -> None:
    """A listed failure is an xfail with its reason; listed passes and missing items are told, and fail nothing."""
    known = "fails::wrong[lkl-4.9.0*]  https://bugs/7\nfails::before  mended\nfails::gone  long ago\n"
    result = session("fails", "-rxX", "-o", "xfail_strict=true", known=known)
    result.assert_outcomes(passed=2, xfailed=1, xpassed=1)
    assert result.ret == 0
    result.stdout.re_match_lines([
        r"known failures: 1 \(.*known\.txt\)",
        r"known to fail, but passed: test_suite\.py::fails::before\[lkl-.*\] \(.*known\.txt:2: mended\)",
        r"known failure that is no item here: fails::gone \(.*known\.txt:3\)",
        r"XFAIL test_suite\.py::fails::wrong.* - known: https://bugs/7",
    ])


@pytest.mark.parametrize("options", [["-n2"], ["--reruns=2"], []])
def test_the_same_with_other_plugins(session: Listed, options: list[str]) -> None:
    """pytest-xdist's controller tells what its workers saw, and a known failure is not run again."""
    result = session("fails good", *options, known="fails::wrong  bug\ngood::nothing  bug\n")
    result.assert_outcomes(passed=7, xfailed=2, skipped=1)
    assert "rerun" not in result.parseoutcomes()
    result.stdout.re_match_lines([r"known failures: 1 .*", r"known failure that is no item here: good::nothing .*"])


@pytest.mark.parametrize(
    ("known", "selected", "failed"),
    [
        ("crashes::crash  bug\ncrashes::after  bug\ncrashes::exit  bug\n", "crashes", 0),
        ("crashes  bug\ncrashes::*  bug\n", "crashes", 0),
        ("crashes::after  bug\ncrashes::exit  bug\ncrashes::before  bug\n", "crashes", 2),
        ("crashes::exit  bug\n", "exit", 1),
        ("crashes::after  bug\ncrashes::exit  bug\n", "after", 1),
        ("crashes::before  bug\n", "before or after", 1),
        ("late_crash::second  bug\n", "second", 1),
        ("late_crash::exit  bug\n", "late_crash", 0),
        ("starts::exit  bug\n", "starts", 2),
        ("starts::start  bug\n", "starts", 1),
        ("starts::start  bug\nstarts::exit  bug\n", "starts", 0),
    ],
)
def test_a_crash_that_is_not_listed_fails(session: Listed, known: str, selected: str, failed: int) -> None:
    """Whatever else is listed and selected, a crash shows unless its own point, or the end itself, is listed."""
    program = known.partition("::")[0].partition(" ")[0]
    result = session(program, "-k", selected, known=known)
    assert result.parseoutcomes().get("failed", 0) == failed
    assert result.ret == (1 if failed else 0)


@pytest.mark.parametrize(
    ("known", "failed", "xfailed"),
    [
        ("needs::mount  bug\n", ["doubts"], ["mount", "look", "look_closer"]),
        ("needs::look  bug\n", ["mount", "look_closer", "doubts"], ["look"]),
        ("needs::doubts  bug\n", ["mount", "look", "look_closer"], ["doubts"]),
    ],
)
def test_a_point_is_known_with_the_need_that_it_lacks(
    session: Listed, known: str, failed: list[str], xfailed: list[str]
) -> None:
    """A listed failure takes the points with it that were not run for it, and no other."""
    result = session("needs", "-v", known=known)
    told = re.findall(r"::needs::(\w+)\[[^\]]*\] (FAILED|XFAIL)", result.stdout.str())
    assert [name for name, outcome in told if outcome == "FAILED"] == failed
    assert [name for name, outcome in told if outcome == "XFAIL"] == [*xfailed, "known"]  # a todo
    result.assert_outcomes(passed=9 - len(told), failed=len(failed), xfailed=len(xfailed) + 1)
    result.stdout.re_match_lines([rf"known failures: {len(xfailed)} .*"])


def test_runxfail_ignores_the_list(session: Listed) -> None:
    """A listed failure fails under --runxfail."""
    result = session("fails", "--runxfail", known="fails::wrong  bug\n")
    result.assert_outcomes(passed=3, failed=1)


def test_subtests_are_listed_by_name(session: Listed) -> None:
    """The points of a program without a table are excused one by one, and the item then passes.

    They may be listed as the items that they are where the names are known before the run.
    """
    for name in ("untabled::program::two", "untabled::two"):
        result = session("untabled", "-v", known=f"{name}  bug\n")
        result.stdout.re_match_lines([r".*SUBXFAIL\[two\].*"])
        result.stdout.no_fnmatch_line("*no item here*")
        assert result.ret == 0
    assert session("untabled", known="untabled::program  bug\n").ret == 1


def test_a_build_that_fails_is_not_known(session: Listed) -> None:
    """A program that does not compile has not failed in the way that is listed for one of its points."""
    result = session("broken", known="broken::one  bug\n")
    assert result.ret == 1


@pytest.mark.parametrize("option", ["--lkl-known=known.txt", "-olkl_known=known.txt"])
def test_a_mistake_in_the_list_ends_the_session(pytester: pytest.Pytester, inline: Pytest, option: str) -> None:
    """A mistake in the list is pytest's usage error, which names the line."""
    (pytester.path / "known.txt").write_text("# ours\nfails::wrong\n")
    pytester.makepyfile("def test_nothing(): pass")
    result = inline(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.re_match_lines([r"ERROR: .*known\.txt:2: no reason.*"])


def test_any_item_can_be_listed(pytester: pytest.Pytester, inline: Pytest) -> None:
    """A list in the project's settings excuses other tests too, wherever pytest is started, but no failed setup."""
    (pytester.path / "known.txt").write_text("test_bad  bug\ntest_unready  bug\n")
    pytester.makeini("[pytest]\nlkl_known = known.txt\n")
    pytester.makepyfile("""
        import pytest

        @pytest.fixture
        def ready():
            assert 0

        def test_bad(): assert 0
        def test_unready(ready): pass
    """)
    (pytester.path / "below").mkdir()
    result = inline("--rootdir=.", "-c", "tox.ini")
    result.assert_outcomes(xfailed=1, errors=1)
