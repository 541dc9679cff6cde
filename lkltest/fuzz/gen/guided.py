"""Makes programs that get further and further into a kernel, guided by the edges that programs reach.

The search is that of coverage-guided fuzzers since AFL, with typed programs as syzkaller has them. The worker runs
batches of programs, and tells the generator which of them reached edges that no program had reached before. Each batch
is one of these:

- **Triage** (`triage.py`), while programs with new edges wait. They are in the corpus already. Now they are run again,
  and then minimized; what is left is written into the corpus's directory (`store.py`).
- **Comparisons** (`hints.py`), for new entries of the corpus, on kernels that tell them: the numbers that the kernel
  compares with an entry's arguments make mutations of it, which wait in `hinted`. All edges of these entries, and of
  those that others have written, tell which calls are related (`relations.py`).
- **Search**, all the rest. Entries of the directory that this kernel has not run yet come first. The others are fresh
  (drawn by the blind generator, so that what the corpus lacks is found, too), hinted mutations, or other mutations
  (`mutation.py`) of entries, chosen by their energy (`corpus.py`), with calls of a second entry, or entries that go on
  with more calls (`extension.py`). Their shares follow what each kind has brought lately (`bandit.py`).

Triage and comparisons take one batch of five, or one of two while many programs wait for triage; comparisons wait
while there are enough hinted mutations.

The generator knows nothing of what runs its programs, and whether several run at once: it sees `Batch` and `Reach`.
Several generators may share a directory: each takes the entries that the others have written.
"""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any

from lkltest.fuzz.gen.bandit import Bandit
from lkltest.fuzz.gen.corpus import Corpus, Entry
from lkltest.fuzz.gen.extension import Extensions
from lkltest.fuzz.gen.files import Files
from lkltest.fuzz.gen.generator import Batch, Candidate, EncodedCall, Generator
from lkltest.fuzz.gen.hints import Hint, hinted, stands, wide
from lkltest.fuzz.gen.mutation import Mutator
from lkltest.fuzz.gen.relations import Relations, parts
from lkltest.fuzz.gen.store import STORED, Store
from lkltest.fuzz.gen.triage import Part, Triage, Trial
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.reach import Comparison, Reach

