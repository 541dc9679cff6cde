"""An init that misbehaves fails at the point that was running, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lkltest.host import process
from lkltest.uml import Uml

PROGRAMS = Path(__file__).parent / "programs"

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, uml: Uml) -> Iterator[Run]:
    """Run pytest on one of the programs, under UML only; afterwards, nothing of the UML runs any more."""

    def run(name: str, *arguments: str) -> pytest.RunResult:
        shutil.copy(PROGRAMS / f"{name}.c", pytester.path)
        pytester.makepyfile(test_it=f"from lkltest import Program\n{name} = Program('{name}.c')\n")
        options = ["-v", "-p", "no:cacheprovider", "--lkl-variant", "fast", f"--uml={uml.path}", "-k", uml.name]
        return pytester.runpytest_subprocess(*options, *arguments, timeout=120)

    yield run
    deadline = time.monotonic() + 30
    while (left := processes_in(pytester.path)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left


def processes_in(directory: Path) -> list[str]:
    """The processes other than this one that run in a directory below `directory`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(directory) and entry.name != str(os.getpid()):
                found.append(entry.name)
    return found


def expect(result: pytest.RunResult, *, bad: str, passed: int) -> None:
    """The named point and the end failed, points before it passed."""
    result.stdout.re_match_lines_random([
        r"test_it\.py::\w+::first\[uml-.*\] PASSED.*", rf"test_it\.py::\w+::{bad}\[uml-.*\] FAILED.*",
        r"test_it\.py::\w+::exit\[uml-.*\] FAILED.*",
    ])  # fmt: skip
    assert result.parseoutcomes()["passed"] == passed
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.no_fnmatch_line("*Traceback*")


def test_init_that_exits(run: Run, pytester: pytest.Pytester) -> None:
    """An init that exits makes the kernel panic: the point that was running fails by its message, by hand as well."""
    result = run("exits")
    expect(result, bad="exits", passed=1)
    panic = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300"
    result.stdout.fnmatch_lines([f"{panic} in do_exit (the program was killed by SIGABRT in the point 'exits')"])
    files = (pytester.path / "lkltest-artifacts").glob("*/*")
    kept = [path.read_text(errors="replace") for path in files if path.is_file()]
    assert any(panic in text for text in kept)
    by_hand = next(line for line in result.outlines if line.startswith("by hand: "))
    again = process.run(shlex.split(by_hand.removeprefix("by hand:")), merge=True, timeout=60)
    assert b"ok 1 first" in again.output
    assert panic.encode() in again.output


def test_init_that_loops(run: Run) -> None:
    """An init that loops ends at the point's deadline, with the console's last lines."""
    result = run("loops", "--lkl-point-timeout", "8")
    expect(result, bad="loops", passed=1)
    result.stdout.fnmatch_lines(["*the last words*"])


def test_half_a_stream(run: Run) -> None:
    """An init that powers off in the middle of its TAP stream fails, although UML's exit status is 0."""
    expect(run("half"), bad="half", passed=1)


def test_console_that_floods(run: Run) -> None:
    """200 MB on the console hurt nobody: every point has its result, and what is kept is small."""
    result = run("floods", "--lkl-point-timeout", "100")
    assert result.parseoutcomes()["passed"] == 4
    assert result.ret == 0
