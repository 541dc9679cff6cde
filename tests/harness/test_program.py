"""The run of a program, and its end."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from lkltest.errors import BuildError
from lkltest.host import process
from tests.harness.stream import SHAPES, Build, Run, failed, read
from tests.processes import gone


def test_it_lists_its_points_without_booting(program: Build) -> None:
    """--list prints the names in order, and nothing else."""
    done = process.run([program("plant"), "--list"], timeout=60)
    assert done.status == 0
    assert done.output.decode().split() == ["start_kernel", "first", "second", "third", "fourth"]
    assert done.errors == b""


@pytest.mark.parametrize(
    "argument", ["--nonsense", "nonsense", "--mem=", "--mem=-1", "--mem=12Q", "--mem=99999999999G"]
)
def test_a_bad_argument_is_told(program: Build, argument: str) -> None:
    """An argument that makes no sense ends the program before it runs anything."""
    done = process.run([program("checks"), argument], timeout=60)
    assert (done.status, done.output) == (2, b"")
    assert argument in done.errors.decode()
    assert "usage:" in done.errors.decode()


def test_arguments_reach_the_kernel(run: Run) -> None:
    """--mem and --cmdline do."""
    log = run("plant", "--mem=40M", "--cmdline=lkltest_word=7").points["start_kernel"].block["log"]
    assert "lkltest_word=7" in log
    assert re.search(r"Memory available: (3\d|40)\d{3}k", log)


@pytest.mark.parametrize("shell", [">&-", ">/dev/full", "| true"])
def test_results_that_cannot_be_written_are_told(program: Build, tmp_path: Path, shell: str) -> None:
    """A program whose stdout is closed, full or broken fails, and says why."""
    # More than a pipe holds, so that its reader is gone before all of it is written.
    log = tmp_path / "log"
    log.write_text("x\n" * 100000)
    script = f'{{ "$0" "file=$1" 2>"$2"; echo "status $?" >&2; }} {shell}'
    errors = tmp_path / "errors"
    done = process.run(["sh", "-c", script, program("bytes"), log, errors], timeout=60)
    assert done.errors.decode() == "status 5\n"
    assert "stdout" in errors.read_text()


def test_no_stream_at_all_is_no_success(program: Build) -> None:
    """With both streams closed nothing can be told but by the exit status."""
    done = process.run(["sh", "-c", 'exec "$0" file=/dev/null <&- >&- 2>&-', program("bytes")], timeout=60)
    assert done.status == 5


def test_a_closed_stderr_costs_no_result(program: Build) -> None:
    """Without a stderr the results are the same, and the console goes into no file of the test's."""
    done = process.run(["sh", "-c", 'exec "$0" 2>&-', program("plant")], timeout=60)
    output = read(done)
    assert (output.status, failed(output)) == (0, [])


def test_a_kernel_that_does_not_start_ends_the_program(run: Run) -> None:
    """No later point is run on a kernel that is not there."""
    flags = ("-DSTOPS", "-include", str(SHAPES / "refuses.h"))
    output = run("plant", flags=flags)
    assert failed(output) == ["start_kernel"] == list(output.points)
    assert output.bail_out is not None
    assert "did not start" in output.bail_out
    assert "Out of memory" in output.bail_out
    assert output.status == 3


def test_no_orphan_survives(program: Build) -> None:
    """With LKLTEST_PDEATHSIG=1 a program dies with its parent."""
    script = '"$0" </dev/null & echo "pid $!" >&2; sleep 0.3; kill -9 $$'
    done = process.run(["sh", "-c", script, program("forever")], env={"LKLTEST_PDEATHSIG": "1"}, timeout=60)
    assert done.signal == signal.SIGKILL
    pid = int(re.findall(r"pid (\d+)", done.errors.decode())[0])
    assert gone(pid)


def test_a_program_that_includes_us_too_late_is_told(program: Build, tmp_path: Path) -> None:
    """Without the C library's extensions functions would be called undeclared."""
    source = tmp_path / "late.c"
    source.write_text("#include <stdio.h>\n#include <lkltest.h>\nint main(void) { return 0; }\n")
    with pytest.raises(BuildError, match=r"include <lkltest.h> before"):
        program(source, "-U_GNU_SOURCE")


@pytest.mark.parametrize(("argument", "names"), [
    ("--only=ordered,equal", ["equal", "ordered"]), ("--only=passes", ["passes"]),
])  # fmt: skip
def test_a_part_of_the_points_runs(run: Run, argument: str, names: list[str]) -> None:
    """--only runs the named points in the table's order, with a plan of their own."""
    assert list(run("checks", argument).points) == names


def test_points_are_left_out(run: Run) -> None:
    """--skip runs all the others."""
    assert {"equal", "passes"}.isdisjoint(run("checks", "--skip=equal,passes").points)


@pytest.mark.parametrize("argument", ["--only=equal,equa", "--only=", "--skip=nothing"])
def test_an_unknown_point_is_refused(program: Build, argument: str) -> None:
    """A part that names a point that the table has not got runs nothing."""
    done = process.run([program("checks"), argument], timeout=60)
    assert (done.status, done.output) == (2, b"")
    assert b"see --list" in done.errors
