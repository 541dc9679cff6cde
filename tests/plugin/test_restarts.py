"""A point that kills or hangs its kernel costs that point, and those that need it."""

from __future__ import annotations

import re

import pytest

from lkltest.liblkl import Liblkl
from tests.plugin.conftest import Pytest


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """The outcome of each item, by its point's name."""
    return dict(re.findall(r"::restarts::(\w+)\[[^\]]*\] (PASSED|FAILED)", result.stdout.str()))


def test_other_points_run_on_a_new_kernel(suite: Pytest, pytester: pytest.Pytester) -> None:
    """Points that do not need the dead one pass or fail by themselves; what needs it, and the end, fail."""
    result = suite("restarts", "-v")
    assert outcomes(result) == {
        "start_kernel": "PASSED", "first": "PASSED", "crash": "FAILED", "child": "FAILED", "after": "PASSED",
        "hang": "FAILED", "fails": "FAILED", "last": "PASSED", "exit": "FAILED",
    }  # fmt: skip
    text = result.stdout.str()
    assert "not reached: the program was killed by SIGSEGV in the point 'crash'" in text
    assert "started again without 'crash' for 4 points that do not need it, first 'after'" in text
    assert "started again without 'hang' for 2 points that do not need it, first 'fails'" in text
    assert re.search(r"restarts\.c:10: .*getpid", text)
    kept = next((pytester.path / "lkltest-artifacts").glob("*/"))
    assert {"output.tap", "restart-1", "restart-2"} <= {path.name for path in kept.iterdir()}


@pytest.mark.parametrize(("restarts", "lost"), [
    (0, {"child", "after", "hang", "fails", "last"}), (1, {"child", "fails", "last"}),
])  # fmt: skip
def test_the_program_is_started_again_so_often_only(suite: Pytest, restarts: int, lost: set[str]) -> None:
    """--lkl-restarts bounds the starts; the points that are left were not reached."""
    result = suite("restarts", "-v", "-rA", f"--lkl-restarts={restarts}")
    became = outcomes(result)
    own = {"crash", "exit"} | ({"hang"} if restarts else set())
    assert {name for name, outcome in became.items() if outcome == "FAILED"} == own | lost
    assert result.stdout.str().count("started again") >= restarts


@pytest.mark.parametrize("name", ["first", "after", "last"])
def test_a_selected_point_runs_with_what_it_needs(suite: Pytest, name: str) -> None:
    """-k runs what the point needs and the point, so that no crash before or behind it is blamed on it."""
    result = suite("restarts", "-k", f"restarts and {name}")
    result.assert_outcomes(passed=1, deselected=8)
    assert result.ret == 0


def test_a_selected_point_needs_a_dead_one(suite: Pytest) -> None:
    """A point whose need crashes is not reached, and fails."""
    result = suite("restarts", "-k", "restarts and child")
    result.assert_outcomes(failed=1, deselected=8)
    assert "killed by SIGSEGV in the point 'crash'" in result.stdout.str()


def test_the_end_is_that_of_the_whole_program(suite: Pytest) -> None:
    """The whole program runs where its end is selected."""
    result = suite("restarts", "-k", "exit")
    result.assert_outcomes(failed=1, deselected=8)
    assert "killed by SIGSEGV in the point 'crash'" in result.stdout.str()


def test_a_point_that_fails_when_it_runs_again_is_told(suite: Pytest) -> None:
    """Points that others need are run again for them; a failure of theirs is shown then, and fails the end."""
    result = suite("again", "-v")
    result.assert_outcomes(passed=1, failed=3)
    text = result.stdout.str()
    assert "'once' was good at first and failed when it ran again: " in text
    assert re.search(r"not reached: the point 'once' of test_suite\.py::again\[\S+\] failed, which these need", text)


def test_a_point_whose_need_fails_is_not_run(suite: Pytest) -> None:
    """Points without their need have one paragraph that names it; what a point only complains of is no lost need."""
    result = suite("needs", "-v")
    assert dict(re.findall(r"::needs::(\w+)\[[^\]]*\] (PASSED|FAILED|XFAIL)", result.stdout.str())) == {
        "mount": "FAILED", "look": "FAILED", "look_closer": "FAILED", "other": "PASSED", "doubts": "FAILED",
        "sees": "PASSED", "known": "XFAIL", "uses_known": "PASSED", "exit": "PASSED",
    }  # fmt: skip
    text = result.stdout.str()
    paragraph = text[text.index("= not reached =") :].splitlines()[1:5]
    assert re.fullmatch(
        r"not reached: the point 'mount' of test_suite\.py::needs\[\S+\] failed, which these need", paragraph[0]
    )
    assert [line.partition("[")[0].strip() for line in paragraph[2:]] == [
        "test_suite.py::needs::look", "test_suite.py::needs::look_closer",
    ]  # fmt: skip
    assert "misleads" not in text


