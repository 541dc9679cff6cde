"""The verdict on a run, by a table of evidence."""

from __future__ import annotations

from dataclasses import replace
from signal import SIGABRT, SIGSEGV

import pytest

from lkltest import tap
from lkltest.host.process import Ended
from lkltest.program.evidence import Evidence, Limited, Output, Timeout
from lkltest.program.results import Kind, Result, State
from lkltest.program.verdict import is_whole, judge, lost

PASSED = {name: Result(name, State.PASSED) for name in ("a", "b")}
FAILED = {"a": Result("a", State.PASSED), "b": Result("b", State.FAILED, "b.c:1: 1 == 2")}
GOOD = Evidence(Ended(("t",), 0, None, False, 1.5), Output(planned=True), ("a", "b"), PASSED)
UNMET = Output(planned=False, problems=(tap.Problem(9, tap.ProblemKind.MISSING_POINTS, "1 of 2 points did not come"),))
PANIC = b"[    1.5] Kernel panic - not syncing: No init found\n"


def ended(status: int | None = 0, signal: int | None = None, *, timed_out: bool = False) -> Ended:
    """The end of a program after 1.5 seconds."""
    return Ended(("t",), status, signal, timed_out, 1.5)


def evidence(**changes: object) -> Evidence:
    """A good run's evidence, changed."""
    return replace(GOOD, **changes)  # type: ignore[arg-type] # fields by name


@pytest.mark.parametrize("found", [
    GOOD,
    evidence(ended=ended(1), results=FAILED),
    evidence(points=(), results={"x": Result("x", State.PASSED)}),
    evidence(results={}, output=Output(planned=True, skip_all="no memory")),
    evidence(ended=ended(0), init_status=0),
    evidence(console=PANIC),
], ids=["good", "a failed point", "no table", "skips all", "an init", "a good end that mentions a panic"])  # fmt: skip
def test_a_good_end(found: Evidence) -> None:
    """A run is good where nothing in its evidence speaks against it; a failed point explains exit status 1."""
    assert judge(found).problems == ()
    assert judge(found).lost is None


@pytest.mark.parametrize(("found", "kinds", "text"), [
    (evidence(ended=ended(None, 11), running="b", results={"a": PASSED["a"]}), [Kind.SIGNAL, Kind.MISSING],
     "the program was killed by SIGSEGV in the point 'b'"),
    (evidence(ended=ended(None, 11)), [Kind.SIGNAL], "the program was killed by SIGSEGV after the point 'b'"),
    (evidence(ended=ended(None, 9, timed_out=True), timeout=Timeout(Limited.POINT, 8), running="a", results={}),
     [Kind.TIMEOUT, Kind.MISSING], "killed in the point 'a': the point's timeout of 8 s has passed"),
    (evidence(ended=ended(0, None, timed_out=True), timeout=Timeout(Limited.PROGRAM, 0.5)), [Kind.TIMEOUT],
     "killed after the point 'b': the program's timeout of 0.5 s has passed"),
    (evidence(ended=ended(1)), [Kind.EXIT_STATUS], "the program ended with exit status 1 after the point 'b'"),
    (evidence(ended=ended(0), init_status=1), [Kind.EXIT_STATUS], "exit status 1"),
    (evidence(ended=ended(3)), [Kind.EXIT_STATUS], "exit status 3"),
    (evidence(ended=ended(3), output=Output(planned=False, bail_out="")), [Kind.BAIL_OUT],
     "bail out: no reason given"),
    (evidence(ended=ended(2), results={}), [Kind.EXIT_STATUS, Kind.MISSING], "it refuses its arguments"),
    (evidence(running="b", results={"a": PASSED["a"]}, output=UNMET), [Kind.NO_RESULT, Kind.MISSING],
     "exit status 0 in the point 'b', before its result"),
    (evidence(results={}), [Kind.MISSING], "2 of 2 points have no result, first 'a'"),
    (evidence(points=(), output=UNMET), [Kind.OUTPUT], "line 9 of the output: 1 of 2 points did not come"),
    (evidence(results={**PASSED, "c": PASSED["a"]}), [Kind.UNDECLARED], "does not declare: c"),
    (evidence(results={**PASSED, "b#2": PASSED["a"]}), [Kind.UNDECLARED], "declares more than once: b#2"),
    (evidence(strays=("b",)), [Kind.UNDECLARED], "did not announce, and which do not count: b"),
    (evidence(results={**PASSED, "c": replace(FAILED["b"], name="c")}), [Kind.UNDECLARED, Kind.UNDECLARED], "c"),
    (evidence(memcheck=("Invalid read",)), [Kind.MEMCHECK], "memcheck, after the point 'b': Invalid read"),
    (evidence(ended=ended(134), console=PANIC), [Kind.PANIC],
     "Kernel panic - not syncing: No init found (the program ended with exit status 134 after the point 'b')"),
    (evidence(ended=ended(None, 6), printed=PANIC), [Kind.PANIC], "No init found (the program was killed by SIGABRT"),
    (evidence(ended=ended(None, 6), console=PANIC, stack=("kernel_init",)), [Kind.PANIC],
     "Kernel panic - not syncing: No init found in kernel_init (the program was killed"),
    (evidence(ended=ended(None, 11), stack=("inode_go",)), [Kind.SIGNAL],
     "SIGSEGV in inode_go (the program was killed by SIGSEGV after the point 'b')"),
    (evidence(ended=ended(None, 9, timed_out=True), timeout=Timeout(Limited.POINT, 8), stack=("iput", "f")),
     [Kind.TIMEOUT], "a hang in iput (killed after the point 'b': the point's timeout"),
    (evidence(ended=ended(3), stack=("f",)), [Kind.EXIT_STATUS], "the program ended with exit status 3"),
])  # fmt: skip
def test_each_bad_end_has_a_kind_and_a_sentence(found: Evidence, kinds: list[Kind], text: str) -> None:
    """The kinds are values; the first problem's sentence says what happened, and where."""
    end = judge(found)
    assert [problem.kind for problem in end.problems] == kinds
    assert text in str(end.problems[0])
    assert end.lost == next((kind for kind in kinds if kind in {Kind.PANIC, Kind.SIGNAL, Kind.TIMEOUT}), None)


