"""Programs of any kind that print TAP, as items of a session without kernel and compiler."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.program import run
from tests.processes import gone

Script = Callable[..., Path]
Session = Callable[..., pytest.RunResult]

THREE = """
echo 1..3
echo ok 1 - one
echo not ok 2 - two
echo ok 3 - three '# SKIP no net'
exit 1
"""
# Each a way to end badly, with what is said of it, and the points that passed before.
BAD = {
    "crash": ("echo 1..2; echo ok 1 - one; kill -SEGV $$", "killed by SIGSEGV after the point 'one'", 1),
    "no plan": ("echo ok 1 - one", "there is no plan", 1),
    "half a line": ("echo 1..2; echo ok 1 - one; printf 'ok 2 - tw'; kill -KILL $$", "killed by SIGKILL", 1),
    "too few": ("echo 1..2; echo ok 1 - one", "these never came: 2", 1),
    "too many": ("echo 1..1; echo ok 1 - one; echo ok 2 - two", "outside the plan", 2),
    "status": ("echo 1..1; echo ok 1 - one; exit 3", "exit status 3 after the point 'one'", 1),
    "bail out": ("echo 1..2; echo ok 1 - one; echo 'Bail out! no disk'; exit 255", "bail out: no disk", 1),
    "no TAP": ("echo hello; echo world >&2", "its output has no TAP", 0),
    "nothing": ("exit 0", "its output has no TAP", 0),
    "no command": ("no-such-command", "exit status 127 before its first point: a command was not found", 0),
}


@pytest.fixture
def script(pytester: pytest.Pytester) -> Script:
    """Write an executable shell script beside the suite."""

    def write(text: str, name: str = "check.sh") -> Path:
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def session(pytester: pytest.Pytester, inline: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Run pytest on a suite of declarations, where no compiler and no default kernel can be had."""
    monkeypatch.setenv("LKLTEST_CC", "no-such-compiler")

    def run(declarations: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_suite=f"from lkltest import TapProgram, TapPrograms\n{declarations}")
        return inline("-v", *arguments)

    return run


CHECK = "check = TapProgram(['./check.sh'])"


def outcomes(result: pytest.RunResult) -> list[tuple[str, str]]:
    """The ids and outcomes that -v has printed, without the module."""
    line = r"^test_suite\.py::(.*?) ([A-Z]+(?:\[.*?\])?)(?= +\[ *\d+%\]| \()"
    return re.findall(line, "\n".join(result.outlines), re.MULTILINE)


def test_the_first_run_has_subtests_and_the_second_items(session: Session, script: Script) -> None:
    """Nothing is known of the points before the first run: it shows them as subtests, and the next one as items."""
    script(THREE)
    first = session(CHECK)
    assert outcomes(first) == [
        ("check::program", "SUBPASSED[one]"), ("check::program", "SUBFAILED[two]"),
        ("check::program", "SUBSKIPPED[three]"), ("check::program", "FAILED"),
    ]  # fmt: skip
    second = session(CHECK)
    assert outcomes(second) == [
        ("check::one", "PASSED"), ("check::two", "FAILED"), ("check::three", "SKIPPED"), ("check::exit", "PASSED"),
    ]  # fmt: skip
    assert first.ret == second.ret == 1


def test_the_junit_file_names_subtests(session: Session, script: Script, pytester: pytest.Pytester) -> None:
    """Its entry on a subtest begins with the name of the subtest."""
    script(THREE)
    session(CHECK, "--junitxml=junit.xml")
    (case,) = ET.parse(pytester.path / "junit.xml").iter("testcase")
    told = {child.tag: child.get("message", "").partition(": ")[0] for child in case if child.tag != "system-out"}
    assert told["skipped"] == "three"
    assert [child.get("message", "")[:5] for child in case.iter("failure")] == ["two: ", "conta"]


def test_without_a_cache_each_run_is_the_first(session: Session, script: Script) -> None:
    """Without pytest's cache nothing is remembered, and nothing fails for that."""
    script("echo 1..1; echo ok 1 - one")
    for _ in range(2):
        result = session(CHECK, "-p", "no:cacheprovider")
        assert outcomes(result) == [("check::program", "SUBPASSED[one]"), ("check::program", "PASSED")]


