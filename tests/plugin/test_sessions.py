"""Whole sessions: their options, their reports, their mistakes, on a real kernel."""

from __future__ import annotations

import fcntl
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.plugin.conftest import PROGRAMS, Pytest
from tests.xunit import complaints


def test_collecting_compiles_nothing(suite: Pytest, monkeypatch: pytest.MonkeyPatch) -> None:
    """--collect-only needs no compiler and starts no program."""
    monkeypatch.setenv("LKLTEST_CC", "no-such-compiler")
    result = suite("good", "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.re_match_lines([r"test_suite.py::good::getpid\[.*"])


def test_the_listing_of_ids_has_ids_only(suite: Pytest) -> None:
    """No line of ours stands before the ids of --collect-only -q, which other programs read; other listings have it."""
    result = suite("good", "--collect-only", "-q")
    ids = result.outlines[: result.outlines.index("")]
    assert [line.partition("[")[0] for line in ids] == [
        f"test_suite.py::good::{name}"
        for name in ("start_kernel", "getpid", "skipped", "todo", "stop_kernel", "exit")
    ]
    suite("good", "--collect-only").stdout.re_match_lines([r"kernel lkl-.*: Linux 4\.9\.0.*"])


def test_a_missing_compiler_is_named(suite: Pytest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler the session says which one is missing, and how to have it."""
    monkeypatch.setenv("LKLTEST_CC", "no-such-compiler")
    result = suite("good")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.re_match_lines(["ERROR: .*no C compiler 'no-such-compiler'.*apt-get install gcc.*"])


@pytest.mark.parametrize(("options", "told"), [
    (["--lkl-gdb", "--lkl-strace"], "one program runs under one tool"),
    (["--lkl-wrapper=no-such-wrapper -x"], "no no-such-wrapper for --lkl-wrapper"),
    (["--lkl-strace", "--uml=/bin/true"], "leave --uml out"),
])  # fmt: skip
def test_a_mistake_of_the_session_is_told_once(suite: Pytest, options: list[str], told: str) -> None:
    """A tool that no program could run under is pytest's usage error, and not the failure of each item."""
    result = suite("good", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.re_match_lines([f"ERROR: .*{told}.*"])


def test_what_a_fixture_raises_has_no_traceback(pytester: pytest.Pytester, inline: Pytest) -> None:
    """A mistake of the user's that shows in a fixture is told in its own words."""
    pytester.makepyfile("""
        import pytest
        from lkltest.errors import UsageError

        @pytest.fixture
        def disk():
            raise UsageError("no disk: buy one")

        def test_disk(disk):
            pass
    """)
    result = inline()
    result.assert_outcomes(errors=1)
    result.stdout.re_match_lines(["no disk: buy one"])
    result.stdout.no_re_match_line(".*raise UsageError.*")


def test_a_program_that_does_not_compile_is_told_without_repetition(suite: Pytest) -> None:
    """The first item has the compiler's words once, the others that they were not reached."""
    result = suite("good", "--lkl-cflags=-fno-such-flag", "-rN")  # in CI the summary has whole messages, once more
    words = [line for line in result.outlines if "error: unrecognized" in line]
    assert len(words) == 1
    result.stdout.re_match_lines([r"not reached: .*good\.c does not build.*"])


def test_a_second_run_compiles_nothing(suite: Pytest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Programs come from the cache, until their source changes."""
    monkeypatch.setenv("LKLTEST_CACHE", str(tmp_path / "cache"))
    suite("fails")
    programs = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache" / "programs").glob("*/program")}
    assert len(programs) == 1
    suite("fails")
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "cache" / "programs").glob("*/program")} == programs


@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_junit_has_a_case_a_point(suite: Pytest, pytester: pytest.Pytester, workers: list[str]) -> None:
    """Each point is a testcase with its own time and its log; its properties stand where the schema allows them."""
    suite("good fails crashes untabled", "--junitxml=junit.xml", *workers)
    document = pytester.path / "junit.xml"
    assert complaints(document) == []
    root = ET.parse(document).getroot()
    cases = {case.get("name", "").partition("[")[0]: case
             for case in root.iter("testcase") if case.get("classname") == "test_suite.good"}
    assert list(cases) == ["start_kernel", "getpid", "skipped", "todo", "stop_kernel", "exit"]
    properties = [(p.get("name", ""), p.get("value")) for p in root.iter("property")]
    assert [name.partition("[")[0] for name, value in properties if value == "1"] == ["getpid"]
    assert len([name for name, _ in properties if name == "kernel"]) == 1
    assert float(cases["start_kernel"].get("time", "0")) > float(cases["getpid"].get("time", "9"))
    assert "asking for the pid" in (cases["getpid"].findtext("system-out") or "")


def test_tap_has_a_line_a_point(suite: Pytest) -> None:
    """pytest-tap prints the points again as TAP."""
    result = suite("fails", "--tap")
    result.stdout.re_match_lines([r"1\.\.4", r"ok 1 .*before.*", r"not ok 2 .*wrong.*"])


def test_last_failed_runs_the_point_again(suite: Pytest) -> None:
    """--lf selects the points that failed."""
    suite("fails")
    suite("fails", "--lf").assert_outcomes(failed=1, deselected=3)


def test_failed_first_runs_whole_programs_first(suite: Pytest) -> None:
    """--ff moves a program as a whole: its points stay in their order, and none answers for what is not its own."""
    suite("good crashes")
    result = suite("good crashes", "--ff", "-v")
    result.assert_outcomes(passed=5, failed=3, skipped=1, xfailed=1)
    names = re.findall(r"^\S+::\w+::(\w+)\S+ [A-Z]", "\n".join(result.outlines), re.MULTILINE)
    assert names[:5] == ["before", "crash", "after", "exit", "start_kernel"]


def test_workers_share_whole_programs(suite: Pytest) -> None:
    """Under -n 2 each program runs once, on one worker."""
    result = suite("good fails", "-n", "2", "-v")
    result.assert_outcomes(passed=7, failed=1, skipped=1, xfailed=1)
    workers = {line.split()[0] for line in result.outlines if "::fails::" in line and line.startswith("[gw")}
    assert len(workers) == 1


def test_stop_at_the_first_failure(suite: Pytest) -> None:
    """-x ends the run, and the program with it."""
    suite("crashes", "-x").assert_outcomes(passed=1, failed=1)


def test_strict_turns_skips_into_failures(suite: Pytest) -> None:
    """--lkl-strict lets nothing be skipped."""
    result = suite("good", "--lkl-strict")
    result.assert_outcomes(passed=4, failed=1, xfailed=1)
    result.stdout.re_match_lines([".*needs CONFIG_NOTHING.*"])


@pytest.mark.parametrize("path", ["/no/such/directory", "/usr/share"])
def test_a_wrong_kernel_is_refused_at_once(pytester: pytest.Pytester, inline: Pytest, path: str) -> None:
    """--lkl that names no kernel ends pytest with its usage error, naming the path."""
    pytester.makepyfile("def test_nothing(): pass")
    result = inline("--lkl", path)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.re_match_lines([f".*{path}.*"])


def test_other_tests_see_nothing_of_us(pytester: pytest.Pytester, inline: Pytest) -> None:
    """A run without programs has no header line, no summary and no artifacts of ours."""
    pytester.makepyfile("def test_nothing(): pass")
    result = inline()
    result.assert_outcomes(passed=1)
    result.stdout.no_re_match_line(".*(LKL|lkl-|kernel).*")


def test_other_tests_load_next_to_nothing_of_us(pytester: pytest.Pytester) -> None:
    """A run without programs and kernels imports the options and the fixtures, and none of the parts behind them."""
    pytester.makeconftest("""
        import sys

        def pytest_unconfigure():
            print("loaded:", *sorted(name for name in sys.modules if name.partition(".")[0] in NAMES))

        NAMES = {"lkltest", "cffi", "hypothesis", "pexpect", "rich", "elftools"}  # pytest-tap loads yaml
    """)
    pytester.makepyfile("def test_nothing(kernel): pass\n\nimport pytest\n\n@pytest.fixture\ndef kernel(): pass")
    result = pytester.runpytest_subprocess("-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([
        "loaded: lkltest lkltest.errors lkltest.lazy lkltest.plugin lkltest.plugin.fixtures lkltest.plugin.parts "
        "lkltest.plugin.session lkltest.settings lkltest.settings.model"
    ])


def test_two_sessions_keep_their_own_artifacts(suite: Pytest, pytester: pytest.Pytester) -> None:
    """A session leaves the directory alone that another one is using."""
    suite("fails")
    (taken,) = (pytester.path / "lkltest-artifacts").glob("*/")
    (taken / "precious").touch()
    lock = os.open(taken, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    suite("fails")
    assert (taken / "precious").exists()
    os.close(lock)
    suite("fails")
    assert not (taken / "precious").exists()
    assert {path.name for path in taken.parent.glob("*/")} == {taken.name, f"{taken.name}-2"}


def test_a_function_that_gives_no_arguments_is_named(suite: Pytest, pytester: pytest.Pytester) -> None:
    """The error for a suite's function that forgets to return says what it has to return."""
    suite("good", "--collect-only")  # writes the suite, which then gets a function
    path = pytester.path / "test_suite.py"
    path.write_text(path.read_text() + "\n@good\ndef forgets(): pass\n")
    result = pytester.runpytest_subprocess(timeout=300)
    result.stdout.re_match_lines([r"the function forgets in .*test_suite\.py gives None: it has to return.*"])


OURS = f"Program({str(PROGRAMS / 'good.c')!r})"
VARIABLES = ("LKLTEST_TIMEOUT", "LKLTEST_MEM", "LKLTEST_LKL", "LKLTEST_VARIANT")


@pytest.mark.parametrize(
    ("variable", "declared", "options"),
    [*((variable, OURS, []) for variable in VARIABLES),
     ("LKLTEST_LKL", OURS, ["-n1"]), ("LKLTEST_LKL", "TreeProgram('boot')", [])],
)
def test_a_wrong_variable_ends_the_session(
    pytester: pytest.Pytester,
    inline: Pytest,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    declared: str,
    options: list[str],
) -> None:
    """A wrong environment variable is pytest's usage error where programs are run, and shows nothing of our insides."""
    monkeypatch.setenv(variable, "/no/such")
    pytester.makepyfile(test_suite=f"from lkltest import Program, TreeProgram\nx = {declared}")
    result = inline(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.no_fnmatch_line("INTERNALERROR*")
    result.stdout.no_re_match_line(r".*lkltest/plugin/\S+\.py:\d+: in .*")
    result.stderr.re_match_lines(["ERROR: .*/no/such.*"])


@pytest.mark.usefixtures("lean_sessions")
def test_wrong_variables_are_nothing_to_other_tests(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session without programs does not read our environment variables."""
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "/no/such")
    pytester.makepyfile("def test_other(): pass")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize("option", ["--lkl-timeout=soon", "--lkl-mem=x", "--lkl-variant=x", "--lkl-jobs=-1"])
def test_a_wrong_value_is_refused_at_once(inline: Pytest, option: str) -> None:
    """A wrong value of an option ends pytest with its usage error, which names the option."""
    result = inline(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.re_match_lines([f"ERROR: {option.partition('=')[0]}: .*"])
