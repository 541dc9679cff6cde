"""The plugin, as users of pytest see it, on a real kernel."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

PROGRAMS = Path(__file__).parent / "programs"

Pytest = Callable[..., pytest.RunResult]


@pytest.fixture
def suite(
    pytester: pytest.Pytester, liblkl: Liblkl, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Pytest:
    """Run pytest on a suite of the named programs, in a directory of its own."""
    monkeypatch.setenv("LKLTEST_CACHE", str(settings.cache))  # pytester moves the home directory

    def run(programs: str, *arguments: str) -> pytest.RunResult:
        lines = ["from lkltest import Program"]
        # From where they are, so that each is compiled once and not in each test.
        lines += [f"{name} = Program({str(PROGRAMS / name) + '.c'!r})" for name in programs.split()]
        pytester.makepyfile(test_suite="\n".join(lines))
        return pytester.runpytest_subprocess(
            f"--lkl={liblkl.path}", *arguments, timeout=300
        )

    return run


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
    """Where nothing fails, nothing is kept."""
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
    kept = next((pytester.path / "lkltest-artifacts").iterdir())
    assert {"output.tap", "console.log", "command", "program"} <= {path.name for path in kept.iterdir()}


def test_a_panic_is_told_as_a_panic(suite: Pytest) -> None:
    """A kernel's panic is told by its message, with the signal and the point, and is in the lines of the console."""
    result = suite("panics")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.re_match_lines([
        r"Kernel panic - not syncing: Out of memory.* \(the program was killed by SIGABRT in the point 'panics'\)",
        r"last lines of the console:", r".*Kernel panic - not syncing: Out of memory.*",
    ])


@pytest.mark.parametrize("selected", ["before", "before or after"])
def test_a_bad_end_is_never_deselected(suite: Pytest, selected: str) -> None:
    """Where the end and the crashing point are deselected, the last selected item fails for them."""
    result = suite("crashes", "-k", selected)
    assert result.ret == 1
    result.stdout.re_match_lines([r".*SIGSEGV.*point 'crash'"])


def test_a_failed_point_elsewhere_is_no_bad_end(suite: Pytest) -> None:
    """Another point's failure, which the exit status tells as well, does not fail the selected one."""
    suite("fails", "-k", "after").assert_outcomes(passed=1, deselected=3)


def test_a_crash_after_the_last_point_fails_the_end(suite: Pytest) -> None:
    """A program that passes all its points and then dies has failed."""
    result = suite("late_crash", "-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.re_match_lines([r".*late_crash::exit.* FAILED.*", r".*SIGABRT after the point 'second'"])


@pytest.mark.parametrize("program", ["hangs", "stops"])
def test_a_hang_ends_at_the_deadline(suite: Pytest, pytester: pytest.Pytester, program: str) -> None:
    """What passes its own deadline is killed with its children, and its stacks are shown, were it stopped itself."""
    result = suite(program, "-v")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.re_match_lines([
        r"killed in the point 'hang': the point's deadline of 0.5 s has passed", r" +#\d+ +point_hang +.*\.c:\d+"
    ])
    assert not running(pytester)


def running(pytester: pytest.Pytester) -> list[Path]:
    """What of a test's own sessions runs on: whoever they have started has inherited their home directory."""
    home = f"HOME={pytester.path}\0".encode()
    return [path for path in Path("/proc").glob("[0-9]*/environ") if home in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--lkl-point-timeout=0.4"], "the point's deadline of 0.4 s"),
        (["--lkl-timeout=0.4"], "the program's deadline of 0.4 s"),
        (["-o", "lkl_timeout=0.4"], "the program's deadline of 0.4 s"),
    ],
)
def test_deadlines_are_options_and_ini_settings(suite: Pytest, options: list[str], text: str) -> None:
    """A user shortens a deadline on the command line or in an ini file."""
    result = suite("floods", *options)
    result.stdout.re_match_lines([f".*{text} has passed"])


