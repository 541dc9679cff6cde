"""The edges that each program of a corpus reaches, and the fewest programs that reach all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig, WorkerExit, boot
from lkltest.fuzz.exec.protocol import State
from lkltest.fuzz.exec.shmem import Memory
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.values import Program
from lkltest.host.closing import Closing

BATCH = 64  # programs in one message


@dataclass(frozen=True)
class Measured:
    """A program of a corpus that has run."""

    name: str
    program: Program
    edges: frozenset[int] | None  # None: they are not known
    why: str = ""  # they are not known


class Gauge(Closing):
    """Runs programs one after the other, on one kernel after the other. Use it as a context manager."""

    def __init__(self, config: KernelConfig, description: Description) -> None:
        """The kernel must be instrumented."""
        self.config = config
        self.description = description
        self.memory = Memory()
        self.seen = SeenEdges()
        self.feedback = Feedback(self.seen, every=True)
        self.kernel: Kernel | None = None

    def close(self) -> None:
        """End the kernel, and free the memory."""
        if self.kernel is not None:
            self.kernel.close()
        self.feedback.close()
        self.seen.close()
        self.memory.close()

    def run(self, programs: Sequence[tuple[str, Program]]) -> Iterator[Measured]:
        """Run programs, given with their names; each is yielded once, in order.

        A batch whose edges find no room in the log is run again in halves.
        """
        at, size = 0, BATCH
        while at < len(programs):
            batch = programs[at : at + size]
            done, failed = self._batch([program for _, program in batch])
            if self.feedback.lost and len(batch) > 1:
                size = len(batch) // 2
                continue
            reached = {reach.program: reach.edges for reach in self.feedback.reach(self.first)}
            for n, (name, program) in enumerate(batch[:done]):
                if n == failed:
                    yield Measured(name, program, None, "the kernel fails while it runs")
                elif self.feedback.lost:
                    yield Measured(name, program, None, "it reaches more edges than can be logged")
                else:
                    yield Measured(name, program, reached.get(n, frozenset()))
            at, size = at + done, min(BATCH, 2 * size)

    def _batch(self, programs: Sequence[Program]) -> tuple[int, int]:
        """Run some programs: the number that ran, and the index of the one that failed, or -1."""
        if self.kernel is None:
            self.kernel = boot(self.config, self.memory, self.feedback)
        kernel, self.first = self.kernel, self.kernel.programs
        self.feedback.clear()
        outcome = kernel.run(b"".join(map(self.description.encode, programs)), len(programs))
        if not isinstance(outcome, WorkerExit) and not self.memory.head().alarm:
            return outcome, -1
        head = outcome.head if isinstance(outcome, WorkerExit) else self.memory.head()
        begun = isinstance(outcome, WorkerExit) and head.state == State.RUNNING
        ran = outcome if isinstance(outcome, int) else head.program - self.first + 1 if begun else 0
        kernel.close()
        self.kernel = None
        return ran, ran - 1


def cover(measured: Sequence[Measured]) -> list[Measured]:
    """Few of the programs that reach all edges together; of those that reach an edge, the one with the fewest calls."""
    shortest: dict[int, Measured] = {}
    times: dict[int, int] = {}
    for one in sorted(measured, key=lambda one: (-len(one.program.calls), one.name)):
        for edge in one.edges or ():
            shortest[edge] = one
            times[edge] = times.get(edge, 0) + 1
    return list(_chosen(shortest, times))


def _chosen(shortest: Mapping[int, Measured], times: Mapping[int, int]) -> Iterator[Measured]:
    """The shortest program of each edge, the edges that fewest programs reach first; not of one that is covered."""
    covered: set[int] = set()
    for edge in sorted(shortest, key=lambda edge: (times[edge], edge)):
        if edge not in covered:
            chosen = shortest[edge]
            covered |= chosen.edges or frozenset()
            yield chosen
