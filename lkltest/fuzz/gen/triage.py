"""Triage: a program with new edges is run again, and minimized.

Not every new edge is worth a place in the corpus: some are reached only once, when a cache fills or a timer fires. The
program as it came has a place already, because the search need not wait. It goes through rounds, each on the kernel
that runs just then:

1. It is run once more. The new edges that it does not reach again are no longer those of the program; if none is left,
   it is dropped. They stay reached in the session's map, so that no other program gets an entry for them: handed back,
   an edge that is reached at random would be new again and again. The edges of a program that fails stay reached, too.
2. It is run without a part, for each of its parts: a quarter of a long program, or one call of a short one. A part
   without which all of the edges are reached is needless.
3. All needless parts are left out at once, and also the first half of them, the second half, and all but one of those
   that are alike: of a call that stands twice, either may be needless, but not both. The shortest program that still
   reaches the edges takes the place. The last two rounds are repeated with it as long as it may get shorter:
   where parts were quarters, or where not all needless ones could be left out; but for `ROUNDS` at most.

The first round has precedence: it costs one program, and what follows from it need not wait for the others. In the
later rounds, the newest program and the one that has waited longest take turns: the search is at the newest just now,
and an old one may be the first step of a long sequence. The calls behind the last one with a new edge are left out
without a trial: they come later than the edge.

`Trial` is one such program; `Triage` has the queues of them, and asks for these edges only in its batches.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lkltest.fuzz.gen.corpus import Entry
from lkltest.fuzz.gen.generator import Batch, Candidate
from lkltest.fuzz.prog.reach import Reach

WAITING = 2000  # programs that wait to be minimized; more than that are kept as they are
ROUNDS = 9  # of a trial, at most
MOST = 24  # calls that are left out on trial; of a longer program, only the last ones
SHORT = 6  # calls of a program of which each is left out on its own

Wanted = tuple[int, ...]  # the calls of a program that are left in, by their indexes


@dataclass(eq=False)
class Trial:
    """A program with new edges, on trial."""

    entry: Entry  # of the corpus
    edges: frozenset[int]  # the new ones
    slow: bool = False  # one of its calls had to be interrupted
    rounds: int = 0  # that have run
    parts: list[Wanted] = field(default_factory=list)  # that are left out, each on its own; empty in other rounds
    single: bool = False  # the parts are single calls
    oldest: bool = False  # taken from the old end of the queue, to which it goes back
    needless: list[Wanted] = field(default_factory=list)  # parts without each of which the edges are reached
    waiting: list[Wanted] = field(default_factory=list)  # of the next round
    reached: dict[Wanted, Reach] = field(default_factory=dict)  # what has run of it

    def __post_init__(self) -> None:
        """Plan the first round."""
        self.waiting = [self.whole]

    @property
    def candidate(self) -> Candidate:
        """The program as it came."""
        return self.entry.candidate

    @property
    def whole(self) -> Wanted:
        """All of its calls."""
        return tuple(range(len(self.candidate.calls)))

    def part(self, wanted: Wanted) -> Candidate:
        """The program with some of its calls."""
        return Candidate(tuple(self.candidate.calls[n] for n in wanted), self.candidate.scenario)

    def reaches(self, wanted: Wanted) -> bool:
        """Whether a part reached all the edges."""
        return wanted in self.reached and self.edges <= self.reached[wanted].edges

    def advance(self) -> None:
        """Judge a round that has run, and plan the next one; the trial ends where `waiting` stays empty."""
        self.rounds += 1
        self.waiting = []
        if self.rounds == 1:
            again = self.reached.get(self.whole)
            self.edges &= again.edges if again is not None else frozenset()
            self.slow = again is not None and bool(again.interrupted)
            if self.edges:
                self.waiting = self._leave_out()
            return
        if self.parts:
            self.needless = [part for part in self.parts if self.reaches(_without(self.whole, part))]
            self.parts = []
            self.waiting = list(_joined(self.whole, self.needless, self._unlike()))
            if self.waiting:
                return
        best, finest = self._best(), len(self.whole) - sum(map(len, self.needless))
        shorter = finest < len(best) < len(self.whole) or not self.single
        if shorter and self.rounds < ROUNDS:
            if len(best) < len(self.whole):
                reach = self.reached[best]
                self.entry.candidate = self.part(best)
                self.reached = {self.whole: reach}
            self.single = self.single or not self.needless
            self.waiting = self._leave_out()

    def _leave_out(self) -> list[Wanted]:
        """Divide the program into parts, and plan a run without each."""
        whole = self.whole[-MOST:]
        self.single = self.single or len(whole) <= SHORT
        size = 1 if self.single else -(-len(whole) // 4)
        self.parts = [whole[n : n + size] for n in range(0, len(whole), size)] if len(self.whole) > 1 else []
        return [_without(self.whole, part) for part in self.parts]

    def _unlike(self) -> list[Wanted]:
        """The needless parts, but for the last one of those that are alike."""
        codes = {part: tuple(self.candidate.calls[n].code for n in part) for part in self.needless}
        count, last = Counter(codes.values()), {code: part for part, code in codes.items()}
        return [part for part, code in codes.items() if count[code] == 1 or last[code] != part]

    def _best(self) -> Wanted:
        """The shortest part that was seen to reach the edges."""
        return min((wanted for wanted in self.reached if self.reaches(wanted)), key=len, default=self.whole)

    def shortest(self) -> Candidate:
        """The shortest program that was seen to reach the edges."""
        best = self._best()
        self.slow = best in self.reached and bool(self.reached[best].interrupted)
        return self.part(best)


def _without(whole: Wanted, part: Wanted) -> Wanted:
    return tuple(n for n in whole if n not in part)


def _joined(whole: Wanted, needless: Sequence[Wanted], unlike: Sequence[Wanted]) -> Iterator[Wanted]:
    """The calls without needless parts, those without most first; calls without a single part are known already."""
    half = len(needless) // 2
    seen = set()
    for left_out in (needless, needless[:half], needless[half:], unlike):
        rest = _without(whole, tuple(n for part in left_out for n in part))
        if len(left_out) > 1 and rest and rest not in seen:
            seen.add(rest)
            yield rest


class Part(NamedTuple):
    """A program of a trial in its batch."""

    trial: Trial
    wanted: Wanted


class Triage:
    """The programs with new edges that are being tried."""

    def __init__(self) -> None:
        self.first: deque[Trial] = deque()  # in their first round
        self.later: deque[Trial] = deque()  # the oldest on the left; a trial goes back to the end that it came from
        self.newest = False  # the one that was tried last was the newest

    def __len__(self) -> int:
        return len(self.first) + len(self.later)

    def add(self, entry: Entry, edges: frozenset[int]) -> None:
        """Plan a trial of a program that has reached new edges."""
        self.first.append(Trial(entry, edges))

    def batch(self, programs: int) -> Batch:
        """The next round of some trials, of about this number of programs."""
        chosen: list[Candidate] = []
        origins: list[Part] = []
        while len(self) and len(chosen) < programs:
            trial = self.first.popleft() if self.first else self._later()
            chosen += map(trial.part, trial.waiting)
            origins += [Part(trial, wanted) for wanted in trial.waiting]
        wanted: frozenset[int] = frozenset().union(*(part.trial.edges for part in origins))
        return Batch.of(chosen, origins, wanted=wanted)

    def _later(self) -> Trial:
        """The newest and the oldest trial in turns."""
        self.newest = not self.newest
        trial = self.later.pop() if self.newest else self.later.popleft()
        trial.oldest = not self.newest
        return trial

    def learn(self, batch: Batch, ran: int, reached: Sequence[Reach]) -> Iterator[Trial]:
        """Take the edges of a batch; the trials that end a round. One without `waiting` is at its end."""
        parts = [part for part in batch.origins if isinstance(part, Part)]
        for reach in reached:
            part = parts[reach.program]
            part.trial.reached[part.wanted] = reach
        for trial in dict.fromkeys(part.trial for part in parts[:ran]):
            if ran < len(parts) and parts[ran].trial is trial:
                continue  # the kernel was lost in the middle: the rest runs on the next one
            trial.advance()
            if trial.rounds == 1 and len(self.later) >= WAITING:
                trial.waiting = []
            if trial.waiting:
                (self.later.appendleft if trial.oldest else self.later.append)(trial)
            yield trial