def test_words_in_the_evidence_decide_nothing() -> None:
    """A point or a comment that quotes a crash loses no kernel."""
    quoting = {"a": PASSED["a"], "b": Result("b", State.FAILED, "Kernel panic - not syncing: killed by SIGSEGV")}
    found = evidence(ended=ended(1), results=quoting, output=Output(planned=True, comments=("has passed",)))
    assert judge(found).lost is None


@pytest.mark.parametrize(("found", "name", "reached", "message"), [
    (evidence(ended=ended(None, 11), running="b", results={"a": PASSED["a"]}), "b", True, "the program was killed"),
    (evidence(ended=ended(None, 11), running="a", results={}), "b", False, "not reached: the program was killed"),
    (evidence(ended=ended(None, 11), results={}), "a", True, "the program was killed by SIGSEGV before its first"),
    (evidence(ended=ended(None, 11), results={}), "b", False, "not reached: "),
    (evidence(ended=ended(0), results={"a": PASSED["a"]}), "b", False, "not reached: 1 of 2 points have no result"),
])  # fmt: skip
def test_a_point_without_a_result_is_lost(found: Evidence, name: str, reached: bool, message: str) -> None:
    """A lost point was running at the program's end, or never reached; either way its message tells that end."""
    result = lost(name, found, judge(found))
    assert (result.state, result.reached) == (State.LOST, reached)
    assert result.message.startswith(message)
    assert result.cause in result.message


def test_points_of_a_program_that_skips_all() -> None:
    """Points of a program that skips all are skipped for its reason; after a bad end they are lost."""
    found = evidence(results={}, output=Output(planned=True, skip_all=""))
    assert lost("a", found, judge(found)).state is State.SKIPPED
    assert lost("a", found, judge(found)).message == "the program skips all its points"
    crashed = replace(found, ended=ended(None, 11))
    assert lost("a", crashed, judge(crashed)).state is State.LOST


def test_the_console_is_shown_with_a_bad_end_only() -> None:
    """The end of the kernel's log belongs to what is told of a bad end."""
    assert judge(evidence(console=b"the last line\n")).console == ""
    assert "the last line" in judge(evidence(console=b"the last line\n", ended=ended(None, 11))).describe()


FOREIGN = evidence(foreign=True)
MET, FAILING = Output(planned=True), {**PASSED, "b": FAILED["b"]}


@pytest.mark.parametrize("found", [
    FOREIGN,
    replace(FOREIGN, ended=ended(1), results=FAILING),
    replace(FOREIGN, ended=ended(2), results={**FAILING, "c": FAILED["b"]}, points=("a", "b", "c")),
    replace(FOREIGN, ended=ended(4), results={}, output=Output(planned=True, skip_all="not root")),
    replace(FOREIGN, ended=ended(4), results={"a": Result("a", State.SKIPPED)}),
    replace(FOREIGN, results={"a": PASSED["a"]}),
    replace(FOREIGN, results={**PASSED, "new": PASSED["a"]}),
    replace(FOREIGN, running=None, strays=()),
], ids=["good", "status 1", "the number of failures", "kselftest skips all", "kselftest skips each", "one is gone",
        "one is new", "none announced"])  # fmt: skip
