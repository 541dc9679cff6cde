"""Programs that hang, flood or are interrupted, on a real kernel."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from tests.plugin.conftest import PROGRAMS, Pytest


@pytest.mark.parametrize("program", ["hangs", "stops"])
def test_a_hang_ends_at_the_timeout(suite: Pytest, pytester: pytest.Pytester, program: str) -> None:
    """A point past its timeout is killed with its children, and its stacks are shown, even of a stopped process."""
    result = suite(program, "-v")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.re_match_lines([
        r".*killed in the point 'hang': the point's timeout of 0.5 s has passed", r" +#\d+ +point_hang +.*\.c:\d+"
    ])
    assert not running(pytester)


def running(pytester: pytest.Pytester) -> list[Path]:
    """Processes of a test's own sessions that still run: all have inherited the sessions' home directory."""
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
        (["--lkl-point-timeout=0.4"], "the point's timeout of 0.4 s"),
        (["--lkl-timeout=0.4"], "the program's timeout of 0.4 s"),
        (["-o", "lkl_timeout=0.4"], "the program's timeout of 0.4 s"),
    ],
)
def test_timeouts_are_options_and_ini_settings(suite: Pytest, options: list[str], text: str) -> None:
    """A user shortens a timeout on the command line or in an ini file."""
    result = suite("floods", *options)
    result.stdout.re_match_lines([f".*{text} has passed"])


def test_a_mark_sets_a_timeout(suite: Pytest, pytester: pytest.Pytester, liblkl: Liblkl) -> None:
    """A suite marks its programs with timeouts of their own."""
    suite("floods", "--collect-only")  # writes the suite, which is then marked
    path = pytester.path / "test_suite.py"
    path.write_text("import pytest\npytestmark = pytest.mark.lkl_timeout(0.3)\n" + path.read_text())
    result = pytester.runpytest_subprocess(f"--lkl={liblkl.path}", timeout=300)
    result.stdout.re_match_lines([".*the program's timeout of 0.3 s has passed"])


def test_a_wrong_mark_is_told(suite: Pytest, pytester: pytest.Pytester, liblkl: Liblkl) -> None:
    """A timeout that is no number, or for something else, is an error and not ignored."""
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
