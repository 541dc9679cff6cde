"""Feedback for a guided fuzzer: the edges that each call reaches on a kernel whose lkl_syscall() is instrumented."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from lkltest import liblkl as kernels
from lkltest.coverage import sites
from lkltest.errors import UsageError
from lkltest.fuzz.exec import feedback as feedbacks
from lkltest.fuzz.exec.feedback import Feedback, Outcome, SeenEdges
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig, WorkerExit
from lkltest.fuzz.hypothesis.oracle import Oracle
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.fuzz.measure import Gauge, cover
from lkltest.fuzz.prog.text import parse_program
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

CRASH = "umask(83)"  # see traced_call.c

Run = Callable[..., list[Outcome]]


@pytest.fixture(scope="module")
def description(shared: Path, settings: Settings) -> Description:
    """The description of the kernel's calls."""
    return describe(kernels.find(shared), settings)


@pytest.fixture(scope="module")
def config(shared: Path, settings: Settings, description: Description) -> KernelConfig:
    """The configuration of the instrumented kernel."""
    return KernelConfig.make(kernels.find(shared), settings, description.shapes)


@pytest.fixture
def seen() -> Iterator[SeenEdges]:
    """A map in which no edge was reached."""
    with SeenEdges() as edges:
        yield edges


def encode(description: Description, texts: Sequence[str]) -> tuple[bytes, int]:
    """A batch of programs, each given as its calls."""
    programs = [parse_program(text, description.headers.constants, description.produces) for text in texts]
    return b"".join(map(description.encode, programs)), len(programs)


def news(outcomes: Sequence[Outcome]) -> list[tuple[int, int]]:
    """The programs' numbers and the calls in them that reached an edge for the first time."""
    assert all(outcome.new_edges == sum(call.new_edges for call in outcome.calls) > 0 for outcome in outcomes)
    return [(outcome.program, call.call) for outcome in outcomes for call in outcome.calls]


def test_new_edges_of_calls_and_programs(config: KernelConfig, description: Description, seen: SeenEdges) -> None:
    """A call has new edges if no call before has reached them: in its program, an earlier one, or on another kernel."""
    with Feedback(seen) as feedback:
        with Kernel(config, feedback=feedback) as kernel:
            assert kernel.run(*encode(description, ["getpid()\ngetpid()\n", "getpid()\ngettid()\n"])) == 2
            first = feedback.outcomes()
            assert kernel.run(*encode(description, ["gettid()\n"])) == 1
            assert feedback.outcomes() == []
        with Kernel(config, feedback=feedback) as kernel:
            assert kernel.run(*encode(description, ["gettid()\ngetppid()\n"])) == 1
            assert feedback.outcomes() == []
        assert feedback.lost == 0
    assert news(first) == [(0, 0), (1, 1)]
    assert len(seen) == sum(outcome.new_edges for outcome in first)


def test_the_set_of_a_call(config: KernelConfig, description: Description, seen: SeenEdges) -> None:
    """With `every`, each call has all its edges, each once, at instrumented addresses; without, only the new ones."""
    batch = encode(description, ["getpid()\ngettid()\ngetpid()\n"])
    with Feedback(seen, every=True) as feedback, Kernel(config, feedback=feedback) as kernel:
        kernel.run(*batch)
        ((pid, tid, again),) = [outcome.calls for outcome in feedback.outcomes()]
        assert feedback.reached(pid) == feedback.reached(again)
        edges = [one.edge for one in feedback.reached(tid)]
        assert len(edges) == len(set(edges)) == tid.logged
        assert all(edge in seen for edge in edges)
        assert config.liblkl.shared is not None
        assert {one.address for one in feedback.reached(tid)} <= set(sites.find(config.liblkl.shared))
        assert list(feedback.blocks()) == [
            (outcome.program, call.call, [one.address for one in feedback.reached(call)])
            for outcome in feedback.outcomes() for call in outcome.calls
        ]  # fmt: skip
        (own, *_) = set(edges) - {one.edge for one in feedback.reached(pid)}
        seen.map[own] = 0
        feedback.clear(every=False)
        kernel.run(*batch)
        ((call,),) = [outcome.calls for outcome in feedback.outcomes()]
        assert (call.call, [one.edge for one in feedback.reached(call)]) == (1, [own])


def test_only_wanted_edges(config: KernelConfig, description: Description, seen: SeenEdges) -> None:
    """With `wanted`, a program has these of its edges and no others, whether they are new or not, for one batch."""
    batch = encode(description, ["getpid()\n", "getpid()\ngettid()\n"])
    with Feedback(seen) as feedback, Kernel(config, feedback=feedback) as kernel:
        kernel.run(*batch)
        ((own,),) = [reach.calls.values() for reach in feedback.reach(0) if 1 in reach.calls]
        feedback.clear(wanted=own)
        kernel.run(*batch)
        (reach,) = feedback.reach(2)
        assert (reach.program, reach.calls) == (1, {1: own})
        feedback.clear()
        kernel.run(*batch)
        assert feedback.reach(4) == []