def test_a_good_end_of_a_foreign_program(found: Evidence) -> None:
    """Names that are new or gone are no problem, nor is an exit status by which programs say what their points say."""
    assert judge(found).problems == ()


@pytest.mark.parametrize(("found", "kinds", "text"), [
    (replace(FOREIGN, ended=ended(3)), [Kind.EXIT_STATUS], "exit status 3 after the point 'b'"),
    (replace(FOREIGN, ended=ended(1)), [Kind.EXIT_STATUS], "exit status 1"),
    (replace(FOREIGN, ended=ended(2), results=FAILING), [Kind.EXIT_STATUS], "exit status 2"),
    (replace(FOREIGN, ended=ended(127), results={}), [Kind.EXIT_STATUS], "a command was not found"),
    (replace(FOREIGN, ended=ended(4)), [Kind.EXIT_STATUS], "exit status 4"),
    (replace(FOREIGN, ended=ended(0), results={}, output=Output(planned=False)), [Kind.OUTPUT], "has no TAP"),
    (replace(FOREIGN, output=UNMET), [Kind.OUTPUT], "points did not come"),
    (replace(FOREIGN, ended=ended(255), output=Output(planned=False, bail_out="no disk")), [Kind.BAIL_OUT], "no disk"),
    (replace(FOREIGN, ended=ended(1), results={**PASSED, "new": FAILED["b"]}), [Kind.UNDECLARED], "b.c:1"),
    (replace(FOREIGN, ended=ended(None, 9), flood=9), [Kind.OUTPUT], "it has printed 9 points"),
])  # fmt: skip
def test_each_bad_end_of_a_foreign_program(found: Evidence, kinds: list[Kind], text: str) -> None:
    """Whatever else speaks against the run is a problem, a new point's failure among it."""
    end = judge(found)
    assert [problem.kind for problem in end.problems] == kinds
    assert text in str(end.problems[0])


@pytest.mark.parametrize(("found", "state", "reached"), [
    (replace(FOREIGN, results={"a": PASSED["a"]}), State.SKIPPED, True),
    (replace(FOREIGN, results={"a": PASSED["a"]}, ended=ended(3)), State.SKIPPED, True),
    (replace(FOREIGN, results={"a": PASSED["a"]}, ended=ended(None, 11)), State.LOST, True),
    (replace(FOREIGN, results={"a": PASSED["a"]}, output=UNMET), State.LOST, True),
    (replace(FOREIGN, results={}, ended=ended(None, 11)), State.LOST, False),
])  # fmt: skip
def test_a_known_point_of_a_foreign_program_that_did_not_come(found: Evidence, state: State, reached: bool) -> None:
    """A known point that did not come is gone in a whole run; otherwise it was running, if the next, or not reached."""
    result = lost("b", found, judge(found))
    assert (result.state, result.reached) == (state, reached)


def test_all_streams_of_an_output_count() -> None:
    """One that passed, or skips all, hides no problem of another."""
    parser = tap.Parser()
    parser.feed(b"TAP version 13\n1..0 # SKIP none\nTAP version 13\n1..1\nok 1\nTAP version 13\n1..2\nok 1\n")
    parser.close()
    output = Output.of(*parser.reports)
    assert len(parser.reports) == 3
    assert (output.planned, output.skip_all) == (False, None)
    assert [problem.kind for problem in output.problems] == ["missing-points"]


def test_a_uml_that_is_killed_on_its_last_steps_has_ended() -> None:
    """SIGABRT after init's status and the kernel's halt is no end of the program; each of the three is needed."""
    last_steps = evidence(ended=ended(None, SIGABRT), init_status=0, halted=True)
    assert not judge(last_steps).problems
    assert is_whole(last_steps)
    for worse in (
        replace(last_steps, halted=False), replace(last_steps, init_status=None),
        replace(last_steps, ended=ended(None, SIGSEGV)),
    ):  # fmt: skip
        assert [problem.kind for problem in judge(worse).problems][:1] == [Kind.SIGNAL]
    assert [problem.kind for problem in judge(replace(last_steps, init_status=1)).problems] == [Kind.EXIT_STATUS]
