"""Programs of the corpus that go on with a few more calls.

Some code is only reached by a particular sequence of calls: each call changes the state of a file or a socket, and the
next one finds it. Each step opens a new branch, so that the program of the steps so far is in the corpus, without the
calls that the branch does not need. A mutation changes these calls most of the time, and seldom leaves all of them as
they are. Here, nothing but the end changes. Calls follow that are related to the program (`relations.py`), or calls of
its scenario, or any calls: of those, each name is as likely as the others, however rare its scenario is.

Each entry gets its share of these programs: the next one goes on from the entry that had the fewest of its share. A new
one has some programs first, however old the others are. Entries that need more calls have larger shares, and the more
so where others were found in the same code that need fewer; an entry that was hardly minimized has that of one call.
"""

from __future__ import annotations

import heapq
from collections import defaultdict

from lkltest.fuzz.gen.corpus import Entry
from lkltest.fuzz.gen.generator import Candidate, EncodedCall, Generator
from lkltest.fuzz.gen.relations import LONG, Relations

MORE = (2, 3, 4, 5, 6, 8)  # calls that follow
FEW = (1, 2, 2, 3, 4, 6)  # related calls that follow: another one may undo what the program has done
RELATED = 0.6  # of the programs that go on with related calls
FOREIGN = 0.3  # of the others that go on with calls of any scenario
NEEDED = 6  # calls of an entry that count for its share: few entries need as many, and their next step is a rare one
FIRST = 10.0  # programs for each call that a new entry has before the others go on
AHEAD = 10.0  # programs for each call by which another generator's entry has to wait: that one extends it, too
DEEPER = 2  # each step of depth after the first multiplies an entry's share by this
DEPTH = 5  # steps that count
LOSS = 200  # a kernel that an entry lost to a known bug counts as this number of programs
KEPT = 4  # calls of a name that are kept encoded
REDRAW = 0.2  # of the calls that are drawn anew
NEW_ARGUMENTS = 0.5  # of the related calls that are drawn anew: with the arguments seen, they came as far as they did


class Extensions:
    """The entries of a corpus that go on with more calls."""

    def __init__(self, generator: Generator, relations: Relations) -> None:
        self.generator = generator
        self.relations = relations
        self.rng = generator.source.random
        self.queue: list[tuple[float, int, Entry]] = []  # programs for each call that counts, order; the first is next
        self.added = 0
        self.variants: dict[str, list[str]] = {}  # of all scenarios, by the name of their call
        self.encoded: defaultdict[str, list[EncodedCall]] = defaultdict(list)  # by the same names

    def __len__(self) -> int:
        return len(self.queue)

    def add(self, entry: Entry, *, foreign: bool = False) -> None:
        """Take an entry; `foreign` is one of another generator."""
        self.added += 1
        least = self.queue[0][0] if self.queue else 0.0
        level = least + AHEAD if foreign else max(0.0, least - FIRST)
        heapq.heappush(self.queue, (level, -self.added, entry))

    def make(self) -> tuple[Candidate, Entry] | None:
        """A program, and the entry that it goes on from; None where there is no entry."""
        while self.queue and self.queue[0][2].dropped:
            heapq.heappop(self.queue)
        if not self.queue:
            return None
        level, order, entry = self.queue[0]
        calls = entry.candidate.calls
        share = min(len(calls), NEEDED) if len(calls) <= LONG else 1
        share *= DEEPER ** (min(self.relations.depth(entry.parts, len(calls)), DEPTH) - 1)
        heapq.heapreplace(self.queue, (level + (1 + LOSS * entry.lost) / share, order, entry))
        more = self._related(entry) if self.rng.random() < RELATED else []
        return Candidate((*calls, *(more or self._unrelated(entry))), entry.candidate.scenario), entry

    def _related(self, entry: Entry) -> list[EncodedCall]:
        """Calls that share code with an entry, some with other arguments; none where none is known."""
        chosen = (self.relations.choose(entry.parts, self.rng) for _ in range(self.rng.choice(FEW)))
        related = [call for call in chosen if call is not None]
        return [self._redrawn(call) if self.rng.random() < NEW_ARGUMENTS else call for call in related]

    def _redrawn(self, call: EncodedCall) -> EncodedCall:
        """Another call of the same variant; the same one where this kernel does not have it."""
        if call.key not in self.generator.description.variants:
            return call
        return self.generator.scenarios[0].draw(call.key, self.generator.source)

    def _unrelated(self, entry: Entry) -> list[EncodedCall]:
        """Calls of an entry's scenario, or of any."""
        pool = entry.candidate.scenario.pool
        foreign = not pool or self.rng.random() < FOREIGN
        return [self._any() if foreign else self.rng.choice(pool) for _ in range(self.rng.choice(MORE))]

    def _any(self) -> EncodedCall:
        """A call of any scenario: first its name, then one of its variants."""
        if not self.variants:
            keys = dict.fromkeys(key for scenario in self.generator.scenarios for key in scenario.keys)
            for key in keys:
                self.variants.setdefault(self.generator.description.variants[key].signature.name, []).append(key)
        name = self.rng.choice(list(self.variants))
        calls = self.encoded[name]
        if len(calls) >= KEPT and self.rng.random() >= REDRAW:
            return self.rng.choice(calls)
        call = self.generator.scenarios[0].draw(self.rng.choice(self.variants[name]), self.generator.source)
        if len(calls) >= KEPT:
            calls.pop(self.rng.randrange(len(calls)))
        calls.append(call)
        return call
