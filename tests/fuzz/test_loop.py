"""Kernels that are lost for no fault of a program."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lkltest.errors import KernelLost
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.exec.protocol import PROGRAMS_SIZE
from lkltest.fuzz.exec.shmem import Memory
from lkltest.fuzz.functions import NewFunctions
from lkltest.fuzz.gen.generator import Batch, Candidate, EncodedCall
from lkltest.fuzz.gen.guided import Guided
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.loop import MAX_DIED_BEFORE_FIRST_PROGRAM, FuzzLoop
from lkltest.fuzz.messages import FromLoop, Known, Met, Progress, Task
from lkltest.fuzz.prog.values import Call, Pointer, Program, Raw
from lkltest.fuzz.repro.report import Report, ReportType
from lkltest.fuzz.repro.repro import Crash
from tests.fuzz.conftest import Planted


@dataclass
class Recorder:
    """A link without a session, which keeps the messages."""

    known: Known = field(default_factory=Known)
    stopped: bool = False
    messages: list[FromLoop] = field(default_factory=list)

    def send(self, message: FromLoop) -> None:
        """Keep a message."""
        self.messages.append(message)

    @property
    def failures(self) -> list[FromLoop]:
        """The failures that were sent."""
        return [message for message in self.messages if isinstance(message, Crash | Met)]


@contextmanager
def looping(config: KernelConfig, description: Description, seed: str = "1/0") -> Iterator[tuple[FuzzLoop, Recorder]]:
    """A loop in this process."""
    memory, link = Memory(), Recorder()
    with FuzzLoop(Task(config, description, ("xattrs",)), seed, memory, link) as loop:
        yield loop, link
    memory.close()


def lose(loop: FuzzLoop, by: signal.Signals) -> int:
    """Give a batch to a kernel that has just died; how many of its programs are taken for run."""
    kernel = loop.kernel or loop.boot()
    batch = loop.generator.batch(4)
    kernel.child.signal(by)
    assert kernel.child.wait(60)
    kernel.start(batch.data, 4)
    return loop.judge(kernel, batch, kernel.finish())


def run_four(loop: FuzzLoop) -> None:
    """Run a batch of four programs on a fresh kernel."""
    kernel = loop.boot()
    batch = loop.generator.batch(4)
    kernel.start(batch.data, 4)
    assert loop.judge(kernel, batch, kernel.finish()) == 4


def test_a_kernel_that_never_runs_anything_is_told(config: KernelConfig, description: Description) -> None:
    """No program is blamed, for none has run; after some tries the loop gives up."""
    with looping(config, description) as (loop, link):
        for _ in range(MAX_DIED_BEFORE_FIRST_PROGRAM):
            assert lose(loop, signal.SIGSEGV) == 0
        with pytest.raises(KernelLost, match="dies before it has run a program"):
            lose(loop, signal.SIGSEGV)
        assert loop.progress.programs == 0
        assert not link.failures


@pytest.mark.parametrize(("by", "met"), [(signal.SIGKILL, 0), (signal.SIGABRT, 1)])
def test_a_kernel_that_dies_between_batches(
    config: KernelConfig, description: Description, by: signal.Signals, met: int
) -> None:
    """The program that ran last is blamed, except for SIGKILL, which the host sends when it is out of memory."""
    with looping(config, description) as (loop, link):
        run_four(loop)
        assert lose(loop, by) == 0
        assert loop.progress.programs == 4
        assert loop.progress.silent == 1 - met
        assert len(link.failures) == met


def test_a_failure_is_sent_whole_until_it_is_settled(config: KernelConfig, description: Description) -> None:
    """Its history is sent once for all that the session knows; a settled failure is only counted."""
    report = Report(type=ReportType.CONSOLE, title="", signature=("here",), program=3, call=0, stack="", console="")
    settled = Known(settled=frozenset({report.name}))
    with looping(config, description) as (loop, link):
        run_four(loop)
        assert loop.kernel is not None
        for known in (link.known, link.known, Known(), settled):
            link.known = known
            loop.crash(loop.kernel, report, 0)
        first, again, anew, last = link.failures
        assert isinstance(first, Crash)
        assert isinstance(anew, Crash)
        assert again == last == Met(report.name)
        assert [program.encoded() for program in first.history] == [program.encoded() for program in loop.history]


def test_a_guided_loop_asks_for_files(config: KernelConfig, description: Description, tmp_path: Path) -> None:
    """Each kernel of a guided loop tells the files of directories that its programs list."""
    memory, link = Memory(), Recorder(stopped=True)
    with FuzzLoop(Task(config, description, ("proc",), tmp_path), "1/0", memory, link) as loop:
        loop.run()
        assert isinstance(loop.generator, Guided)
        assert loop.generator.files is not None
        assert {b"/proc/cpuinfo", b"/proc/self/status"} <= loop.generator.files.known
    memory.close()


def test_a_stopped_loop_has_run_a_batch_and_told_of_it(config: KernelConfig, description: Description) -> None:
    """A loop that is stopped from the start runs one batch, and sends its progress; its programs are its seed's."""
    programs = []
    for _ in range(2):
        with looping(config, description) as (loop, link):
            link.stopped = True
            loop.run()
            assert isinstance(link.messages[-1], Progress)
            assert link.messages[-1].programs == len(loop.history) > 0
            programs.append([candidate.encoded() for candidate in loop.history])
    assert programs[0] == programs[1]