def test_the_comparisons_of_a_call(config: KernelConfig, description: Description, seen: SeenEdges) -> None:
    """The numbers that a call compares are told where they are asked for, with the call that did it."""
    batch = encode(description, ["getpid()\numask(5)\n", "umask(6)\n"])
    with Feedback(seen) as feedback, Kernel(config, feedback=feedback) as kernel:
        kernel.run(*batch)
        assert not any(reach.comparisons for reach in feedback.reach(0))
        feedback.clear(wanted=frozenset(), compare=True)
        kernel.run(*batch)
        found = {reach.program: reach.comparisons for reach in feedback.reach(2)}
    crash = 0o123  # of traced_call.c
    numbers = {
        (program, call): {frozenset(one[1:]) for one in comparisons}
        for program, calls in found.items() for call, comparisons in calls.items()
    }
    assert frozenset({crash, 5}) in numbers[0, 1]
    assert frozenset({crash, 6}) in numbers[1, 0]
    pairs = [pair for pairs in numbers.values() for pair in pairs]
    assert not any(len({number >> 40 for number in pair}) == 1 and min(pair) >> 40 for pair in pairs)  # addresses
    assert not any(crash in pair for pair in numbers[0, 0])


def test_calls_that_block_are_told(config: KernelConfig, description: Description, seen: SeenEdges) -> None:
    """A call that had to be interrupted is noted, whether it has new edges or not."""
    batch = encode(description, ["getpid()\nr0, r1 = pipe2(&out(8), 0)\nread(r0, &out(8), 8)\n", "getpid()\n"])
    with Feedback(seen) as feedback, Kernel(config, feedback=feedback) as kernel:
        for first in (0, 2):
            kernel.run(*batch)
            found = {reach.program: reach.interrupted for reach in feedback.reach(first) if reach.interrupted}
            assert found == {0: {2}}


def test_the_fewest_programs(config: KernelConfig, description: Description) -> None:
    """Each program's edges are measured, also behind one that kills its kernel; few shortest ones reach them all."""
    texts = ["getpid()\n", "getpid()\ngettid()\n", CRASH, "gettid()\n", "getpid()\numask(5)\n", "umask(5)\n"]
    programs = [parse_program(text, description.headers.constants, description.produces) for text in texts]
    with Gauge(config, description) as gauge:
        measured = list(gauge.run([(str(n), program) for n, program in enumerate(programs)]))
    assert [one.name for one in measured] == ["0", "1", "2", "3", "4", "5"]
    assert [one.name for one in measured if one.edges is None] == ["2"]
    assert measured[1].edges == (measured[0].edges or frozenset()) | (measured[3].edges or frozenset())
    assert {one.name for one in cover(measured)} == {"0", "3", "5"}


def test_a_log_that_is_too_small(
    config: KernelConfig, description: Description, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches whose edges find no room are run again in halves; a single program that has none is not measured."""
    texts = ["getpid()\n", "getpid()\ngettid()\n", "gettid()\n", "gettid()\n" * 3 + "getpid()\n" * 3, "umask(5)\n"]
    programs = [parse_program(text, description.headers.constants, description.produces) for text in texts]
    named = [(str(n), program) for n, program in enumerate(programs)]
    with Gauge(config, description) as gauge:
        whole = list(gauge.run(named))
        most = sum(call.logged for outcome in gauge.feedback.outcomes()[:2] for call in outcome.calls)
        monkeypatch.setattr(feedbacks, "MAX_LOGGED", most)
        measured = list(gauge.run(named))
    assert [one.name for one in measured if one.edges is None] == ["3"]
    assert "more edges than can be logged" in measured[3].why
    assert [one.edges for one in measured if one.name != "3"] == [one.edges for one in whole if one.name != "3"]


def test_hypothesis_is_told_of_new_edges(
    config: KernelConfig, description: Description, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An oracle on an instrumented kernel counts a program's new edges, and gives Hypothesis their number."""
    told: list[tuple[float, str]] = []
    monkeypatch.setattr("hypothesis.target", lambda edges, label: told.append((edges, label)))
    first, second = (
        parse_program(text, description.headers.constants, description.produces)
        for text in ("getpid()\n", "getpid()\ngettid()\n")
    )
    with Oracle(config, description, {}) as oracle:
        edges = [oracle.run(program).new_edges for program in (first, first, second)]
    assert edges[0] > 0
    assert edges[1] == 0
    assert edges[2] > 0
    assert told == [(count, "new edges") for count in edges]


def test_a_crash_keeps_its_edges(config: KernelConfig, description: Description, seen: SeenEdges) -> None:
    """The call that kills its kernel is the last one, with the edges up to there."""
    with Feedback(seen) as feedback:
        with Kernel(config, feedback=feedback) as kernel:
            ended = kernel.run(*encode(description, ["getpid()\n", f"gettid()\n{CRASH}\ngetpid()\n", "getpid()\n"]))
        assert isinstance(ended, WorkerExit)
        assert news(feedback.outcomes()) == [(0, 0), (1, 0), (1, 1)]


def test_generations_do_not_run_out(config: KernelConfig, description: Description, seen: SeenEdges) -> None:
    """A call has all its edges, though it has the number that a call of long ago had: there are 65,535 of them."""
    with Feedback(seen, every=True) as feedback, Kernel(config, feedback=feedback) as kernel:
        kernel.run(*encode(description, ["gettid()\n"]))
        (before,) = feedback.outcomes()
        data, count = encode(description, ["getpid()\n" * 500] * 60)
        for _ in range(2):
            assert kernel.run(data, count) == count
        kernel.run(*encode(description, ["getpid()\n" * (65535 - 60001) + "gettid()\n"]))
        (after,) = feedback.outcomes()
        assert after.calls[-1].logged == before.calls[0].logged > 0


def test_a_plain_kernel_has_no_feedback(liblkl: Liblkl, settings: Settings, seen: SeenEdges) -> None:
    """A kernel that is not instrumented is refused before it boots."""
    plain = KernelConfig.make(liblkl, settings, {})
    with Feedback(seen) as feedback, pytest.raises(UsageError, match="not instrumented"):
        Kernel(plain, feedback=feedback)
