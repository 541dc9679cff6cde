"""Running cases: each bad end is blamed on one case, and nothing else is lost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from lkltest.errors import KernelLost, UsageError
from lkltest.kunit.groups import Group
from lkltest.kunit.kernel import Options, list_cases
from lkltest.kunit.results import Result, Status
from lkltest.kunit.run import run
from lkltest.kunit.spread import spread
from lkltest.uml import Uml
from tests.kunit.conftest import Stub, Suites
from tests.kunit.stub import FAKES
from tests.processes import gone

QUICK = Options(timeout=0.5)
LETTER = {Status.PASSED: "p", Status.FAILED: "F", Status.SKIPPED: "s", Status.CRASHED: "C", Status.HUNG: "H"}


def results_of(uml: Uml, options: Options = QUICK) -> dict[str, Result]:
    """The results of all cases of a kernel, by name."""
    cases = list_cases(uml, options)
    results = list(run(uml, Group(cases), cases, options))
    assert len(results) == len(cases)
    found = {result.case: result for result in results}
    return {case.full: found[case] for case in cases}


def letters(results: dict[str, Result]) -> str:
    """A letter for each result."""
    return "".join(LETTER[result.status] for result in results.values())


def boots(tmp_path: Path) -> list[str]:
    """The patterns of all boots but the one that lists."""
    return (tmp_path / "boots").read_text().splitlines()[1:]


def test_all_in_one_boot(stub: Stub, tmp_path: Path) -> None:
    """Cases that break nothing run in one kernel, whatever their results."""
    found = results_of(stub({"one": {"a": "pass", "b": "fail", "c": "skip"}, "two": {"d": "parameters"}}))
    assert letters(found) == "pFsp"
    assert found["one.c"].reason == "no device"
    assert [parameter.name for parameter in found["two.d"].parameters] == ["one", "two"]
    assert "EXPECTATION FAILED" in found["one.b"].console
    assert found["one.a"].console == ""
    assert boots(tmp_path) == [""]


@pytest.mark.parametrize(
    ("how", "letter"), [("crash", "C"), ("hang", "H"), ("flood", "H"), ("restart", "H"), ("exit", "C"), ("kasan", "F")]
)
def test_a_bad_end_is_blamed_alone(stub: Stub, how: str, letter: str) -> None:
    """A case that ends, hangs or poisons its kernel fails; all others have the results that they have without it."""
    suites: Suites = {"one": {"a": "pass", "bad": how, "c": "fail"}, "two": {"d": "pass"}, "twin": {"e": "skip"}}
    assert letters(results_of(stub(suites))) == f"p{letter}Fps"


@pytest.mark.parametrize("how", ["crash", "hang"])
def test_several_bad_ends(stub: Stub, how: str) -> None:
    """Each of several bad cases is blamed, the first and the last of all included."""
    letter = {"crash": "C", "hang": "H"}[how]
    suites: Suites = {"one": {"x": how, "a": "pass", "y": how}, "two": {"z": how}}
    assert letters(results_of(stub(suites))) == f"{letter}p{letter}{letter}"


@pytest.mark.parametrize(("how", "letter"), [("hang", "H"), ("exit", "C")])
@pytest.mark.parametrize("before", [{}, {"z": "pass"}])
def test_a_result_that_is_kept_back(stub: Stub, before: dict[str, str], how: str, letter: str) -> None:
    """A case whose result the kernel keeps back is not blamed for the hang, or the silent end, of the next one."""
    found = results_of(stub({"one": {**before, "a": "held", "b": how, "c": "pass"}}))
    assert letters(found) == "p" * len(before) + f"p{letter}p"


def test_a_case_that_breaks_the_next(stub: Stub) -> None:
    """A case that does well alone is not blamed: the one before it is, in whose kernel it died."""
    found = results_of(stub({"one": {"a": "pass", "b": "breaks_next", "c": "pass", "d": "pass"}}))
    assert letters(found) == "pCpp"
    assert "the kernel died behind it" in found["one.b"].reason


@pytest.mark.parametrize("last", ["pass", "die_after"])
def test_a_death_behind_a_result(stub: Stub, last: str) -> None:
    """A kernel that dies when the result has come is the fault of that case, also where it is the last one."""
    found = results_of(stub({"one": {"a": "pass", "b": "die_after", "c": last}}))
    assert letters(found) == ("pCp" if last == "pass" else "pCC")
    assert "the kernel died behind it" in found["one.b"].reason


def test_two_ways_to_die(stub: Stub) -> None:
    """A case behind which the kernel died is blamed also where the next one dies in another way."""
    found = results_of(stub({"one": {"a": "pass", "b": "die_after"}, "two": {"c": "hang", "d": "pass"}}))
    assert letters(found) == "pCHp"


def test_the_init_of_a_suite(stub: Stub) -> None:
    """The cases of a suite whose init function crashes or fails fail, each with that reason; no other does."""
    suites: Suites = {"a": {"p": "pass"}, "init_crashes": {"q": "pass", "r": "pass"}, "init_fails": {"s": "pass"},
                      "z": {"t": "pass"}}  # fmt: skip
    found = results_of(stub(suites))
    assert letters(found) == "pCCFp"
    assert "in the init function of its suite: Kernel panic" in found["init_crashes.r"].reason
    assert found["init_fails.s"].reason == "the init function of its suite failed"


def test_a_failed_parameter(stub: Stub) -> None:
    """A case that says ok though one of its parameters does not has failed."""
    assert letters(results_of(stub({"one": {"a": "bad_parameter"}}))) == "F"


def test_lines_like_ktap(stub: Stub, tmp_path: Path) -> None:
    """Lines that a case prints are no results, though they look like some: they are kept in the case's console."""
    found = results_of(stub({"one": {"a": "pass", "b": "fake", "c": "fail"}, "two": {"d": "fake"}}))
    assert letters(found) == "ppFp"
    assert found["one.b"].console.splitlines() == list(FAKES)
    assert found["one.b"].parameters == ()
    assert boots(tmp_path) == [""]


