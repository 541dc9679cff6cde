"""The customs of kselftest, and what its tests ask of a kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import tap
from lkltest.host.process import Ended
from lkltest.kselftest import tests as selftests
from lkltest.kselftest.sources import Sources
from lkltest.program import kselftest
from lkltest.program.evidence import Evidence, Output
from lkltest.program.results import Kind, Result, State
from lkltest.program.verdict import judge, lost

BOOT = b"[    0.000000] Linux version 6.1\n[    0.100000] WARNING: CPU: 0 PID: 1 at boot.c:1\n"
END = b"\n\nlkltest: exit %d\n[    1.000000] reboot: System halted\n"


def evidence(status: int | None, console: bytes = b"", *states: State, planned: bool = False) -> Evidence:
    """The evidence of a program in a UML that ended by itself."""
    told = BOOT + b"lkltest: begin\n" + console + (END % status if status is not None else b"")
    results = {str(number): Result(str(number), state) for number, state in enumerate(states)}
    return Evidence(
        Ended((), 0, None, timed_out=False, seconds=1.0), Output(planned=planned), results=results, foreign=True,
        by_status=True, init_status=kselftest.init_status(told), console=told, complaints=kselftest.complaints(told),
    )  # fmt: skip


@pytest.mark.parametrize(("status", "kinds"), [
    (0, []), (4, []), (1, [Kind.EXIT_STATUS, Kind.OUTPUT]), (139, [Kind.EXIT_STATUS, Kind.OUTPUT]),
    (None, [Kind.NO_RESULT]),
])  # fmt: skip
def test_a_status_tells_where_no_tap_does(status: int | None, kinds: list[Kind]) -> None:
    """A program without TAP passes or skips by its exit status; a kernel that ends before it says so is lost."""
    found = [problem.kind for problem in judge(evidence(status)).problems]
    assert found[: len(kinds)] == kinds[: len(found)]
    assert bool(found) == bool(kinds)


def test_a_skip_after_some_points() -> None:
    """Exit status 4 skips what the plan has left, unless a point has failed."""
    told = evidence(4, b"", State.PASSED, State.SKIPPED)
    assert judge(told).problems == ()
    assert lost("3", told, judge(told)).state is State.SKIPPED
    failed = evidence(4, b"", State.PASSED, State.FAILED)
    assert judge(failed).problems != ()
    assert lost("3", failed, judge(failed)).state is State.LOST


@pytest.mark.parametrize(("status", "kind", "good"), [
    (0, tap.ProblemKind.NO_PLAN, True), (1, tap.ProblemKind.NO_PLAN, False),
    (0, tap.ProblemKind.MISSING_POINTS, False),
])  # fmt: skip
def test_no_plan(status: int, kind: tap.ProblemKind, good: bool) -> None:
    """A program that ends with status 0 may go without a plan; points that it has planned must have come."""
    output = Output(planned=False, problems=(tap.Problem(1, kind, "wrong"),))
    told = replace(evidence(status, b"", State.PASSED), output=output)
    assert (judge(told).problems == ()) == good


def test_a_complaint_of_the_kernel_fails() -> None:
    """A line of the kernel's that complains fails the end; one of the boot, or of the program itself, does not."""
    said = b"WARNING: the program's own\n[    0.500000] BUG: KASAN: use-after-free in x\n"
    told = evidence(0, said, State.PASSED, planned=True)
    assert [problem.kind for problem in judge(told).problems] == [Kind.COMPLAINT]
    assert judge(evidence(0, b"BUG: mine\n", State.PASSED, planned=True)).problems == ()


@pytest.mark.parametrize(("printed", "console", "reason"), [
    (b"ok 1 # SKIP no device\n# Totals: pass:0 skip:1\n", b"", "no device"),
    (b"", b"[    0.1] skip of the kernel's\nskipping: not root\n", "skipping: not root"),
    (b"1..3\n", b"", "exit status 4, kselftest's for a skip"),
])  # fmt: skip
def test_the_reason_of_a_skip(printed: bytes, console: bytes, reason: str) -> None:
    """The reason is the program's last word on it."""
    assert kselftest.skip_reason(replace(evidence(4, console), printed=printed)) == reason


@pytest.mark.parametrize(("asked", "has", "missing"), [
    ({"A": "y", "B": "m", "C": "m"}, {"A": "y", "B": "y", "C": "m"}, ["CONFIG_C (only as a module)"]),
    ({"A": "y", "N": "100"}, {"N": "50"}, ["CONFIG_A", "CONFIG_N=100"]),
    ({"A": "n"}, {"A": "y"}, []),
])  # fmt: skip
def test_lacking_options(asked: dict[str, str], has: dict[str, str], missing: list[str]) -> None:
    """Options that are asked for and not there are named; one that is built in does for a module, not the reverse."""
    assert selftests.lacking(asked, has) == missing


@pytest.mark.parametrize(("written", "seconds"), [
    (None, 45.0), ("timeout=120\n", 120.0), ("# slow\ntimeout=7\nfoo=1\n", 7.0), ("timeout=0\n", 3600.0),
])  # fmt: skip
def test_timeouts(tmp_path: Path, written: str | None, seconds: float) -> None:
    """The settings file's timeout counts; without one it is that of kselftest's runner."""
    sources = Sources(tmp_path, tmp_path)
    place = sources.selftests / "timers"
    place.mkdir(parents=True)
    if written is not None:
        (place / "settings").write_text(written)
    assert selftests.timeout_of(sources, "timers") == seconds