# Shares of a search while nothing is known.
KINDS = {"fresh": 0.18, "mutated": 0.32, "extended": 0.28, "hinted": 0.14, "files": 0.08}
FOUND = 10  # part of a search that files have which no program has opened yet
SEARCHES = 4  # batches between two that do not search
BACKLOG = 200  # programs on trial; while more wait, every second batch is one that does not search
SILENT = 8  # batches in a row without comparisons after which no more are asked for: the kernel tells none
HINTS = 5000  # hinted mutations that wait, at most
ENOUGH = 500  # hinted mutations that wait; with more, no more comparisons are asked for
COMPARED = 1000  # entries that wait for their comparisons, at most: the newest come first
PER_ENTRY = 40  # hinted mutations of one entry, and half as many where the number is a common one
ROUND = 8  # programs of a batch of comparisons
GUESSED = 3  # parts of the code in which the edges of another generator's entry may be
NEAR = 16  # edges whose numbers are as near are those of one part of the code: ways from several blocks to one
LOOKED_AT = 16  # comparisons of a call that are looked at, and as many with wide numbers: a call makes thousands
OTHERS = 2  # calls but for the last whose comparisons are looked at
MOST_MET = 200_000  # numbers that are counted
OCCASIONAL = 4  # mutations that take a constant, after which numbers that were met once have the same rank
PER_CALL = 60  # hints of one call that are looked at
PER_COMPARISON = 12  # of these, those of one comparison: a number may stand at many places
JOINED = 3  # hints of one mutation that has several
OFTEN = 100  # hinted mutations in which a call takes the same number


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of a program of a search."""

    kind: str  # "fresh", "mutated", "extended", "hinted", "files", "stored"
    entry: Entry | None = None  # that was mutated
    operators: tuple[str, ...] = ()  # that mutated it


class Guided:
    """A guided generator, an `Engine`.

    Its programs are the same for the same seed and the same feedback, unless others write into its directory meanwhile.
    """

    def __init__(
        self, description: Description, seed: int | str, only: Sequence[str] = (),
        scenarios: Mapping[str, Mapping[str, Any]] | None = None, store: Store | None = None,
    ) -> None:
        """`only` and `scenarios` are those of `Generator`; without a `store`, the corpus is not kept."""
        self.blind = Generator(description, seed, only, scenarios)
        self.description = description
        self.rng = self.blind.source.random
        self.mutator = Mutator(self.blind)
        self.corpus = Corpus()
        self.relations = Relations()
        self.extensions = Extensions(self.blind, self.relations)
        self.triage = Triage()
        self.files = Files.of(self.blind)
        self.store = store
        self.compared: deque[Entry] = deque(maxlen=COMPARED)  # entries whose comparisons are wanted
        self.used: Counter[tuple[str, int]] = Counter()  # hinted mutations, by the call and the number that it took
        self.met: Counter[tuple[str, int]] = Counter()  # comparisons of a call with a number
        self.silent = 0  # batches in a row that told no comparisons
        self.hinted: deque[tuple[Candidate, Entry]] = deque(maxlen=HINTS)
        self.stored: deque[Entry] = deque()  # entries of the directory that are to be run
        self.adopted: deque[Entry] = deque(maxlen=COMPARED)  # those of others that ran, whose relations are wanted
        self.kinds = Bandit(KINDS)
        self.places: set[int] = set()  # parts of the code that were reached
        self.settled = 0  # programs that went through triage into the corpus
        self.edges: Counter[str] = Counter()  # new edges by scenario
        self.searches = 0  # batches since the last triage
        self.alternate = False  # between triage and comparisons, where both wait
        self.recent: deque[Batch] = deque(maxlen=3)

    def batch(self, programs: int) -> Batch:
        """The next programs to run; the module explains which."""
        batch = self._next(programs)
        self.recent.append(batch)
        return batch

    def _next(self, programs: int) -> Batch:
        comparing = self._wants_comparisons() or bool(self.adopted)
        if self.searches >= (SEARCHES if len(self.triage) <= BACKLOG else 1) and (len(self.triage) or comparing):
            self.searches = 0
            self.alternate = not self.alternate
            if len(self.triage) and (self.alternate or not comparing):
                return self.triage.batch(programs)
            if (batch := self._comparisons()).programs:
                return batch
        self.searches += 1
        self.adopt()
        return self._search(programs)

    def _comparisons(self) -> Batch:
        wanted = self.compared if self._wants_comparisons() else ()
        entries = [self.compared.pop() for _ in range(min(ROUND, len(wanted)))]
        compare = bool(entries)
        others = [self.adopted.popleft() for _ in range(min(ROUND, len(self.adopted)))]
        entries += [entry for entry in others if not entry.lost]
        return Batch.of([entry.candidate for entry in entries], entries, compare=compare, every=True)

    def _wants_comparisons(self) -> bool:
        if not self.compared or self.silent >= SILENT:
            return False
        return len(self.hinted) < ENOUGH or _is_hinted(self.compared[-1])

    def _search(self, programs: int) -> Batch:
        made: list[tuple[Candidate, Origin]] = []
        while self.stored and len(made) < programs:
            entry = self.stored.popleft()
            made.append((entry.candidate, Origin("stored", entry)))
        found = self.files.fresh if self.files is not None else ()
        made += [self._found() for _ in range(min(len(found), programs // FOUND))]
        while len(made) < programs:
            kind = self.kinds.choose(self.rng) if len(self.corpus) else "fresh"
            if kind == "hinted" and self.hinted:
                candidate, entry = self.hinted.popleft()
                made.append((candidate, Origin("hinted", entry)))
            elif kind == "files" and self.files is not None:
                made.append(self._found())
            elif kind == "extended" and (extended := self.extensions.make()) is not None:
                made.append((extended[0], Origin("extended", extended[1])))
            else:
                made.append(self._fresh() if kind == "fresh" else self._mutated())
        self.blind.renew()
        return Batch.of([candidate for candidate, _ in made], [origin for _, origin in made])

    def _found(self) -> tuple[Candidate, Origin]:
        assert self.files is not None
        return self.files.make(), Origin("files")

    def _fresh(self) -> tuple[Candidate, Origin]:
        scenario = self.blind.scenario()
        return Candidate(tuple(scenario.compose(self.rng)), scenario), Origin("fresh")

    def _mutated(self) -> tuple[Candidate, Origin]:
        entry, other = self.corpus.choose(self.rng), self.corpus.choose(self.rng)
        entry.tried += 1
        operators = self.mutator.choose()
        return self.mutator.mutate(entry.candidate, other.candidate, operators), Origin("mutated", entry, operators)

    def learn(
        self, batch: Batch, ran: int, reached: Sequence[Reach], novel: Sequence[int]  # noqa: ARG002 -- edges say more
    ) -> None:
        """Take the edges of a batch."""
        if batch.every:
            self._learn_comparisons(batch, reached)
        elif batch.wanted is not None:
            for trial in self.triage.learn(batch, ran, reached):
                self._settle(trial)
        else:
            self._learn_edges(batch, ran, reached)

    def _learn_edges(self, batch: Batch, ran: int, reached: Sequence[Reach]) -> None:
        stored: list[Entry] = []
        for origin in batch.origins[:ran]:
            assert isinstance(origin, Origin)
            self.kinds.tried((origin.kind,))
            self.mutator.bandit.tried(set(origin.operators))
            if origin.kind == "stored" and origin.entry is not None:
                stored.append(origin.entry)
        self.kinds.renew()
        self.mutator.bandit.renew()
        for reach in reached:
            origin, candidate = batch.origins[reach.program], batch.programs[reach.program]
            assert isinstance(origin, Origin)
            if reach.calls:
                self.edges[STORED if candidate.file else candidate.scenario.name] += len(reach.edges)
                self.relations.learn(candidate.calls, reach.calls)
                if origin.kind != "stored":
                    self._add(candidate, reach, origin)
            if origin.kind == "stored" and origin.entry is not None:
                origin.entry.slow = bool(reach.interrupted)
        self.adopted.extend(entry for entry in stored if not entry.slow)

    def _add(self, candidate: Candidate, reach: Reach, origin: Origin) -> None:
        """Let a program enter the corpus, without the calls behind the last one with new edges."""
        last = max(reach.calls)
        slow = any(call <= last for call in reach.interrupted)
        depth = origin.entry.depth + 1 if origin.entry is not None else 0
        part = Candidate(candidate.calls[: last + 1], candidate.scenario)
        inherited = origin.entry.risk if origin.entry is not None else 0.0
        places = {edge // NEAR for edge in reach.edges} - self.places
        self.places |= places
        entry = Entry(part, len(reach.edges), len(places), slow=slow, depth=depth, inherited=inherited)
        entry.origin = origin
        self.corpus.add(entry)
        self.triage.add(entry, reach.edges)

    def _credit(self, entry: Entry) -> None:
        """Let the ways in which a program was made gain from it: it does reach its edges again."""
        origin = entry.origin
        assert isinstance(origin, Origin)
        self.kinds.pay((origin.kind,))
        self.mutator.bandit.pay(set(origin.operators))
        if origin.entry is not None:
            origin.entry.paid += 1

    def _settle(self, trial: Trial) -> None:
        """Act on a round of a trial: a program that is not stable goes, one at the end of its trial is written."""
        entry = trial.entry
        if not trial.edges:
            self.corpus.drop(entry)
            return
        if trial.rounds == 1:
            entry.slow = trial.slow
            self._credit(entry)
            if not trial.slow and self.silent < SILENT:
                self.compared.append(entry)
        if not trial.waiting:
            entry.candidate = trial.shortest()
            entry.edges, entry.slow, entry.parts = len(trial.edges), trial.slow, parts(trial.edges)
            self.relations.note(entry.parts, len(entry.candidate.calls))
            self.settled += 1
            if not entry.slow:
                self.extensions.add(entry)
            if self.store is not None:
                self.store.write(entry.candidate)

    def _learn_comparisons(self, batch: Batch, reached: Sequence[Reach]) -> None:
        """Make mutations of the numbers that were compared."""
        if len(self.met) > MOST_MET:
            self.met.clear()
        if batch.compare:
            self.silent = 0 if any(reach.comparisons for reach in reached) else self.silent + 1
        for reach in reached:
            entry = batch.origins[reach.program]
            assert isinstance(entry, Entry)
            self.relations.learn(entry.candidate.calls, reach.calls)
            if entry.origin is None:  # another generator's, which makes its own mutations of it
                self._place(entry, reach)
                continue
            strong, weak = self._hinted(entry, reach)
            if _is_hinted(entry):  # the next number of a header, behind the one that was found: it comes at once
                strong, weak = strong + weak, []
            self.hinted.extendleft((candidate, entry) for candidate in reversed(strong))
            room = max(0, HINTS - len(self.hinted))
            self.hinted.extend((candidate, entry) for candidate in weak[:room])

    def _place(self, entry: Entry, reach: Reach) -> None:
        """Guess where the edges of another generator's entry are: where few calls lead, in its last call."""
        last = parts(reach.calls.get(len(entry.candidate.calls) - 1, ()))
        entry.parts = tuple(sorted(last, key=self.relations.names)[:GUESSED])
        self.relations.note(entry.parts, len(entry.candidate.calls))

    def _hinted(self, entry: Entry, reach: Reach) -> tuple[list[Candidate], list[Candidate]]:
        """Some of an entry's mutations, first those whose number hardly stood there by chance."""
        calls = entry.candidate.calls
        found: tuple[list[tuple[int, Hint]], list[tuple[int, Hint]]] = ([], [])
        for index in self._worth_it(reach):
            variant = self.description.variants.get(calls[index].key)
            if variant is None:
                continue
            code, rank = calls[index].code, partial(self._rank, variant.key)
            there = [one for one in set(reach.comparisons[index]) if stands(code, one.a) or stands(code, one.b)]
            self.met.update((variant.key, number) for one in there for number in one[1:])
            self.rng.shuffle(there)
            there.sort(key=rank)
            if _is_hinted(entry):  # behind the branch that was found, it met numbers that no other program has met
                there.sort(key=partial(self._is_known, variant.key))
            some = sorted(there[:LOOKED_AT] + [*filter(wide, there)][:LOOKED_AT], key=wide, reverse=True)
            each = (islice(hinted(calls[index].call, variant, [one], self.description), PER_COMPARISON) for one in some)
            different = {hint.call: hint for hint in islice(chain.from_iterable(each), PER_CALL)}
            for hint in different.values():
                if self.used[variant.key, hint.number] < OFTEN:
                    found[0 if hint.strong else 1].append((index, hint))
        for kind in found:
            self.rng.shuffle(kind)
            kind.sort(key=lambda one: self.used[calls[one[0]].key, one[1].number])
        strong, weak = found[0][:PER_ENTRY], found[1][: PER_ENTRY // 2]
        for index, hint in (*strong, *weak):
            self.used[calls[index].key, hint.number] += 1
            self.mutator.arguments.learn(calls[index].key, hint.number)
        return self._encode(entry, strong), self._encode(entry, weak)

    def _worth_it(self, reach: Reach) -> list[int]:
        """The last call, which has new edges, and some of the others: each costs time."""
        calls = sorted(reach.comparisons)
        return [*calls[-1:], *self.rng.sample(calls[:-1], min(OTHERS, len(calls[:-1])))]

    def _rank(self, key: str, comparison: Comparison) -> int:
        """The place of a comparison: constants, which are met again and again, come first until they are used often."""
        used = [self.used[key, number] for number in comparison[1:] if self.met[key, number] > 1]
        return min(used, default=OCCASIONAL)

    def _is_known(self, key: str, comparison: Comparison) -> bool:
        """Whether a call met both numbers of a comparison before, or could guess them."""
        return not wide(comparison) or all(self.met[key, number] > 1 for number in comparison[1:])

    def _encode(self, entry: Entry, hints: Sequence[tuple[int, Hint]]) -> list[Candidate]:
        """An entry with one of its calls changed, for each hint that can be encoded; others with several at once."""
        calls = entry.candidate.calls
        changed: list[dict[int, EncodedCall]] = []
        for index, hint in hints:
            variant = self.description.variants[calls[index].key]
            with contextlib.suppress(ValueError, KeyError):  # a number may be too wide for its field
                changed.append({index: EncodedCall.of(hint.call, variant, self.description)})
        for _ in range(len(changed) // JOINED):
            changed.append({at: call for one in self.rng.choices(changed, k=JOINED) for at, call in one.items()})
        return [
            Candidate(tuple(one.get(n, call) for n, call in enumerate(calls)), entry.candidate.scenario)
            for one in changed
        ]

    def gains(self) -> tuple[int, Counter[str]]:
        """The programs that it added to the corpus, and the new edges that its programs reached, by scenario."""
        return self.settled, Counter(self.edges)

    def adopt(self) -> None:
        """Take the entries that others have written into the directory."""
        if self.store is None:
            return
        for candidate in self.store.fresh(self.blind.scenarios):
            entry = Entry(candidate, 0)
            self.corpus.add(entry)
            self.extensions.add(entry, foreign=True)
            self.stored.append(entry)

    def discover(self, paths: Sequence[bytes]) -> None:
        """Take files of the kernel that programs have listed."""
        if self.files is not None:
            self.files.discover(paths)

    def deprioritize(self, candidate: Candidate) -> None:
        """Make fewer programs like one that lost a kernel to a known bug: of its scenario, and of its entry."""
        self.blind.deprioritize(candidate)
        for batch in self.recent:
            for program, origin in zip(batch.programs, batch.origins, strict=True):
                entry = _entry(origin)
                if program is candidate and entry is not None:
                    self.corpus.blame(entry)
                    return


def _is_hinted(entry: Entry) -> bool:
    """Whether an entry was made by a hint."""
    return isinstance(entry.origin, Origin) and entry.origin.kind == "hinted"


def _entry(origin: object) -> Entry | None:
    """The entry that a program of a batch was made of; None for a fresh program."""
    match origin:
        case Origin(entry=entry) | Part(trial=Trial(entry=entry)):
            return entry
        case Entry():
            return origin
    return None
