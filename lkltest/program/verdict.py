"""The one rule for what a program's output and its end mean: evidence in, verdict out.

It is pessimistic: a run is good only where nothing in its evidence speaks against it, and each way to end badly has
a kind and a sentence of its own. Nothing here reads, waits or asks the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lkltest.crash.headline import headline
from lkltest.host.process import signal_name
from lkltest.klog import last_lines, panic
from lkltest.program import kselftest
from lkltest.program.evidence import Evidence
from lkltest.program.results import LOST, End, Kind, Problem, Result, State
from lkltest.program.status import BAILED_OUT, MOST_FAILURES, SKIPPED, explain, explain_foreign
from lkltest.tap import ProblemKind

# Problems of the output that a table of points tells better.
UNFINISHED = (ProblemKind.MISSING_POINTS, ProblemKind.UNFINISHED_POINT)
SHOWN = 10  # names of points in one sentence
GONE = "gone: the program has been whole, and has not printed this point, which it had before"


def judge(evidence: Evidence) -> End:
    """The verdict on a finished run."""
    problems = [*_process(evidence), *_output(evidence), *_points(evidence)]
    where = _where(evidence)
    problems += [Problem(Kind.COMPLAINT, f"the kernel complained: {line}") for line in evidence.complaints]
    problems += [Problem(Kind.MEMCHECK, f"memcheck, {where}: {error}") for error in evidence.memcheck]
    how, seconds = evidence.ended.describe(), evidence.ended.seconds
    if not problems:
        return End(how, seconds, ())
    told = next((text for text in (evidence.console, evidence.printed) if panic(text)), b"")
    if panicked := headline(told):
        problems[0] = Problem(Kind.PANIC, f"{panicked.at(evidence.stack).title} ({problems[0]})")
    elif evidence.stack and problems[0].kind in LOST:
        what = "a hang" if evidence.ended.signal is None or evidence.timeout else signal_name(evidence.ended.signal)
        problems[0] = replace(problems[0], text=f"{what} in {evidence.stack[0]} ({problems[0]})")
    source, log = _log(evidence)
    return End(how, seconds, tuple(problems), console=last_lines(log), source=source)


def lost(name: str, evidence: Evidence, end: End) -> Result:
    """The result of a point of the table that has none in the evidence."""
    if evidence.output.skip_all is not None and not evidence.results and not end.problems:
        return Result(name, State.SKIPPED, skip_reason(evidence.output.skip_all))
    if kselftest.is_skip(evidence) and not end.problems:
        return Result(name, State.SKIPPED, kselftest.skip_reason(evidence))
    if evidence.foreign and is_whole(evidence):
        return Result(name, State.SKIPPED, GONE)
    cause = str(end.problems[0]) if end.problems else f"the program ended with {end.how}"
    if name == (_next(evidence) if evidence.running is None else evidence.running):
        message = end.describe() or f"the program ended with {end.how}, without this point"
        return Result(name, State.LOST, message, cause=cause)
    return Result(name, State.LOST, f"not reached: {cause}", cause=cause, reached=False)


def is_whole(evidence: Evidence) -> bool:
    """Whether the program came to its own end, and printed all that it had planned."""
    output = evidence.output
    killed = evidence.timeout is not None or evidence.flood or evidence.killed
    return output.planned and output.bail_out is None and not killed


def skip_reason(given: str) -> str:
    """The reason of a program that skips all its points."""
    return given or "the program skips all its points"


def _log(evidence: Evidence) -> tuple[str, bytes]:
    """The stream to show with a bad end: its name, and its last lines."""
    if evidence.by_status and kselftest.since_begin(evidence.console):
        return "the console", kselftest.since_begin(evidence.console)
    if not evidence.foreign or (evidence.by_status and evidence.init_status is None):
        return "the console", evidence.console
    if not evidence.by_status and (evidence.console.strip() or evidence.results):
        return "standard error", evidence.console
    return "standard output", evidence.printed


def _next(evidence: Evidence) -> str | None:
    """The point that must have been running where none was announced: the first, if no result came.

    The points of a foreign program come in the same order in each run: it was the one after the latest result.
    """
    if not evidence.results:
        return evidence.points[0] if evidence.points else None
    if not evidence.foreign:
        return None
    latest = max((at for at, name in enumerate(evidence.points) if name in evidence.results), default=-1)
    return next(iter(evidence.points[latest + 1 :]), None)


def _where(evidence: Evidence) -> str:
    """The place in the run where it ended."""
    if evidence.running is not None:
        return f"in the point {evidence.running!r}"
    last = next(reversed(list(evidence.results)), None)
    return "before its first point" if last is None else f"after the point {last!r}"


def _process(evidence: Evidence) -> Iterator[Problem]:
    """The problem with how the process ended, if it has one."""
    ended, where = evidence.ended, _where(evidence)
    if evidence.flood:
        yield Problem(Kind.OUTPUT, f"killed: it has printed {evidence.flood} points, more than are read")
    elif evidence.timeout is not None:
        yield Problem(Kind.TIMEOUT, f"killed {where}: {evidence.timeout}")
    elif evidence.killed:
        yield Problem(Kind.SIGNAL, f"the program was {ended.describe()} {where}")
    elif evidence.by_status and evidence.init_status is None:
        yield Problem(Kind.NO_RESULT, f"the kernel ended with {ended.describe()} {where}, before the program did")
    elif evidence.status != 0 and not _is_explained(evidence):
        foreign = evidence.foreign
        meaning = explain_foreign(evidence.status) if foreign else explain(evidence.status, evidence.output.comments)
        yield Problem(Kind.EXIT_STATUS, f"the program ended with exit status {evidence.status} {where}{meaning}")
    elif evidence.running is not None:
        yield Problem(Kind.NO_RESULT, f"the program ended with {ended.describe()} {where}, before its result")


def _is_explained(evidence: Evidence) -> bool:
    """Whether the output explains a bad exit status."""
    if evidence.foreign:
        return _is_explained_anywhere(evidence)
    if evidence.status == 1:
        return any(result.state is State.FAILED for result in evidence.results.values())
    return evidence.status == BAILED_OUT and evidence.output.bail_out is not None


def _is_explained_anywhere(evidence: Evidence) -> bool:
    """Whether the output explains a bad exit status by the customs of programs that print TAP.

    They end with 1 or with the number of failures, with whatever they like after a bail-out, and kselftest's with
    4 where they skip all.
    """
    if kselftest.is_skip(evidence):
        return True
    states = [result.state for result in evidence.results.values()]
    failures = states.count(State.FAILED)
    if evidence.status == SKIPPED and all(state is State.SKIPPED for state in states):
        return bool(states) or evidence.output.skip_all is not None
    explained = failures > 0 and evidence.status in {1, min(failures, MOST_FAILURES)}
    return explained or evidence.output.bail_out is not None


def _missing(evidence: Evidence) -> list[str]:
    """The points of the table that have no result, where the program does not skip them all.

    A foreign program may have lost some since they were known: its plan decides.
    """
    if evidence.output.skip_all is not None or evidence.foreign:
        return []
    return [name for name in evidence.points if name not in evidence.results]


def _output(evidence: Evidence) -> Iterator[Problem]:
    """The problems that the output has by itself."""
    output = evidence.output
    if output.bail_out is not None:
        yield Problem(Kind.BAIL_OUT, f"bail out: {output.bail_out or 'no reason given'}")
    if output.planned or kselftest.is_skip(evidence) or kselftest.is_told_by_status(evidence):
        return
    told = UNFINISHED if _missing(evidence) else ()
    for problem in output.problems:
        if problem.kind not in told:
            yield Problem(Kind.OUTPUT, f"line {problem.line} of the output: {problem.message}")
    if not output.problems and not told and output.bail_out is None:
        yield Problem(Kind.OUTPUT, "its output has no TAP")


def _points(evidence: Evidence) -> Iterator[Problem]:
    """The differences between the results that came and the table, where there is one."""
    if not evidence.points:
        return
    expected = frozenset(evidence.points)
    came = [name for name in evidence.results if name not in expected]
    if evidence.foreign:
        yield from _failed_beside(came, evidence)
        return
    twice = [name for name in came if name.rpartition("#")[0] in expected]
    groups: dict[str, Sequence[str]] = {
        "points that its table does not declare": [name for name in came if name not in twice],
        "points that its table declares more than once": twice,
        "results that it did not announce, and which do not count": evidence.strays,
    }
    for what, names in groups.items():
        if names:
            yield Problem(Kind.UNDECLARED, f"{what}: {', '.join(names[:SHOWN])}")
    yield from _failed_beside(came, evidence)
    if missing := _missing(evidence):
        count = f"{len(missing)} of {len(evidence.points)}"
        yield Problem(Kind.MISSING, f"{count} points have no result, first {missing[0]!r}")


def _failed_beside(names: Sequence[str], evidence: Evidence) -> Iterator[Problem]:
    """The failures that no item shows: of points that came though nobody knew of them."""
    failed = [result for name in names if (result := evidence.results[name]).state is State.FAILED]
    for result in failed[:SHOWN]:
        yield Problem(Kind.UNDECLARED, f"{result.name}: {result.message}")
