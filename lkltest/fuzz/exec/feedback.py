"""The edges that the calls of a batch reach on an instrumented kernel: the feedback for a guided fuzzer.

An edge is a basic block and the block before it in the same call; it has a number below `EDGES`, which it shares with
another edge now and then. Only the thread that makes a call counts; a timer's interrupt in it does, too. The memory is
written by harness/edges.h, and survives the worker.

    with SeenEdges() as seen, Feedback(seen) as feedback, Kernel(config, feedback=feedback) as kernel:
        kernel.run(description.encode(program), 1)
        for outcome in feedback.outcomes():
            print(outcome.program, outcome.new_edges, [call.new_edges for call in outcome.calls])
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lkltest.fuzz.prog.reach import Comparison, Reach
from lkltest.fuzz.prog.record import Record
from lkltest.host.closing import Closing

EDGES = 1 << 22
MAX_CALLS = 1 << 16  # of a batch
MAX_LOGGED = 1 << 21  # edges of a batch
MAX_COMPARED = 1 << 17  # comparisons of a batch

_HEAD = Record(
    "edges_head",
    ("uint64_t", "base", ""),
    ("uint32_t", "max_calls", ""),
    ("uint32_t", "max_logged", ""),
    ("uint32_t", "max_compared", ""),
    ("uint32_t", "every", ""),
    ("uint32_t", "wanted", ""),
    ("uint32_t", "compare", ""),
    ("uint32_t", "calls", ""),
    ("uint32_t", "logged", ""),
    ("uint32_t", "compared", ""),
    ("uint32_t", "lost", ""),
)
_CALL = Record(
    "edges_call",
    ("uint64_t", "program", ""),
    ("uint32_t", "call", ""),
    ("uint32_t", "first", ""),
    ("uint32_t", "logged", ""),
    ("uint32_t", "new", ""),
    ("uint32_t", "interrupted", ""),
    ("uint32_t", "unused", ""),
)
_ENTRY = Record("edges_entry", ("uint32_t", "edge", ""), ("uint32_t", "at", ""))
_COMPARISON = Record(
    "edges_comparison",
    ("uint32_t", "call", ""),
    ("uint32_t", "size", ""),
    ("uint64_t", "a", ""),
    ("uint64_t", "b", ""),
)
_LOG = _HEAD.size + MAX_CALLS * _CALL.size
_COMPARED = _LOG + MAX_LOGGED * _ENTRY.size
_WANTED = _COMPARED + MAX_COMPARED * _COMPARISON.size
_SIZE = _WANTED + EDGES


class CallOutcome(NamedTuple):
    """The edges that one call reached; the last call of a kernel that was lost has those up to its end."""

    call: int  # index in its program
    new_edges: int  # edges that no earlier call has reached
    first: int  # its place in the log
    logged: int  # its edges in the log: the new ones, or with `every` all different ones
    interrupted: bool = False  # it blocked, and had to be interrupted


@dataclass(frozen=True)
class Outcome:
    """The edges that one program reached."""

    program: int  # number since boot, as `Head.program`
    calls: tuple[CallOutcome, ...]  # in order: those with new edges, or with `every` all of them

    @property
    def new_edges(self) -> int:
        """The edges that no earlier program has reached."""
        return sum(call.new_edges for call in self.calls)


@dataclass(frozen=True)
class Reached:
    """An edge in the log of a call."""

    edge: int
    address: int  # link address of its block in the module with the kernel, as `coverage.sites.find` has it


class SeenEdges(Closing):
    """All edges that were ever reached, by any kernel whose `Feedback` has this map."""

    def __init__(self, fd: int | None = None) -> None:
        """Make the map, or attach to that of another process, by its descriptor."""
        self.fd = os.memfd_create("lkltest-seen") if fd is None else fd
        os.ftruncate(self.fd, EDGES)
        self.map = mmap.mmap(self.fd, EDGES)

    def __len__(self) -> int:
        """The number of edges."""
        return EDGES - self.map[:].count(0)

    def __contains__(self, edge: int) -> bool:
        return self.map[edge] != 0

    def add(self, edge: int) -> None:
        """Let an edge count as reached, such as one that an earlier run has saved."""
        self.map[edge] = 1

    def close(self) -> None:
        """Free the memory."""
        self.map.close()
        os.close(self.fd)


class Feedback(Closing):
    """The edges of one worker's last batch. Read it before the next batch starts."""

    def __init__(self, seen: SeenEdges, *, every: bool = False) -> None:
        """Share the map `seen` with other workers; `every` logs all edges of a call, and not only the new ones."""
        self.seen = seen
        self.fd = os.memfd_create("lkltest-edges")
        os.ftruncate(self.fd, _SIZE)
        self.map = mmap.mmap(self.fd, _SIZE)
        self.every = every
        self.wanted: Collection[int] = ()
        self.clear(every=every)

    @property
    def fds(self) -> tuple[int, int]:
        """The descriptors that a worker maps."""
        return self.seen.fd, self.fd

    @property
    def lost(self) -> int:
        """The calls and edges that found no room: they are missing in `outcomes` and `reached`."""
        return self._head()["lost"]

    def clear(
        self, *, every: bool | None = None, wanted: Collection[int] | None = None, compare: bool = False
    ) -> None:
        """Forget the batch; with `every`, set it from here on (see `__init__`).

        For the next batch alone, `wanted` logs these of all the edges of a call, and no others, and `compare` logs the
        comparisons of the calls; a kernel that is built without `-fsanitize-coverage=trace-cmp` tells none.
        """
        head = self._head()
        self.every = self.every if every is None else every
        keep = self.every or compare or wanted is not None
        for edge in self.wanted:
            self.map[_WANTED + edge] = 0
        self.wanted = wanted or ()
        for edge in self.wanted:
            self.map[_WANTED + edge] = 1
        self.map[: _HEAD.size] = _HEAD.pack(
            head["base"], MAX_CALLS, MAX_LOGGED, MAX_COMPARED, keep, wanted is not None, compare, 0, 0, 0, 0
        )

    def outcomes(self) -> list[Outcome]:
        """The programs of the batch that have reached something new, in order; with `every`, all that have run."""
        found: list[Outcome] = []
        calls: list[CallOutcome] = []
        last = -1
        for program, call, first, logged, new, interrupted, _ in self._calls():
            if program != last and calls:
                found.append(Outcome(last, tuple(calls)))
                calls = []
            last = program
            calls.append(CallOutcome(call, new, first, logged, bool(interrupted)))
        return [*found, Outcome(last, tuple(calls))] if calls else found

    def reached(self, call: CallOutcome) -> list[Reached]:
        """The edges of a call in the order in which it met them: the new ones, or all of them with `every`."""
        base = self._head()["base"]
        entries = (_ENTRY.unpack_from(self.map, _LOG + (call.first + n) * _ENTRY.size) for n in range(call.logged))
        return [Reached(edge, base + at) for edge, at in entries]

    def blocks(self) -> Iterator[tuple[int, int, list[int]]]:
        """The calls with edges in the log, as program and call, each with the link addresses of the edges' blocks.

        It says less than `outcomes` and `reached` do, in a fraction of the time.
        """
        head = self._head()
        base, log = head["base"], self.map[_LOG : _LOG + head["logged"] * _ENTRY.size]
        offsets = memoryview(log).cast("I")[1::2].tolist()  # an entry is two numbers
        for program, call, start, logged, *_ in self._calls():
            if logged:
                yield program, call, [base + offset for offset in offsets[start : start + logged]]

    def reach(self, first: int) -> list[Reach]:
        """The programs of the batch with edges in the log, with comparisons, or with calls that were interrupted.

        The batch began with program `first`.
        """
        head = self._head()
        log = self.map[_LOG : _LOG + head["logged"] * _ENTRY.size]
        edges = memoryview(log).cast("I")[::2].tolist()  # an entry is two numbers
        found: dict[int, Reach] = {}
        records = list(self._calls())
        for program, call, start, logged, _, interrupted, _ in records:
            if logged or interrupted:
                reach = found.get(program)
                if reach is None:
                    reach = found[program] = Reach(program - first)
                if logged:
                    reach.calls[call] = frozenset(edges[start : start + logged])
                if interrupted:
                    reach.interrupted.add(call)
        compared = self.map[_COMPARED : _COMPARED + head["compared"] * _COMPARISON.size]
        for at, size, a, b in _COMPARISON.iter_unpack(compared):
            program, call, *_ = records[at]
            reach = found.setdefault(program, Reach(program - first))
            reach.comparisons.setdefault(call, []).append(Comparison(size, a, b))
        return list(found.values())

    def _head(self) -> dict[str, int]:
        return dict(zip(_HEAD.names, _HEAD.unpack_from(self.map), strict=True))

    def _calls(self) -> Iterator[tuple[int, ...]]:
        """The records of the batch."""
        return _CALL.iter_unpack(self.map[_HEAD.size : _HEAD.size + self._head()["calls"] * _CALL.size])

    def close(self) -> None:
        """Free the memory; the map of seen edges stays."""
        self.map.close()
        os.close(self.fd)
