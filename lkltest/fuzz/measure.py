"""The edges that each program or image of a corpus reaches, and the fewest of them that reach all edges."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig, WorkerExit, boot
from lkltest.fuzz.exec.protocol import State
from lkltest.fuzz.exec.shmem import Memory, fitting
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.values import Program
from lkltest.host.closing import Closing

BATCH = 64  # programs in one message


@dataclass(frozen=True)
class Entry:
    """A program of a corpus, encoded."""

    name: str
    calls: int
    code: bytes
    image: bool = False  # whether it mounts an image


@dataclass(frozen=True)
class Measured:
    """A program of a corpus that has run."""

    name: str
    calls: int
    edges: frozenset[int] | None  # None: they are not known
    why: str = ""  # they are not known
    image: bool = False


class Gauge(Closing):
    """Runs programs one after the other, on one kernel after the other. Use it as a context manager."""

    def __init__(self, config: KernelConfig, description: Description, lifetime: int = sys.maxsize) -> None:
        """The kernel must be instrumented; each is replaced after `lifetime` programs."""
        self.config = config
        self.description = description
        self.lifetime = lifetime
        self.memory = Memory()
        self.seen = SeenEdges()
        self.feedback = Feedback(self.seen, every=True)
        self.kernel: Kernel | None = None

    def close(self) -> None:
        """End the kernel, and free the memory."""
        self._drop()
        self.feedback.close()
        self.seen.close()
        self.memory.close()

    def run(self, programs: Sequence[tuple[str, Program]]) -> Iterator[Measured]:
        """Run programs, given with their names; each is yielded once, in order."""
        encode = self.description.encode
        return self.run_encoded([Entry(name, len(one.calls), encode(one)) for name, one in programs])

    def run_encoded(self, entries: Sequence[Entry]) -> Iterator[Measured]:
        """Run encoded programs; each is yielded once, in order.

        A batch whose edges find no room in the log is run again in halves.
        """
        at, size = 0, BATCH
        while at < len(entries):
            batch = entries[at : at + size]
            batch = batch[: fitting(len(one.code) for one in batch)]
            done, failed = self._batch(batch)
            if self.feedback.lost and len(batch) > 1:
                size = len(batch) // 2
                continue
            reached = {reach.program: reach.edges for reach in self.feedback.reach(self.first)}
            for n, one in enumerate(batch[:done]):
                edges: frozenset[int] | None = reached.get(n, frozenset())
                why = ""
                if n == failed:
                    edges, why = None, "the kernel fails while it runs"
                elif self.feedback.lost:
                    edges, why = None, "it reaches more edges than can be logged"
                yield Measured(one.name, one.calls, edges, why, one.image)
            at, size = at + done, min(BATCH, 2 * size)

    def _batch(self, entries: Sequence[Entry]) -> tuple[int, int]:
        """Run some programs: the number that ran, and the index of the one that failed, or -1."""
        if self.kernel is not None and self.kernel.programs >= self.lifetime:
            self._drop()
        if self.kernel is None:
            self.kernel = boot(self.config, self.memory, self.feedback)
        kernel, self.first = self.kernel, self.kernel.programs
        self.feedback.clear()
        outcome = kernel.run(b"".join(one.code for one in entries), len(entries))
        if not isinstance(outcome, WorkerExit) and not self.memory.head().alarm:
            if outcome < len(entries):  # it does not let go of an image
                self._drop()
            return outcome, -1
        head = outcome.head if isinstance(outcome, WorkerExit) else self.memory.head()
        begun = isinstance(outcome, WorkerExit) and head.state == State.RUNNING
        ran = outcome if isinstance(outcome, int) else head.program - self.first + 1 if begun else 0
        self._drop()
        return ran, ran - 1

    def _drop(self) -> None:
        """End the kernel."""
        if self.kernel is not None:
            self.kernel.close()
            self.kernel = None


def cover(measured: Sequence[Measured]) -> list[Measured]:
    """Few of the programs and images that reach all edges together.

    Programs are chosen first, because not every session has images; then images, for the edges that programs do not
    reach. Of several that reach an edge, it is the one with the fewest calls.
    """
    programs = list(_cover([one for one in measured if not one.image], frozenset()))
    covered = frozenset[int]().union(*(one.edges or () for one in measured if not one.image))
    return [*programs, *_cover([one for one in measured if one.image], covered)]


def _cover(measured: Sequence[Measured], covered: frozenset[int]) -> Iterator[Measured]:
    """Few that reach all edges which are not covered; first those that reach the edges which fewest reach."""
    shortest: dict[int, Measured] = {}
    times: Counter[int] = Counter()
    for one in sorted(measured, key=lambda one: (-one.calls, one.name)):
        edges = (one.edges or frozenset()) - covered
        shortest.update(dict.fromkeys(edges, one))
        times.update(edges)
    reached = set(covered)
    for edge in sorted(shortest, key=lambda edge: (times[edge], edge)):
        if edge not in reached:
            chosen = shortest[edge]
            reached |= chosen.edges or frozenset()
            yield chosen