def test_a_mark_sets_a_deadline(suite: Pytest, pytester: pytest.Pytester, liblkl: Liblkl) -> None:
    """A suite marks its programs with deadlines of their own."""
    suite("floods", "--collect-only")  # writes the suite, which is then marked
    path = pytester.path / "test_suite.py"
    path.write_text("import pytest\npytestmark = pytest.mark.lkl_timeout(0.3)\n" + path.read_text())
    result = pytester.runpytest_subprocess(f"--lkl={liblkl.path}", timeout=60)
    result.stdout.re_match_lines([".*the program's deadline of 0.3 s has passed"])


def test_a_wrong_mark_is_told(suite: Pytest, pytester: pytest.Pytester, liblkl: Liblkl) -> None:
    """A deadline that is no number, or for something else, is an error and not ignored."""
    suite("good", "--collect-only")  # writes the suite, which then gets marked ones
    path = pytester.path / "test_suite.py"
    marked = [f"class TestMarked{number}:\n    pytestmark = pytest.mark.lkl_timeout({given})\n    program = good\n"
              for number, given in enumerate(["'soon'", "point=-1", "points=1"])]
    path.write_text("\n".join(["import pytest", path.read_text(), *marked]))
    result = pytester.runpytest_subprocess(f"--lkl={liblkl.path}", "-k", "TestMarked and getpid", timeout=300)
    result.assert_outcomes(errors=3, deselected=21)
    told = ["program='soon': not a positive", "point=-1: not a positive", ".*points"]
    result.stdout.re_match_lines([f"the mark lkl_timeout cannot be read: {problem}.*" for problem in told])


def test_a_flood_is_kept_within_bounds(suite: Pytest, pytester: pytest.Pytester) -> None:
    """A program that prints without end is killed in time, and fills no disk."""
    suite("floods", "--lkl-point-timeout=0.5").assert_outcomes(failed=2)
    size = sum(path.stat().st_size for path in (pytester.path / "lkltest-artifacts").glob("*/console.log"))
    assert 0 < size < 20 << 20


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
    """What a point prints by itself passes no other point, and a second point of a name is not lost."""
    result = suite("forges", "-v")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.re_match_lines([r".*forges::victim.* FAILED.*", r".*forges::exit.* FAILED.*"])
    result.stdout.re_match_lines([
        r"points that its table declares more than once: twice#2",
        r"results that it did not announce, and which do not count: victim", r"twice#2: .*forges\.c:8: .*",
    ])


def test_a_program_without_a_table_has_subtests(suite: Pytest) -> None:
    """Its points are pytest's built-in subtests of one item."""
    result = suite("untabled", "-v")
    assert result.ret == 1
    result.stdout.re_match_lines([r".*untabled::program.*\[two\].*"])


