"""Failures that do not come again are neither lost nor reported too early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.fuzz.crash_queue import ENOUGH, NICE, RECENT, WAITING, CrashQueue
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.findings import HISTORY, Finding, load, programs, ranked
from lkltest.fuzz.gen.generator import Generator
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.repro.report import Report, ReportType
from lkltest.fuzz.repro.repro import TRIES, Crash, Reproduction
from lkltest.fuzz.repro.runner import Runner
from lkltest.settings import Settings

FOUND = Finding(
    name="hang-here", kind=ReportType.HANG, title="", signature=("here",), kernel="", version="", times=1, of=1,
    reproducer=False,
)


@pytest.fixture
def queue(description: Description, settings: Settings, tmp_path: Path) -> CrashQueue:
    """A queue without threads that work for it."""
    return CrashQueue(description, settings, tmp_path, seed=1, minimize_seconds=5)


def crash(config: KernelConfig, description: Description, type: ReportType) -> Crash:
    """A failure that no kernel shows."""
    report = Report(
        type=type, title=f"a {type}", signature=("nowhere_at_all",), program=0, call=1, stack="", console="",
    )
    return Crash(report, Generator(description, 1, ("xattrs",)).batch(2).programs, (), config)


def meet(queue: CrashQueue, found: Crash, times: int) -> None:
    """Add a failure a number of times, and let the queue reproduce it."""
    for _ in range(times):
        queue.add(found)
        if not queue.queue.empty():
            queue.close()
            queue.work()


def test_a_crash_that_does_not_come_again_is_kept(
    queue: CrashQueue, config: KernelConfig, description: Description
) -> None:
    """The kernel was lost: its log and its stack are written down at once, and that no program is known for it."""
    meet(queue, crash(config, description, ReportType.CRASH), 1)
    (finding,) = queue.findings.values()
    assert (finding.times, finding.of, finding.count) == (0, TRIES, 1)
    assert (queue.output / finding.name / "console.log").is_file()


def test_a_failure_without_time_is_kept_with_its_history(
    queue: CrashQueue, config: KernelConfig, description: Description
) -> None:
    """It is a finding that says so, even a hang that was met once, and its programs can be replayed."""
    found = crash(config, description, ReportType.HANG)
    queue.hurry.set()
    meet(queue, found, 2)
    assert queue.examined == {found.report.name: 1}  # the second time, it is only counted
    assert queue.known().settled == {found.report.name}
    (finding,) = queue.findings.values()
    assert (finding.examined, finding.times, finding.rate, finding.count) == (False, 0, "not tried", 2)
    finding = replace(finding, count=1)
    history = programs(queue.output / finding.name / HISTORY, description)
    assert [len(program.calls) for program in history] == [len(found.history[0].calls), found.report.call + 1]
    assert programs(queue.output / finding.name, description) == history[-1:]
    assert load(queue.output / finding.name) == finding


def test_a_failure_without_time_is_reproduced_when_it_is_met_again(
    queue: CrashQueue, config: KernelConfig, description: Description
) -> None:
    """The result of a closer look takes the place of the history."""
    found = crash(config, description, ReportType.CRASH)
    queue.hurry.set()
    meet(queue, found, 1)
    queue.hurry.clear()
    meet(queue, found, 1)
    (finding,) = queue.findings.values()
    assert (finding.examined, finding.of, finding.count) == (True, TRIES, 2)
    assert not (queue.output / finding.name / HISTORY).exists()


def test_a_hang_that_does_not_come_again_is_no_finding(
    queue: CrashQueue, config: KernelConfig, description: Description
) -> None:
    """A call that once took too long may be the machine's fault, until it was met some times."""
    meet(queue, crash(config, description, ReportType.HANG), ENOUGH - 1)
    assert not queue.findings
    assert not list(queue.output.iterdir())
    meet(queue, crash(config, description, ReportType.HANG), 3)
    (finding,) = queue.findings.values()
    assert finding.count == ENOUGH + 2
    assert queue.examined[finding.name] == ENOUGH


