"""`pytest --lkl-cov`, and `lkltest cov` on what it saves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lkltest import cli
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from tests.coverage.conftest import PROGRAMS, TRACED, line_of

SUITE = f"""
from lkltest import Program

covers = Program({str(PROGRAMS / 'covers.c')!r})


@Program({str(PROGRAMS / 'covers.c')!r})
def crashing(kernel):
    return ["crash=1"]
"""


@pytest.fixture
def session(pytester: pytest.Pytester, traced: Liblkl, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Run pytest on a suite of the program covers.c."""
    monkeypatch.setenv("LKLTEST_CACHE", str(settings.cache))  # pytester moves the home directory
    pytester.makepyfile(test_suite=SUITE)
    return Session(pytester, traced)


class Session:
    """Runs of pytest in one directory."""

    def __init__(self, pytester: pytest.Pytester, kernel: Liblkl) -> None:
        self.pytester = pytester
        self.kernel = kernel

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest with coverage of the traced kernel."""
        words = (f"--lkl={self.kernel.path}", "--lkl-cov=cov", *arguments)
        return self.pytester.runpytest_subprocess(*words, timeout=300)

    def hits(self) -> dict[int, int]:
        """The hits of the lines of traced.c, from the lcov file."""
        text = (self.pytester.path / "cov/lcov.info").read_text()
        record = re.search(rf"^SF:{re.escape(str(TRACED))}\n(.*?)^end_of_record", text, re.M | re.S)
        assert record
        return {int(line): int(hits) for line, hits in re.findall(r"^DA:(\d+),(\d+)$", record[1], re.M)}


@pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_session_reports_lines_and_hits(session: Session, spread: tuple[str, ...]) -> None:
    """The table and the lcov file have what all programs reached, one that crashed included, however it is spread."""
    result = session.run(*spread)
    assert result.ret == 1  # the crash
    hits = session.hits()
    assert hits[line_of("return n ? n * 3 : -1;")] == 0
    assert hits[line_of("return -n;")] == 2  # `low` of both programs
    assert hits[line_of("n /= 2;")] == 2
    result.stdout.re_match_lines([r"directory +lines +hit +share", r"TOTAL +\d+ +\d+ +\d+\.\d%"])


def test_earlier_data_go_unless_they_are_kept(session: Session) -> None:
    """A session's report is its own; with --lkl-cov-append earlier sessions count, too."""
    assert session.run("-k", "covers and low").ret == 0
    assert session.run("-k", "covers and high").ret == 0
    assert session.hits()[line_of("return -n;")] == 0
    assert session.run("-k", "covers and low", "--lkl-cov-append").ret == 0
    assert session.hits()[line_of("return -n;")] == 1
    assert session.hits()[line_of("return halved(n);")] == 1


def test_a_share_under_the_bound_fails(session: Session) -> None:
    """--lkl-cov-fail-under fails a session whose tests pass; a bound that holds does not."""
    result = session.run("-k", "covers and low", "--lkl-cov-fail-under=99")
    assert result.ret == 1
    result.stdout.re_match_lines([r"coverage of all is \d+\.\d\d%, less than 99%"])
    assert session.run("-k", "covers and low", "--lkl-cov-fail-under=0.1").ret == 0


@pytest.mark.usefixtures("session")
def test_a_kernel_that_is_not_instrumented_is_refused(pytester: pytest.Pytester, liblkl: Liblkl) -> None:
    """Coverage of a plain kernel would be nothing: the session ends before it runs, with the cure."""
    result = pytester.runpytest_subprocess(f"--lkl={liblkl.path}", "--lkl-cov=cov", timeout=300)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "KCFLAGS=-fsanitize-coverage=trace-pc" in result.stdout.str() + result.stderr.str()


def test_a_directory_of_something_else_is_refused(pytester: pytest.Pytester, session: Session) -> None:
    """A path that was meant for pytest and taken for --lkl-cov's is left alone."""
    (pytester.mkdir("cov") / "test_mine.py").write_text("")
    result = session.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "holds other things" in result.stdout.str() + result.stderr.str()
    assert [path.name for path in Path("cov").iterdir()] == ["test_mine.py"]


def test_saved_data_are_reported_and_compared(
    session: Session, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lkltest cov` merges, filters by point, compares two runs, and judges a patch, without running anything."""
    cache = f"--cache={settings.cache}"
    session.run("-k", "covers and low")
    assert cli.main(["cov", "merge", "cov", "-o", "low.lklcov", cache]) == 0
    session.run("-k", "covers and high")
    assert cli.main(["cov", "diff", "low.lklcov", "cov", cache]) == 0
    assert f"+ {TRACED}: halved" in capsys.readouterr().out

    line = line_of("return -n;")
    assert cli.main(["cov", "report", "low.lklcov", "cov", "--line", f"traced.c:{line}", cache]) == 0
    (point,) = capsys.readouterr().out.split()
    assert point.startswith("test_suite.py::covers::low[")
    assert cli.main(["cov", "report", "cov", "--line", f"traced.c:{line + 1}", cache]) == 2
    assert "nearest" in capsys.readouterr().err

    patch = Path("patch.diff")
    patch.write_text(f"--- a/traced.c\n+++ b/traced.c\n@@ -{line},0 +{line} @@\n+\treturn -n;\n")
    assert cli.main(["cov", "diff", "--patch", "patch.diff", "cov", cache]) == 1
    assert f"traced.c:{line}" in capsys.readouterr().out
    assert cli.main(["cov", "diff", "--patch", "patch.diff", "cov", "low.lklcov", cache]) == 0
    assert "1 of 1 lines" in capsys.readouterr().out
    assert cli.main(["cov", "lcov", "cov", "--contexts", "no such point", cache]) == 0
    assert "LH:0" in capsys.readouterr().out


def test_the_html_report_shows_sources(
    session: Session, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line of a source is there, marked as reached or not, with its points; without its source, its numbers."""
    cache = f"--cache={settings.cache}"
    session.run("-k", "covers and low")
    assert cli.main(["cov", "html", "cov", "-o", "pages", cache]) == 0
    assert "pages/index.html" in capsys.readouterr().out
    (page,) = Path("pages").glob("traced.c-*.html")
    marks = dict(re.findall(r'id="L(\d+)" class="(\w+)"', page.read_text()))
    assert marks[str(line_of("return -n;"))] == "hit"
    assert marks[str(line_of("return n ? n * 3 : -1;"))] == "missed"
    assert "covers::low[" in page.read_text()
    assert page.name in Path("pages/index.html").read_text()


def test_wrong_data_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A directory without data, and a file that is none, are named, with exit status 2."""
    assert cli.main(["cov", "report", str(tmp_path)]) == 2
    assert "no coverage data" in capsys.readouterr().err
    (tmp_path / "x.lklcov").write_bytes(b"x")
    assert cli.main(["cov", "report", str(tmp_path)]) == 2
    assert "cut short" in capsys.readouterr().err


def test_doctor_says_whether_a_kernel_is_instrumented(
    traced: Liblkl, liblkl: Liblkl, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The row "coverage" tells an instrumented kernel, and how it reports, from a plain one."""
    told = []
    for kernel in (traced, liblkl):
        cli.main(["doctor", "--lkl", str(kernel.path), "--cache", str(settings.cache)])
        told.append(re.search(r"^ *coverage +(.*)$", capsys.readouterr().out, re.M))
    assert [row and row[1].split(":")[0] for row in told] == ["instrumented (trace-pc)", "not instrumented"]