def test_each_program_without_a_need_has_a_paragraph(suite: Pytest, pytester: pytest.Pytester, liblkl: Liblkl) -> None:
    """Points of two programs that lack a point of the same name have a paragraph for each program."""
    suite("needs", "--collect-only")  # writes the suite, which then gets another program
    path = pytester.path / "test_suite.py"
    path.write_text(path.read_text() + "\nothers = " + path.read_text().partition("needs = ")[2])
    result = pytester.runpytest_subprocess(f"--lkl={liblkl.path}", timeout=300)
    result.assert_outcomes(failed=8, passed=8, xfailed=2)
    titles = re.findall(r"^not reached: the point 'mount' of (\S+)\[", result.stdout.str(), re.MULTILINE)
    assert titles == ["test_suite.py::needs", "test_suite.py::others"]


@pytest.mark.parametrize(("restarts", "passed"), [(3, 2), (1, 1)])
def test_a_start_that_fails_now_and_then_is_tried_again(
    suite: Pytest, pytester: pytest.Pytester, restarts: int, passed: int
) -> None:
    """A death in a point that was good before costs a start, and is told; it takes no point from those that need it."""
    result = suite("unlucky", "--junitxml=junit.xml", f"--lkl-restarts={restarts}")
    result.assert_outcomes(passed=passed, failed=4 - passed)
    told = "'start' was good at first and killed its kernel when it ran again: started once more"
    assert (told in (pytester.path / "junit.xml").read_text().replace("&apos;", "'")) is (restarts == 3)


def test_a_need_that_dies_in_each_later_run_is_given_up(suite: Pytest, pytester: pytest.Pytester) -> None:
    """A point that dies twice since it was good is not run again, so that the points that do not need it are."""
    result = suite("doomed", "-v", "--lkl-restarts=3", "--junitxml=junit.xml")
    became = dict(re.findall(r"::doomed::(\w+)\[[^\]]*\] (PASSED|FAILED)", result.stdout.str()))
    assert became == {"start": "PASSED", "crash": "FAILED", "after": "FAILED", "alone": "PASSED", "exit": "FAILED"}
    told = "started again without 'start' for 1 points that do not need it, first 'alone'"
    assert told in (pytester.path / "junit.xml").read_text().replace("&apos;", "'")


@pytest.mark.parametrize("dies", ["first", "each"])
def test_a_start_that_all_points_need_is_tried_again(
    suite: Pytest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    """A kernel that dies in a start fails that point and the end; the others have results if a later start is good."""
    if dies == "each":
        monkeypatch.setenv("EACH_START_DIES", "1")
    result = suite("starts", "-v", "--lkl-restarts=3")
    became = dict(re.findall(r"::starts::(\w+)\[[^\]]*\] (PASSED|FAILED)", result.stdout.str()))
    other = "PASSED" if dies == "first" else "FAILED"
    assert became == {"host": "PASSED", "start": "FAILED", "one": other, "two": other, "exit": "FAILED"}
    assert "all points behind 'start' need it: started once more" in result.stdout.str()
    kept = next((pytester.path / "lkltest-artifacts").glob("*/"))
    assert len(list(kept.glob("restart-*"))) == (1 if dies == "first" else 3)


def test_a_first_point_that_declares_nothing_is_tried_again(suite: Pytest) -> None:
    """The first point of a table needs nothing: a death in it costs no other point if a later start is good."""
    result = suite("begins", "-v")
    became = dict(re.findall(r"::begins::(\w+)\[[^\]]*\] (PASSED|FAILED)", result.stdout.str()))
    assert became == {"start": "FAILED", "one": "PASSED", "two": "PASSED", "exit": "FAILED"}


def test_a_start_that_hangs_is_tried_once_more_only(
    suite: Pytest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hang takes a whole timeout: it has one restart, however many there are."""
    monkeypatch.setenv("START_HANGS", "1")
    result = suite("starts", "--lkl-restarts=3", "--lkl-point-timeout=2")
    result.assert_outcomes(passed=1, failed=4)
    kept = next((pytester.path / "lkltest-artifacts").glob("*/"))
    assert [path.name for path in kept.glob("restart-*")] == ["restart-1"]


def test_a_death_that_no_selected_point_tells_of_fails_the_selected_ones(suite: Pytest) -> None:
    """The start is not tried once more where its item is not selected: nothing would fail for the lost kernel."""
    result = suite("starts", "-k", "one")
    result.assert_outcomes(failed=1, deselected=4)
    assert "killed by SIGSEGV in the point 'start'" in result.stdout.str()
