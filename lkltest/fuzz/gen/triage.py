"""Triage: a program with new edges is run again, and minimized, before it enters the corpus.

Not every new edge is worth a place: some are reached only once, when a cache fills or a timer fires. So a program is
run once more, on the kernel that runs just then, together with the programs that lack one of its calls each:

1. The new edges that it does not reach again are forgotten; if there are none left, the program is dropped.
2. A call without which all of these edges are still reached is not needed. In a second round all such calls are left
   out at once, and also the first half of them, the second half, and each single one: the shortest program that still
   reaches the edges is kept.

That is at most two rounds of twice as many programs as there are calls. The calls behind the last one with a new edge
are left out without a trial: they come later than the edge.

Until then, the program as it came has a place in the corpus already: the search need not wait.

`Trial` is one such program; `Triage` has the queue of them, and asks for these edges only in its batches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lkltest.fuzz.gen.corpus import Entry
from lkltest.fuzz.gen.generator import Batch, Candidate
from lkltest.fuzz.prog.reach import Reach

WAITING = 2000  # trials that wait; the oldest are dropped
MOST = 16  # calls of which each is left out on trial; of a longer program, only the last ones

Wanted = tuple[int, ...]  # the calls of a program that are left in, by their indexes


@dataclass(eq=False)
class Trial:
    """A program with new edges, on its way into the corpus."""

    entry: Entry  # of the corpus
    edges: frozenset[int]  # the new ones
    slow: bool = False  # one of its calls had to be interrupted
    again: bool = False  # it reached the edges again, and `waiting` are the second round's
    waiting: list[Wanted] = field(default_factory=list)  # of this round
    reached: dict[Wanted, Reach] = field(default_factory=dict)  # what has run of it

    @property
    def candidate(self) -> Candidate:
        """The program as it came."""
        return self.entry.candidate

    def __post_init__(self) -> None:
        """Plan the first round."""
        calls = range(len(self.candidate.calls))
        self.waiting = [tuple(calls)]
        if len(calls) > 1:
            self.waiting += [(*calls[:n], *calls[n + 1 :]) for n in calls[-MOST:]]

    def part(self, wanted: Wanted) -> Candidate:
        """The program with some of its calls."""
        return Candidate(tuple(self.candidate.calls[n] for n in wanted), self.candidate.scenario)

    def reaches(self, wanted: Wanted) -> bool:
        """Whether a part reached all the edges."""
        return wanted in self.reached and self.edges <= self.reached[wanted].edges

    def advance(self) -> Candidate | None:
        """Judge a round that has run: the program to keep, or None; without a result, `waiting` has the next round."""
        whole = tuple(range(len(self.candidate.calls)))
        if not self.again:
            self.edges &= self.reached[whole].edges if whole in self.reached else frozenset()
            if not self.edges:
                return None
            self.again = True
            needless = [n for n in whole if self.reaches((*whole[:n], *whole[n + 1 :]))]
            self.waiting = list(_second_round(whole, needless))
            if self.waiting:
                return None
        best = min((wanted for wanted in self.reached if self.reaches(wanted)), key=len, default=whole)
        self.slow = best in self.reached and bool(self.reached[best].interrupted)
        return self.part(best)


def _second_round(whole: Wanted, needless: Sequence[int]) -> Iterator[Wanted]:
    """The parts without needless calls, those without most first; parts without a single one are known already."""
    half = len(needless) // 2
    seen = set()
    for left_out in (needless, needless[:half], needless[half:]):
        part = tuple(n for n in whole if n not in left_out)
        if len(left_out) > 1 and part and part not in seen:
            seen.add(part)
            yield part


class Part(NamedTuple):
    """A program of a trial in its batch."""

    trial: Trial
    wanted: Wanted


class Triage:
    """The programs with new edges that are being tried."""

    def __init__(self) -> None:
        self.queue: deque[Trial] = deque(maxlen=WAITING)

    def __len__(self) -> int:
        return len(self.queue)

    def add(self, entry: Entry, edges: frozenset[int]) -> None:
        """Plan a trial of a program that has reached new edges."""
        self.queue.append(Trial(entry, edges))

    def batch(self, programs: int) -> Batch:
        """The next round of some trials, of about this number of programs."""
        chosen: list[Candidate] = []
        origins: list[Part] = []
        while self.queue and len(chosen) < programs:
            trial = self.queue.popleft()
            chosen += map(trial.part, trial.waiting)
            origins += [Part(trial, wanted) for wanted in trial.waiting]
        wanted: frozenset[int] = frozenset().union(*(part.trial.edges for part in origins))
        return Batch.of(chosen, origins, wanted=wanted)

    def learn(self, batch: Batch, ran: int, reached: Sequence[Reach]) -> Iterator[tuple[Trial, Candidate | None]]:
        """Take the edges of a batch; the trials that end, with the program that is worth its place, or None."""
        parts = [part for part in batch.origins if isinstance(part, Part)]
        for reach in reached:
            part = parts[reach.program]
            part.trial.reached[part.wanted] = reach
        for trial in dict.fromkeys(part.trial for part in parts[:ran]):
            if ran < len(parts) and parts[ran].trial is trial:
                continue  # the kernel was lost in the middle: the rest runs on the next one
            trial.waiting = []
            kept = trial.advance()
            if trial.waiting:
                self.queue.appendleft(trial)
            else:
                yield trial, kept