def test_collecting_compiles_nothing(suite: Pytest, monkeypatch: pytest.MonkeyPatch) -> None:
    """--collect-only needs no compiler and starts no program."""
    monkeypatch.setenv("LKLTEST_CC", "no-such-compiler")
    result = suite("good", "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.re_match_lines([r"test_suite.py::good::getpid\[.*"])


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
    """What no program could run under is pytest's usage error, and not the failure of each item."""
    result = suite("good", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.re_match_lines([f"ERROR: .*{told}.*"])


def test_what_a_fixture_raises_has_no_traceback(pytester: pytest.Pytester) -> None:
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
    result = pytester.runpytest_subprocess()
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


def test_junit_has_a_case_a_point(suite: Pytest, pytester: pytest.Pytester) -> None:
    """Each point is a testcase with its own time, its properties and its log."""
    suite("good", "--junitxml=junit.xml")
    cases = {case.get("name", "").partition("[")[0]: case
             for case in ET.parse(pytester.path / "junit.xml").iter("testcase")}
    assert list(cases) == ["start_kernel", "getpid", "skipped", "todo", "stop_kernel", "exit"]
    assert {p.get("name"): p.get("value") for p in cases["getpid"].iter("property")}["pid"] == "1"
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
def test_a_wrong_kernel_is_refused_at_once(pytester: pytest.Pytester, path: str) -> None:
    """--lkl that names no kernel ends pytest with its usage error, naming the path."""
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_subprocess("--lkl", path)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.re_match_lines([f".*{path}.*"])


def test_other_tests_see_nothing_of_us(pytester: pytest.Pytester) -> None:
    """A run without programs has no header line, no summary and no artifacts of ours."""
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.no_re_match_line(".*(LKL|lkl-|kernel).*")


def test_an_interrupt_leaves_no_program(
    pytester: pytest.Pytester, liblkl: Liblkl, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends the program's whole process group, reports what came before, and keeps what the program said."""
    monkeypatch.setenv("LKLTEST_CACHE", str(settings.cache))
    (pytester.path / "forever.c").write_text((PROGRAMS / "hangs.c").read_text().replace(".deadline_ms = 500", ""))
    pytester.makepyfile(test_suite="from lkltest import Program\nforever = Program('forever.c')")
    # An ignored SIGINT, which a shell's background jobs have, would be inherited.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    child = pytester.popen([sys.executable, "-m", "pytest", "-v", f"--lkl={liblkl.path}"], stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGINT, before)
    killer = threading.Timer(60, child.kill)
    killer.start()
    with child:
        assert child.stdout is not None
        seen = b""
        while not re.search(rb"start_kernel.* PASSED", seen) and (line := child.stdout.readline()):
            seen += line
        time.sleep(0.5)  # into the point that hangs; any moment is right
        assert running(pytester)
        child.send_signal(signal.SIGINT)
        rest = child.stdout.read()
    killer.cancel()
    assert b"1 passed" in rest, seen + rest
    assert not running(pytester)
    assert next((pytester.path / "lkltest-artifacts").glob("*/console.log")).stat().st_size


def test_two_sessions_keep_their_own_artifacts(suite: Pytest, pytester: pytest.Pytester) -> None:
    """A session leaves the directory alone that another one is using."""
    suite("fails")
    (taken,) = (pytester.path / "lkltest-artifacts").iterdir()
    (taken / "precious").touch()
    lock = os.open(taken, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    suite("fails")
    assert (taken / "precious").exists()
    os.close(lock)
    suite("fails")
    assert not (taken / "precious").exists()
    assert {path.name for path in taken.parent.iterdir()} == {taken.name, f"{taken.name}-2"}


def test_a_function_that_gives_no_arguments_is_named(suite: Pytest, pytester: pytest.Pytester) -> None:
    """A suite's function that forgets to return is told what it has to return."""
    suite("good", "--collect-only")  # writes the suite, which then gets a function
    path = pytester.path / "test_suite.py"
    path.write_text(path.read_text() + "\n@good\ndef forgets(): pass\n")
    result = pytester.runpytest_subprocess(timeout=60)
    result.stdout.re_match_lines([r"the function forgets in .*test_suite\.py gives None: it has to return.*"])


OURS = f"Program({str(PROGRAMS / 'good.c')!r})"


@pytest.mark.parametrize(
    ("variable", "declared", "options"),
    [*((variable, OURS, []) for variable in ("LKLTEST_TIMEOUT", "LKLTEST_MEM", "LKLTEST_LKL", "LKLTEST_VARIANT")),
     ("LKLTEST_LKL", OURS, ["-n2"]), ("LKLTEST_LKL", "TreeProgram('boot')", [])],
)
def test_a_wrong_variable_ends_the_session(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, variable: str, declared: str, options: list[str]
) -> None:
    """A wrong environment variable is pytest's usage error where programs are run, and nothing to other tests."""
    monkeypatch.setenv(variable, "/no/such")
    pytester.makepyfile(test_other="def test_other(): pass")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
    pytester.makepyfile(test_suite=f"from lkltest import Program, TreeProgram\nx = {declared}")
    result = pytester.runpytest_subprocess(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.no_fnmatch_line("INTERNALERROR*")
    result.stderr.re_match_lines(["ERROR: .*/no/such.*"])


@pytest.mark.parametrize("option", ["--lkl-timeout=soon", "--lkl-mem=x", "--lkl-variant=x", "--lkl-jobs=-1"])
def test_a_wrong_value_is_refused_at_once(pytester: pytest.Pytester, option: str) -> None:
    """A wrong value of an option ends pytest with its usage error, which names the option."""
    result = pytester.runpytest_subprocess(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.re_match_lines([f"ERROR: {option.partition('=')[0]}: .*"])


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