@pytest.mark.parametrize("last", ["pass", "crash"])
def test_a_suite_that_seems_to_end(stub: Stub, last: str) -> None:
    """A case that prints its suite's end ends nothing: the cases behind it have the results that they have without."""
    found = results_of(stub({"one": {"a": "fake_end", "b": "fail", "c": last}, "two": {"d": "pass"}}))
    assert letters(found) == f"pF{LETTER[Status.CRASHED] if last == 'crash' else 'p'}p"


@pytest.mark.parametrize("following", [{}, {"two": {"d": "pass"}}, {"init_fails": {"e": "pass"}, "two": {"d": "pass"}}])
def test_lost_results(stub: Stub, following: Suites) -> None:
    """Cases whose results the console has lost fail when their suite has ended; no other case does."""
    found = results_of(stub({"one": {"a": "pass", "b": "lost", "c": "lost"}, **following}))
    assert letters(found) == "pFF" + "".join("F" if name == "init_fails" else "p" for name in following)
    assert found["one.c"].reason == "its suite ended without it"


def test_the_time_of_a_case(stub: Stub) -> None:
    """A case took the kernel's time from the result before to its own, also where the kernel has kept that back."""
    found = results_of(stub({"one": {"a": "held", "long": "held", "c": "held", "d": "pass"}}))
    assert [result.seconds for result in found.values()] == [1.0, 3600.0, 1.0, 1.0]


def test_results_come_while_the_kernel_runs(stub: Stub, tmp_path: Path) -> None:
    """A result comes with the next one, not with the kernel's end; a kernel that nobody read meanwhile is not late."""
    uml = stub({"one": {"a": "pass", "b": "pass", "c": "wait", "d": "chatty", "e": "hang"}})
    cases = list_cases(uml, QUICK)
    running = run(uml, Group(cases), cases, QUICK)
    found = [next(running)]
    (tmp_path / "boots.go").touch()
    time.sleep(3 * QUICK.timeout)
    found += running
    assert letters({result.case.full: result for result in found}) == "ppppH"