@pytest.mark.parametrize("declaration", [
    "check = TapProgram(['./check.sh'], list=['./check.sh', '--list'])",
    "check = TapProgram(['./check.sh'], names='n')",
    "check = TapProgram(['./check.sh'], names=['one', 'two two'])",
])  # fmt: skip
def test_points_are_known_before_the_run(
    session: Session, script: Script, declaration: str, pytester: pytest.Pytester
) -> None:
    """A command or a file that has the names makes items of the points in the first run."""
    (pytester.path / "n").write_text("KTAP version 1\n1..2\n# of all\none\n\n two two\n")
    script("[ \"$1\" = --list ] && { cat n; exit 0; }\necho 1..2; echo ok 1 - one; echo ok 2 - two two")
    result = session(declaration)
    assert outcomes(result) == [("check::one", "PASSED"), ("check::two two", "PASSED"), ("check::exit", "PASSED")]
    session(declaration, "-k", "two").assert_outcomes(passed=1, deselected=2)


@pytest.mark.parametrize(("declaration", "told"), [
    ("check = TapProgram(['./check.sh'], list=['./check.sh', '--list'])", "exit status 5: no list here"),
    ("check = TapProgram(['./check.sh'], names='none')", "names=none: cannot read .*none: No such file"),
    ("check = TapProgram(['./check.sh'], list=['true'])", "list=.*true printed no names of points"),
    ("check = TapProgram(['./none.sh'])", "no program .*/none.sh: mend the path"),
    ("check = TapProgram(['no-such-program'])", "no no-such-program found in PATH"),
    ("check = TapProgram(['./plain.py'])", "plain.py is not executable: chmod"),
    ("check = TapProgram(['./check.sh'], cwd='none')", "no such directory"),
    ("check = TapPrograms('t/*.t')", r"no file matches t/\*\.t in "),
])  # fmt: skip
def test_mistakes_are_told_without_a_traceback(
    session: Session, script: Script, pytester: pytest.Pytester, declaration: str, told: str
) -> None:
    """A mistake in a declaration fails, and the error names the thing and the next step."""
    (pytester.path / "plain.py").write_text("print('1..0')")
    script("[ \"$1\" = --list ] && { echo no list here >&2; exit 5; }\necho 1..1; echo ok 1 - one")
    result = session(declaration)
    assert result.ret != 0
    result.stdout.re_match_lines([f".*{told}.*"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("name", BAD)
def test_a_bad_end_fails(session: Session, script: Script, name: str) -> None:
    """Each way to end badly fails the run and says how, in the first run and where the points are known."""
    text, told, passed = BAD[name]
    script(text)
    for _ in range(2):
        result = session(CHECK)
        assert result.ret == 1
        ends = [outcome for id, outcome in outcomes(result) if id.endswith(("program", "exit"))]
        assert ends[-1] == "FAILED"
        assert sum("PASSED" in outcome for _, outcome in outcomes(result)) == passed
        assert told in result.stdout.str()


def test_a_crash_is_blamed_on_the_point_behind_the_last(
    session: Session, script: Script, pytester: pytest.Pytester
) -> None:
    """Of the known points the next one was running; those behind it were not reached."""
    (pytester.path / "n").write_text("one\ntwo\nthree\n")
    script("echo 1..3; echo ok 1 - one; echo 'no memory' >&2; kill -SEGV $$")
    result = session("check = TapProgram(['./check.sh'], names='n')")
    assert outcomes(result)[:2] == [("check::one", "PASSED"), ("check::two", "FAILED")]
    result.stdout.re_match_lines(["the program was killed by SIGSEGV after the point 'one'"])
    result.stdout.re_match_lines(["last lines of standard error:", "no memory"])
    result.stdout.re_match_lines(["not reached: the program was killed by SIGSEGV.*"])
    result.assert_outcomes(passed=1, failed=3)


def test_the_timeout_counts_from_point_to_point(session: Session, script: Script) -> None:
    """A program that is silent for too long is killed; one whose points come in time is not, however many there are."""
    script("echo 1..3; for n in 1 2 3; do sleep 0.7; echo ok $n - p$n; done")
    session("check = TapProgram(['./check.sh'], point_timeout=1.5)").assert_outcomes(passed=1)
    script("echo 1..2; echo ok 1 - one; sleep 1000; echo ok 2 - two", "hangs.sh")
    result = session("check = TapProgram(['./hangs.sh'], point_timeout=1.5)")
    assert result.ret == 1
    result.stdout.re_match_lines(["killed after the point 'one': the point's timeout of 1.5 s has passed.*"])


def test_points_of_subtests_are_signs_of_life(session: Session, script: Script) -> None:
    """A point inside a subtest moves the deadline of the point around it."""
    script("echo 1..1; echo '# Subtest: all'; for n in 1 2 3; do sleep 0.7; echo \"    ok $n - p$n\"; done; "
           "echo '    1..3'; echo ok 1 - all")
    session("check = TapProgram(['./check.sh'], point_timeout=1.5)").assert_outcomes(passed=1)


@pytest.mark.parametrize("start", ["", "setsid "])
def test_nothing_outlives_the_program(session: Session, script: Script, pytester: pytest.Pytester, start: str) -> None:
    """Processes that the program has left behind are killed with it, and keep nobody waiting."""
    script("while :; do echo $$ > alive; sleep 0.1; done", "child.sh")
    script(f"{start}./child.sh &\nwhile [ ! -s alive ]; do sleep 0.05; done; echo 1..1; echo ok 1 - one")
    session(CHECK).assert_outcomes(passed=1)
    child = int((pytester.path / "alive").read_text())
    assert gone(child)


@pytest.mark.parametrize("noise", ["yes noise", "yes noise >&2", "tr '\\0' x < /dev/zero"])
def test_a_flood_is_ended_and_bounded(session: Session, script: Script, pytester: pytest.Pytester, noise: str) -> None:
    """A program that prints without end is killed when its timeout has passed, and what is kept of it has a bound."""
    script(f"echo 1..1; echo ok 1 - one; {noise}")
    result = session("check = TapProgram(['./check.sh'], timeout=0.25)")
    assert result.ret == 1
    result.stdout.re_match_lines([".*timeout of 0.25 s has passed.*"])
    kept = next((pytester.path / "lkltest-artifacts").glob("*/"))
    assert sum(file.stat().st_size for file in kept.iterdir()) < 40 << 20


def test_points_without_end_are_ended(session: Session, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that prints more points than are read is killed."""
    # Noise between the points: a megabyte, which is read at once, then has hundreds of them.
    script("yes \"$(printf 'ok - again\\n%04000d' 0)\"")
    monkeypatch.setattr(run, "MOST_POINTS", 100)
    session(CHECK)
    result = session(CHECK)
    assert result.ret == 1
    result.stdout.re_match_lines([r"killed: it has printed \d+ points, more than are read"])


def test_what_a_failure_says_is_shown_and_kept(session: Session, script: Script, pytester: pytest.Pytester) -> None:
    """Comments, other output and standard error are told with the failed point; all output is an artifact."""
    script("echo 1..2; echo ok 1 - one; sleep 0.2; echo some noise\n"
           "echo not ok 2 - two; echo '# because'; echo oops >&2; exit 1")
    session(CHECK)
    result = session(CHECK)
    result.stdout.re_match_lines([
        "because", "standard output about this time:", "some noise", "standard error about this time:", "oops",
        "by hand:   cd .* && .*/check.sh", "artifacts: .*",
    ])  # fmt: skip
    kept = next((pytester.path / "lkltest-artifacts").glob("*/"))
    assert (kept / "console.log").read_text() == "oops\n"
    assert "not ok 2 - two" in (kept / "output.tap").read_text()
    assert (kept / "command").read_text().startswith("cd ")


def test_names_that_are_new_or_gone_fail_nothing_but_show(session: Session, script: Script) -> None:
    """A remembered point that does not come is skipped, one that was not known is a subtest of the end."""
    script("echo 1..2; echo ok 1 - one; echo ok 2 - old")
    session(CHECK)
    script("echo 1..2; echo ok 1 - one; echo ok 2 - new")
    result = session(CHECK)
    assert outcomes(result) == [
        ("check::one", "PASSED"), ("check::old", "SKIPPED"),
        ("check::exit", "SUBPASSED[new]"), ("check::exit", "PASSED"),
    ]  # fmt: skip
    assert result.ret == 0
    assert outcomes(session(CHECK)) == [("check::one", "PASSED"), ("check::new", "PASSED"), ("check::exit", "PASSED")]


def test_a_new_point_that_fails_is_no_pass(session: Session, script: Script) -> None:
    """A failure of a point that nobody knew of fails the end, also where the end is deselected."""
    script("echo 1..1; echo ok 1 - one")
    session(CHECK)
    script("echo 1..2; echo ok 1 - one; echo not ok 2 - new; exit 1")
    result = session(CHECK, "-k", "one")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.re_match_lines(["new: not ok.*"])
    script("echo 1..3; echo ok 1 - one; echo ok 2 - new; echo not ok 3 - newer; exit 1")
    result = session(CHECK)
    assert ("check::exit", "SUBFAILED[newer]") in outcomes(result)
    assert outcomes(result)[-1] == ("check::exit", "FAILED")


def test_a_run_cut_short_forgets_nothing(session: Session, script: Script) -> None:
    """The points behind a crash are still known in the next run."""
    script("echo 1..2; echo ok 1 - one; echo ok 2 - two")
    session(CHECK)
    script("echo 1..2; echo ok 1 - one; kill -SEGV $$")
    for _ in range(2):
        session(CHECK).assert_outcomes(passed=1, failed=2)


def test_names_that_ids_dislike(session: Session, script: Script) -> None:
    """Brackets, colons, control characters, twins and no name at all make items that can be told apart and selected."""
    script("""printf '1..9\\nok 1 - a[0]::b\\nok 2 - a(0):b\\nok 3 - same\\nok 4 - same\\nok 5\\nok 6 - exit\\n'
              printf 'ok 7 - __init__\\nok 8 - \\033[1mbold\\nok 9 - ::\\n'""")
    session(CHECK)
    result = session(CHECK)
    assert [id.removeprefix("check::") for id, _ in outcomes(result)] == [
        "a(0):b", "a(0):b#2", "same", "same#2", "point-5", "exit", "__init__#point", "\\x1b(1mbold", "point",
        "exit#program",
    ]  # fmt: skip
    result.assert_outcomes(passed=10)
    session(CHECK, "test_suite.py::check::a(0):b#2").assert_outcomes(passed=1)
    assert len({line for line in session(CHECK, "-n2").outlines if "[gw1]" in line and "PASSED" in line}) in (0, 10)


def test_the_result_of_a_subtest_decides(session: Session, script: Script) -> None:
    """Points inside a point are its subtests: they fail with it, and are excused with it."""
    script("""printf '1..2\\n# Subtest: bad\\n    ok 1 - x\\n    not ok 2 - y\\n    1..2\\nnot ok 1 - bad\\n'
              printf '# Subtest: fine\\n    not ok 1 - z\\n    1..1\\nok 2 - fine\\n'; exit 1""")
    assert ("check::program", "SUBPASSED[bad > x]") in outcomes(session(CHECK))
    assert outcomes(session(CHECK)) == [
        ("check::bad", "SUBPASSED[x]"), ("check::bad", "SUBFAILED[y]"), ("check::bad", "FAILED"),
        ("check::fine", "SUBXFAIL[z]"), ("check::fine", "PASSED"), ("check::exit", "PASSED"),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), [
    ("echo '1..0 # SKIP no perl'", "no perl"), ("echo TAP version 13; echo '1..0 # SKIP not root'; exit 4", "not root"),
])  # fmt: skip
def test_a_program_that_skips_all_is_skipped(session: Session, script: Script, text: str, reason: str) -> None:
    """The reason of a skip of all is told, also with kselftest's exit status for it; --lkl-strict forbids it."""
    script(text)
    session(CHECK).stdout.re_match_lines([rf".*::program SKIPPED \({reason}\).*"])
    session(CHECK, "--lkl-strict").assert_outcomes(failed=1)


def test_skips_that_are_not_ok_are_excused_where_asked(session: Session, script: Script) -> None:
    """Skips that are `not ok` come from bats -F tap13 and cmocka, whose exit status is 0 then."""
    script("echo 1..1; echo 'not ok 1 - one # SKIP no net'")
    result = session(CHECK)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*--tap-excuse-skips, or excuse_skips=True*"])
    session("check = TapProgram(['./check.sh'], excuse_skips=True)").assert_outcomes(skipped=1, passed=1)


def test_directory_environment_and_fixtures(session: Session, script: Script, pytester: pytest.Pytester) -> None:
    """The program runs where its declaration says, with what it adds to the environment and to the arguments."""
    (pytester.path / "sub").mkdir()
    script('echo 1..1; echo "ok 1 - $(basename "$PWD") $COLOR $HOME_SET $1 $(basename "$2")"')
    result = session(
        "@TapProgram(['./check.sh', 'first'], cwd='sub', env={'COLOR': 'blue'})\n"
        "def check(tmp_path, monkeypatch_home):\n    return [str(tmp_path)]\n"
        "import pytest, os\n@pytest.fixture(scope='class')\ndef tmp_path():\n    return '/some/where'\n"
        "@pytest.fixture(scope='class', autouse=True)\ndef monkeypatch_home():\n    os.environ['HOME_SET'] = 'home'\n"
    )
    assert outcomes(result)[0] == ("check::program", "SUBPASSED[sub blue home first where]")


def test_a_directory_of_programs(session: Session, script: Script, pytester: pytest.Pytester) -> None:
    """Each file that matches is a program of its own; Perl's need no mode and no #! line, as under prove."""
    script("echo 1..1; echo ok 1 - one", "t/a.t")
    script("echo 1..1; echo not ok 1 - one; exit 1", "t/deep/b.t")
    (pytester.path / "t/c.t").write_text("use Test::More tests => 2; ok 1, 'perl'; is 1, 2, 'fails';")
    result = session("all = TapPrograms('t/**/*.t', timeout=100)")
    assert outcomes(result) == [
        ("all:t/a.t::program", "SUBPASSED[one]"), ("all:t/a.t::program", "PASSED"),
        ("all:t/c.t::program", "SUBPASSED[perl]"), ("all:t/c.t::program", "SUBFAILED[fails]"),
        ("all:t/c.t::program", "FAILED"),
        ("all:t/deep/b.t::program", "SUBFAILED[one]"), ("all:t/deep/b.t::program", "FAILED"),
    ]  # fmt: skip
    result.stdout.re_match_lines(["standard error about this time:", ".*Failed test 'fails'.*", r".*got: '1'"])
    again = session("all = TapPrograms('t/**/*.t', timeout=100)")
    again.assert_outcomes(passed=5, failed=2)


@pytest.mark.parametrize("directory", [".", "elsewhere"])
def test_the_command_line_needs_no_python_file(
    pytester: pytest.Pytester, script: Script, inline: Session, monkeypatch: pytest.MonkeyPatch, directory: str
) -> None:
    """--tap-program runs programs, and nothing else; paths are relative to the present directory."""
    monkeypatch.setenv("LKLTEST_CC", "no-such-compiler")
    pytester.makepyfile(test_other="def test_other(): assert False")
    path = script(THREE)
    (pytester.path / "elsewhere").mkdir(exist_ok=True)
    monkeypatch.chdir(pytester.path / directory)
    named = f"./{path.name}" if directory == "." else f"../{path.name}"
    options = [f"--tap-program={named} --fast", f"--rootdir={pytester.path}", "-v"]
    first = inline(*options)
    first.stdout.re_match_lines([r"(\.\./)?check\.sh::check\.sh --fast::program SUBFAILED\[two\].*"])
    second = inline(*options)
    second.assert_outcomes(passed=2, failed=1, skipped=1)
    inline(*options, "--lf").assert_outcomes(failed=1, deselected=3)
    third = inline(*options, "-n1", str(pytester.path / "test_other.py"))
    third.assert_outcomes(passed=2, failed=2, skipped=1)


def test_the_command_line_takes_patterns_and_programs_of_path(inline: Session, script: Script) -> None:
    """A quoted pattern is several programs; a word without a slash is looked for in PATH."""
    script("echo 1..1; echo ok 1 - one", "t/a.t")
    script("echo 1..1; echo ok 1 - two", "t/b.t")
    result = inline(
        "--tap-program=t/*.t", "--tap-program=sh -c 'echo 1..1; echo ok 1 - three'", "-v"
    )
    result.assert_outcomes(passed=3)
    assert sorted(re.findall(r"SUBPASSED\[(\w+)\]", result.stdout.str())) == ["one", "three", "two"]


@pytest.mark.parametrize("value", ["./none.sh", "none", "'", "", "t/*.t"])
def test_a_wrong_command_line_is_refused(inline: Session, value: str) -> None:
    """A program that is not there is pytest's usage error."""
    result = inline(f"--tap-program={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.re_match_lines(["ERROR: --tap-program: .*"])


def test_each_program_runs_once_under_xdist(session: Session, script: Script, pytester: pytest.Pytester) -> None:
    """-n 2 keeps the points of a program on one worker, and spreads programs and other tests."""
    for name in ("a", "b"):
        script(f"echo run >> {name}.log; echo 1..2; echo ok 1 - one; echo 'ok 2 - a[1]::b'", f"{name}.sh")
    more = "\n".join(f"def test_{number}(): pass" for number in range(4))
    suite = f"a = TapProgram(['./a.sh'])\nclass Test:\n    b = TapProgram(['./b.sh'])\n{more}"
    session(suite)
    result = session(suite, "-n2")
    result.assert_outcomes(passed=10)
    assert [(pytester.path / f"{name}.log").read_text() for name in "ab"] == ["run\n" * 2] * 2


def test_selection_and_reports(session: Session, script: Script, pytester: pytest.Pytester) -> None:
    """-k, --lf, -x and JUnit work on single points."""
    script(THREE)
    session(CHECK)
    session(CHECK, "--junitxml=junit.xml")
    cases = {case.get("name"): case for case in ET.parse(pytester.path / "junit.xml").iter("testcase")}
    assert list(cases) == ["one", "two", "three", "exit"]
    assert cases["two"].find("failure") is not None
    assert cases["three"].find("skipped") is not None
    session(CHECK, "-k", "one or three").assert_outcomes(passed=1, skipped=1, deselected=2)
    session(CHECK, "-x").assert_outcomes(passed=1, failed=1)
    session(CHECK, "--lf").assert_outcomes(failed=1, deselected=3)


@pytest.mark.usefixtures("lean_sessions")
def test_no_kernel_and_no_compiler_is_loaded(pytester: pytest.Pytester, script: Script) -> None:
    """A session of such programs imports nothing of liblkl, UML, images' kernels, the compiler or the fuzzer."""
    script("echo 1..1; echo ok 1 - one")
    loaded = (
        "def test_loaded():\n    import sys\n    names = {name.split('.')[1] for name in sys.modules if "
        "name.startswith('lkltest.')}\n    assert not names & {'liblkl', 'uml', 'cc', 'fuzz', 'gate', 'powercut'}\n"
    )
    pytester.makepyfile(test_suite=f"from lkltest import TapProgram\n{CHECK}\n{loaded}")
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
    pytester.runpytest_subprocess().assert_outcomes(passed=3)


@pytest.mark.parametrize("given", ["'check.sh'", "'./check'", "'check.py'", "['./check.sh']"])
def test_a_program_that_is_no_c_names_what_to_use(session: Session, script: Script, given: str) -> None:
    """A Program that is given something else than a C source says that there is TapProgram."""
    script("echo 1..1; echo ok 1 - one")
    result = session(f"from lkltest import Program\ncheck = Program({given})")
    assert result.ret != 0
    result.stdout.re_match_lines([r".*Program\(.*\): .*C source.*TapProgram\(\['\./check\.sh'\]\).*"])


def test_programs_that_end_alike_are_each_told(pytester: pytest.Pytester, inline: Session) -> None:
    """Two programs that end in the same words have a section each: only what each has kept from a result is grouped."""
    pytester.makepyfile("""
        from lkltest import TapProgram
        one = TapProgram(["sh", "-c", "echo TAP version 13; echo 1..3; echo ok 1 - a; exit 3"], names="names")
        two = TapProgram(["sh", "-c", "echo TAP version 13; echo 1..3; echo ok 1 - a; exit 3"], names="names")
    """)
    (pytester.path / "names").write_text("a\nb\nc\n")
    result = inline("-p", "no:cacheprovider")
    sections = [line for line in result.stdout.lines if re.fullmatch(r"_+ (one|two)\..* _+", line)]
    assert {name for name in ("one", "two") if any(f" {name}." in line for line in sections)} == {"one", "two"}
