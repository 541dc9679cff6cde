"""Items that are asked for again, on a real kernel."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.plugin.conftest import Pytest


def test_a_rerun_runs_the_program_again(suite: Pytest, pytester: pytest.Pytester) -> None:
    """Under --reruns a failed point has a fresh run of its program, to which the points after it belong too."""
    result = suite("flaky", "--reruns=2", "--junitxml=junit.xml", "-v")
    assert result.parseoutcomes() == {"passed": 4, "rerun": 1}
    assert (pytester.path / "mark").read_text() == "xx"
    root = ET.parse(pytester.path / "junit.xml").getroot()
    cases = [case for case in root.iter("testcase") if str(case.get("name")).startswith("flaky")]
    told = [p.get("value") for p in root.iter("property") if str(p.get("name")).endswith(": run")]
    logs = ["".join(case.itertext()) for case in cases]
    assert told == ["1", "2"]
    assert "this is run 2" in logs[-1]
    assert "this is run 1" not in logs[-1]


def test_what_fails_in_each_rerun_fails(suite: Pytest) -> None:
    """A fresh run does not make a failure a pass, nor a crash."""
    assert suite("fails", "--reruns=2").parseoutcomes() == {"passed": 3, "failed": 1, "rerun": 2}
    assert suite("crashes", "--reruns=1").parseoutcomes() == {"passed": 1, "failed": 3, "rerun": 3}


def test_a_rerun_of_subtests_runs_the_program_again(suite: Pytest, pytester: pytest.Pytester) -> None:
    """A program without a table runs again as a whole."""
    result = suite("untabled_flaky", "--reruns=2")
    assert (pytester.path / "mark").read_text() == "xx"
    assert result.ret == 0


def test_each_count_is_a_run(suite: Pytest, pytester: pytest.Pytester) -> None:
    """Under --count each repetition of a program's points is a run of its own."""
    suite("flaky", "--count=3").assert_outcomes(passed=11, failed=1)
    assert (pytester.path / "mark").read_text() == "xxx"


def test_a_repetition_has_fresh_images(pytester: pytest.Pytester, suite: Pytest) -> None:
    """Class-scoped fixtures of the suite's function are made anew for each run."""
    suite("flaky", "--collect-only")  # writes the suite, which then gets a function
    pytester.makeconftest("""
        import pytest

        @pytest.fixture(scope="class")
        def paper():
            with open("papers", "a") as file:
                file.write("p")
            yield
    """)
    path = pytester.path / "test_suite.py"
    path.write_text(path.read_text() + "\n@flaky\ndef flaky(paper):\n    return []\n")
    result = pytester.runpytest_subprocess("--reruns=2", timeout=300)
    assert result.parseoutcomes() == {"passed": 4, "rerun": 1}
    assert (pytester.path / "papers").read_text() == "pp"