def test_a_finding_that_turns_out_to_be_another_is_not_kept_beside_it(
    queue: CrashQueue, config: KernelConfig, description: Description, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash did not come again at first; later it did, by a program that crashes somewhere else of the same place."""
    first = crash(config, description, ReportType.CRASH)
    meet(queue, first, 1)
    other = replace(first.report, signature=("nowhere_at_all", "from_elsewhere"))
    monkeypatch.setattr("lkltest.fuzz.crash_queue.reproduce", lambda *_args, **_named: Reproduction(other, (), 4, 10))
    meet(queue, first, 1)
    (finding,) = queue.findings.values()
    assert (finding.name, finding.times, finding.count) == (other.name, 4, 2)
    assert [path.name for path in queue.output.iterdir()] == [other.name]
    meet(queue, first, 1)
    assert queue.findings[other.name].count == 3
    assert queue.examined[first.report.name] == 2


def test_what_looks_into_failures_yields(
    queue: CrashQueue, config: KernelConfig, description: Description, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernels that are fuzzed have more of the processors."""
    seen: list[KernelConfig] = []

    def reproduce(crash: Crash, runner: Runner, **_named: object) -> Reproduction:
        seen.append(runner.config)
        return Reproduction(crash.report, (), 0, TRIES)

    monkeypatch.setattr("lkltest.fuzz.crash_queue.reproduce", reproduce)
    meet(queue, crash(config, description, ReportType.CRASH), 1)
    assert {used.nice for used in seen} == {NICE}


def test_what_fails_again_comes_first() -> None:
    """Findings that fail again come first, then those that were met most often."""
    rare, often, lost = (replace(FOUND, count=count, times=times) for count, times in ((1, 3), (9, 1), (99, 0)))
    assert ranked([lost, rare, often]) == [often, rare, lost]


def test_workers_never_wait(queue: CrashQueue, config: KernelConfig, description: Description) -> None:
    """Any number of failures may wait; those beyond a limit keep less of their history."""
    report = crash(config, description, ReportType.CRASH)
    history = tuple(report.history) * RECENT
    for n in range(WAITING + 2):
        new = replace(report.report, signature=(f"nowhere_{n}",))
        queue.add(replace(report, report=new, history=history))
    kept = [queue.queue.get()[-1] for _ in range(WAITING + 2)]
    assert [len(one.history) for one in kept if one] == [len(history)] * WAITING + [RECENT] * 2


def test_crashes_are_reproduced_first(queue: CrashQueue, config: KernelConfig, description: Description) -> None:
    """Hangs come after complaints, these after crashes in their order, and what is tried again comes at the end."""
    def names() -> list[str | None]:
        waiting = [queue.queue.get()[-1] for _ in range(queue.queue.qsize())]
        queue.pending.clear()
        return [one.report.signature[0] if one else None for one in waiting]

    types = {"hang": ReportType.HANG, "warning": ReportType.CONSOLE, "b": ReportType.CRASH, "a": ReportType.PANIC}

    def add(name: str) -> None:
        found = crash(config, description, types[name])
        queue.add(replace(found, report=replace(found.report, signature=(name,))))

    add("a")
    assert names() == ["a"]
    queue.close()
    for name in types:
        add(name)
    assert names() == ["b", "warning", "hang", "a", None]


def test_hangs_are_known_by_their_names(queue: CrashQueue, config: KernelConfig, description: Description) -> None:
    """Hangs are known by all their names once one came again on a closer look; other failures are not."""
    queue.add(crash(config, description, ReportType.HANG))
    assert queue.known().hangs == set()
    queue.findings = {
        "hang-here": FOUND, "hang-once": replace(FOUND, name="hang-once", times=0),
        "crash-here": replace(FOUND, name="crash-here", kind=ReportType.CRASH),
        "hang-nowhere": replace(FOUND, name="hang-nowhere", signature=()),
    }
    queue.aliases = {"hang-there": "hang-here", "crash-there": "crash-here"}
    assert queue.known().hangs == {"hang-here", "hang-there"}


def test_a_program_is_blamed_that_fails_by_itself(
    queue: CrashQueue, config: KernelConfig, description: Description
) -> None:
    """A program without the calls of the finding's program may have met the effect of an earlier one."""
    report = crash(config, description, ReportType.CRASH).report
    here, other = Generator(description, 1, ("xattrs",)).batch(2).programs
    assert not queue.known().explains(report, here)
    queue.aliases = {report.name: "crash-here"}
    queue.alone = {"crash-here": frozenset({here.calls[0].call.name})}
    assert queue.known().explains(report, here)
    has_it = here.calls[0].call.name in {encoded.call.name for encoded in other.calls}
    assert queue.known().explains(report, other) == has_it
    queue.alone = {"crash-here": frozenset({here.calls[0].call.name, "swapon"})}
    assert not queue.known().explains(report, here)