def test_a_kernel_is_read_while_the_caller_is_busy(stub: Stub, tmp_path: Path) -> None:
    """A single kernel goes on, though it prints more than a pipe holds before the caller takes the next result."""
    uml = stub({"one": {"a": "pass", "b": "pass", "c": "wait", "d": "chatty", "e": "pass"}})
    cases = list_cases(uml, QUICK)
    running = spread(uml, cases, cases, 1, Options(), {})
    found = [next(running)]
    (tmp_path / "boots.go").touch()
    until = time.monotonic() + 30
    while not (tmp_path / "boots.said").exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert (tmp_path / "boots.said").exists(), "the kernel waits for a reader"
    found += running
    assert letters({result.case.full: result for result in found}) == "ppppp"
    assert [result.seconds for result in found] == [1.0] * 5


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_that_nobody_wants(stub: Stub, tmp_path: Path, jobs: int) -> None:
    """Closing the generator ends the kernels and the threads that read them, in the middle of their cases."""
    uml = stub({"alpha": {"a": "pass", "b": "pass", "c": "hang"}, "beta": {"d": "pass", "e": "pass", "f": "hang"}})
    cases = list_cases(uml, QUICK)
    before = threading.active_count()
    running = spread(uml, cases, cases, jobs, Options(timeout=600.0), {})
    next(running)
    running.close()
    assert threading.active_count() == before
    assert all(gone(int(pid)) for pid in (tmp_path / "boots.pids").read_text().split())


def test_a_warning_is_counted(stub: Stub) -> None:
    """A WARNING leaves KUnit's verdict as it is, and is counted; the boot's belong to no case."""
    found = results_of(stub({"one": {"a": "pass", "b": "warn"}}))
    assert letters(found) == "pp"
    assert [result.warnings for result in found.values()] == [0, 1]


def test_reports_that_a_suite_provokes(stub: Stub, tmp_path: Path) -> None:
    """KASAN's own suite reports on purpose: its cases pass, in one kernel."""
    assert letters(results_of(stub({"kasan": {"a": "kasan", "b": "pass"}}))) == "pp"
    assert boots(tmp_path) == [""]


def test_a_kernel_that_does_not_boot(stub: Stub) -> None:
    """A kernel that never comes to its tests fails all of them, with its panic, after one boot."""
    uml = stub({"one": {"a": "pass", "b": "pass"}})
    cases = list_cases(uml, QUICK)
    found = list(run(uml, Group(cases), cases, Options(1.0, ("dead=1",))))
    assert [result.status for result in found] == [Status.CRASHED] * 2
    assert "does not come to its tests: Kernel panic" in found[1].reason
    with pytest.raises(KernelLost, match="does not list its tests"):
        list_cases(uml, Options(1.0, ("dead=1",)))


def test_a_kernel_without_tests(stub: Stub) -> None:
    """A kernel that lists no case, or looks for its root instead, is refused, with what to configure."""
    with pytest.raises(UsageError, match="it has no KUnit"):
        list_cases(stub({"one": {"a": "pass"}}), Options(1.0, ("rootless=1",)))
    with pytest.raises(UsageError, match="CONFIG_KUNIT=y"):
        list_cases(stub({}), QUICK)


def test_spread_over_kernels(stub: Stub) -> None:
    """Several kernels at once give the results of one, each case once."""
    suites: Suites = {name: {f"{name}_{number}": how for number, how in enumerate(["pass", "crash", "skip"])}
                      for name in ("alpha", "beta", "gamma", "delta test")}  # fmt: skip
    uml = stub(suites)
    cases = list_cases(uml, QUICK)
    found = list(spread(uml, cases, cases, 2, QUICK, {}))
    assert sorted((result.case.full, LETTER[result.status]) for result in found) == sorted(
        (case.full, "pCs"[int(case.name[-1])]) for case in cases
    )