@pytest.mark.parametrize("every", [False, True])
def test_all_edges_are_asked_for_where_the_batch_says_so(
    config: KernelConfig, description: Description, monkeypatch: pytest.MonkeyPatch, every: bool
) -> None:
    """The edges of such a batch were reached before: no function is told for them as one reached first."""
    asked: list[bool] = []
    with looping(config, description) as (loop, link):
        link.stopped = True
        candidates = loop.generator.batch(4).programs
        batch = Batch.of(candidates, [None] * 4, every=every)
        loop.boot()
        monkeypatch.setattr(loop.generator, "batch", lambda _: batch)
        monkeypatch.setattr(loop, "feedback", SimpleNamespace(
            clear=lambda **options: asked.append(options["every"]), reach=lambda _: [], close=lambda: None))
        monkeypatch.setattr(loop, "finder", SimpleNamespace(new=lambda _: [(0, (("reached", 0),))]))
        loop.run()
        told = [message for message in link.messages if isinstance(message, NewFunctions)]
    assert asked == [every]
    assert len(told) == (0 if every else 1)


def candidate(loop: FuzzLoop, *calls: Call) -> Candidate:
    """A program of a loop's only scenario."""
    description = loop.task.description
    encoded = [EncodedCall.of(call, description.variants[call.name], description) for call in calls]
    return Candidate(tuple(encoded), loop.generator.scenarios[0])  # type: ignore[attr-defined]


def test_a_kernel_that_dies_in_a_batch_leaves_the_novelty_before(
    planted: Planted, parse: Callable[[str], Program]
) -> None:
    """Programs that saw something new before the one that loses the kernel are kept; that one and later ones are not.

    The counts of errnos go on, so that no later program would see the same errno for the first time.
    """
    config = replace(planted.config, env={"PLANTED": "always"})
    with looping(config, planted.description) as (loop, _):
        def run(*texts: str) -> tuple[Candidate, ...]:
            batch = Batch.of([candidate(loop, *parse(text + "\n").calls) for text in texts])
            kernel = loop.kernel or loop.boot()
            kernel.start(batch.data, len(texts))
            loop.judge(kernel, batch, kernel.finish())
            return batch.programs

        dies = 'fdatasync(77)\nmkdirat(AT_FDCWD, "d0", 0755)'
        programs = run("close(77)", "close(77)", "fsync(77)", dies, "dup(77)")
        assert loop.progress.programs == 4
        assert programs[0].scenario.corpus == [programs[0], programs[2]]
        again = run("dup(77)")
        lose(loop, signal.SIGKILL)  # before its batch: the programs that were noted last are of the batch before
        assert programs[0].scenario.corpus == [programs[0], programs[2], again[0]]


def test_a_batch_that_is_too_large_runs_in_parts(
    config: KernelConfig, description: Description, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The programs that do not fit into the memory come next: none is lost, and none lies behind its place."""
    with looping(config, description) as (loop, link):
        large = candidate(loop, *[Call("write", (77, Pointer(Raw(b"x" * 60000)), 60000))] * 20)
        batch = Batch.of([large] * 5)
        assert PROGRAMS_SIZE < len(batch.data) < 2 * PROGRAMS_SIZE
        monkeypatch.setattr(loop.generator, "batch", lambda _: batch)
        history = []

        def report(*, now: bool) -> None:
            history.append((len(loop.history), now))
            link.stopped = True

        monkeypatch.setattr(loop, "report", report)
        loop.run()
        assert history == [(3, False), (5, True)]
        assert loop.progress.calls == 100
