"""A session and the processes of its loops."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.errors import LkltestError, UsageError
from lkltest.fuzz import descriptors
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import LOG, Fuzzer
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.loop_process import LoopProcess
from lkltest.fuzz.messages import Progress, total
from lkltest.fuzz.supervisor import Supervisor
from lkltest.settings import Settings

LONG = 300.0  # seconds, on a loaded machine; a few seconds on an idle one
Make = Callable[..., Fuzzer]


@pytest.fixture
def make(config: KernelConfig, description: Description, settings: Settings, tmp_path: Path) -> Iterator[Make]:
    """Makes a session of one scenario."""
    made: list[Fuzzer] = []

    def make(workers: int = 1, config: KernelConfig = config, scenario: str = "xattrs") -> Fuzzer:
        fuzzer = Fuzzer(config, description, settings, tmp_path, seed=1, workers=workers, scenarios=(scenario,))
        made.append(fuzzer)
        return fuzzer

    yield make
    for fuzzer in made:
        fuzzer.close()


def running(fuzzer: Fuzzer) -> list[LoopProcess]:
    """The processes of a session's loops."""
    assert isinstance(fuzzer.loops, Supervisor)
    return list(fuzzer.loops.loops.values())


def children() -> set[int]:
    """The child processes of this process, zombies included."""
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_a_lost_process_is_replaced(make: Make) -> None:
    """A process of a worker that is killed is told and replaced, and what it had reported counts."""
    fuzzer, before = make(workers=2), children()
    killed: list[int] = []
    reported = kept = 0  # programs of the one that is killed

    def tick() -> None:
        nonlocal reported, kept
        everyone = [loop.progress.programs for loop in running(fuzzer)]
        if not killed and len(everyone) == 2 and all(everyone):
            reported = everyone[0]
            killed.append(running(fuzzer)[0].child.pid)
            os.kill(killed[0], signal.SIGKILL)
        if fuzzer.lost and all(everyone):
            kept = fuzzer.loops.progress()[0].programs
            fuzzer.stop.set()

    fuzzer.run(LONG, tick, every=0.05)
    (sentence,) = fuzzer.lost
    assert "worker 0 was lost (killed by SIGKILL)" in sentence
    assert killed[0] not in [loop.child.pid for loop in running(fuzzer)]
    assert kept >= reported > 0
    assert fuzzer.progress.boots >= 3
    assert fuzzer.counts().total() >= fuzzer.progress.calls > 0
    assert not fuzzer.findings
    assert children() == before


def test_ctrl_c_keeps_what_was_reported(make: Make) -> None:
    """An exception of the main thread, as Ctrl-C is, ends the loops in order: each reports its last batch."""
    fuzzer, before = make(), children()

    def tick() -> None:
        if fuzzer.progress.programs:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fuzzer.run(LONG, tick, every=0.05)
    assert fuzzer.counts().total() == fuzzer.progress.calls > 0
    assert not fuzzer.lost
    assert children() == before


def test_the_error_of_a_loop_ends_the_run(make: Make, config: KernelConfig, tmp_path: Path) -> None:
    """A kernel that cannot be started ends the run with the message that the loop's process has met."""
    broken = replace(config, executor=tmp_path / "no-executor.so")
    fuzzer, before = make(workers=2, config=broken), children()
    with pytest.raises(LkltestError, match="does not boot in a worker"):
        fuzzer.run(LONG, lambda: None, every=0.05)
    assert children() == before


def test_a_fault_of_our_own_is_told_in_one_line(make: Make, tmp_path: Path) -> None:
    """An unexpected exception in a loop's process ends the run with its message; its traceback is in a file."""
    fuzzer = make(scenario="no such scenario")  # which the command line refuses
    with pytest.raises(LkltestError, match="fault of lkltest") as caught:
        fuzzer.run(LONG, lambda: None, every=0.05)
    assert "\n" not in str(caught.value)
    assert "Traceback" in (tmp_path / LOG).read_text()


def test_many_workers_raise_the_limit_of_open_files(make: Make) -> None:
    """A session raises the soft limit of its process as far as its workers need it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors.OTHERS, before[1]))
        make(workers=16)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (descriptors.OTHERS + 16 * descriptors.EACH, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_too_few_open_files_are_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the command that raises a hard limit that is too low for the workers."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    with pytest.raises(UsageError, match=r"256 workers need 4,224 open files.* \(ulimit -n 4224\), or take fewer"):
        make(workers=256)


def test_a_corpus_that_goes_with_the_session_is_in_its_output(
    config: KernelConfig, description: Description, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that is killed leaves nothing elsewhere, and one that ends leaves nothing at all."""
    monkeypatch.setattr("lkltest.fuzz.fuzzer.is_instrumented", lambda _: True)
    fuzzer = Fuzzer(config, description, settings, tmp_path / "out", seed=1, workers=1)
    assert fuzzer.corpus is not None
    assert fuzzer.corpus.parent == tmp_path / "out"
    fuzzer.close()
    assert not list((tmp_path / "out").iterdir())


def test_progress_is_summed() -> None:
    """Numbers are added, and of the downtimes the longest one counts."""
    assert total([Progress(programs=1, downtime=0.5), Progress(programs=2, calls=3, downtime=0.2)]) == Progress(
        programs=3, calls=3, downtime=0.5
    )
