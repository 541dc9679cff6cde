"""Makes inputs that get further and further into a file system, guided by the edges that they reach.

It is the search of `gen/guided.py` with an image beside each program. An input that reaches new edges enters the
corpus, without the calls behind the last of them. What follows is of five kinds:

- `fresh`: a mutation of the base image, with a new program, and with other mount options now and then;
- `image`: an entry of the corpus whose image is mutated further, or joined with the changes of another entry's;
- `program`: an entry whose program is mutated;
- `mount`: an entry that is mounted with other options and flags;
- `both`: its image and its program are mutated.

Entries are chosen by their energy (`gen/corpus.py`). The share of each kind follows what it brings: it has a score, the
inputs with new edges, that fades with time. On a kernel that tells no edges, all inputs are fresh.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.gen.corpus import Corpus, Entry
from lkltest.fuzz.gen.generator import Candidate, EncodedCall
from lkltest.fuzz.images.inputs import Changes, Made
from lkltest.fuzz.images.mounts import drawn, mount
from lkltest.fuzz.images.programs import ImageMutator, ImageScenario, Programs
from lkltest.fuzz.images.store import ImageStore
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.prog.reach import Reach
from lkltest.image.metadata import mutate

KINDS = ("fresh", "image", "program", "mount", "both")
STORED = "stored"  # the kind of an input that a corpus had from an earlier session
LEAST = 0.05  # share of each kind
FADE = 0.995  # of a score, with each input
AVOIDED_CHANCE = 0.05  # that a place is changed although it is known to lose the kernel
WRONG_CHANCE = 0.06  # that checksums are left wrong: the kernel has code for that, too
MOUNT_CHANCE = 0.3  # that a fresh input is mounted with other options than the recipe's
JOIN_CHANCE = 0.15  # that an image takes the changes of another one, too
MOST_CHANGES = 64  # runs of bytes of an input that is mutated further


@dataclass(eq=False, slots=True)
class ImageEntry(Entry):
    """An input of the corpus."""

    changes: Changes = ()
    head: tuple[EncodedCall, ...] = ()  # calls that mount the image


@dataclass(frozen=True)
class Origin:
    """The kind of an input, and the entry that it was made of."""

    kind: str
    entry: ImageEntry | None = None


class Maker:
    """Makes inputs for one target, the same for the same seed and the same feedback."""

    def __init__(self, target: Target, seed: str) -> None:
        self.target = target
        self.rng = random.Random(seed)
        self.programs = Programs(target, f"{seed}/calls")
        self.mutator = ImageMutator(self.programs)
        scenario = self.programs.scenarios[0]
        assert isinstance(scenario, ImageScenario)
        self.scenario = scenario
        self.head = tuple(map(scenario.fixed, mount(target)))  # mounts the image as its recipe says
        self.corpus = Corpus()
        self.store: ImageStore | None = None
        self.waiting: list[tuple[Made, Origin]] = []  # inputs that were made, and have not run yet
        self.avoided: frozenset[int] = frozenset()  # offsets of which a change is known to lose the kernel
        self.scores: defaultdict[str, float] = defaultdict(float, dict.fromkeys(KINDS, 1.0))
        self.tries: defaultdict[str, float] = defaultdict(float, dict.fromkeys(KINDS, 1.0))

    def batch(self, inputs: int) -> list[tuple[Made, Origin]]:
        """The next inputs to run, first those that wait."""
        made, self.waiting = self.waiting[:inputs], self.waiting[inputs:]
        made += [self.make() for _ in range(inputs - len(made))]
        self.programs.renew()
        return made

    def put_back(self, inputs: Sequence[tuple[Made, Origin]]) -> None:
        """Let inputs that have not run come next: a batch had no room for them, or its kernel was lost before them."""
        self.waiting[:0] = inputs

    def make(self) -> tuple[Made, Origin]:
        """An input, and where it comes from; the module explains the kinds."""
        kind = self.kind()
        if kind == "fresh":
            return Made(self.mutated(()), self.fresh_head(), self.programs.fresh()), Origin(kind)
        entry, other = self.chosen(), self.chosen()
        entry.tried += 1
        changes, candidate, head = entry.changes, entry.candidate, entry.head
        if kind in ("image", "both"):
            changes = self.mutated(changes if len(changes) <= MOST_CHANGES else (), other.changes)
        if kind in ("program", "both"):
            candidate = self.mutator.mutate(candidate, other.candidate)
        if kind == "mount":
            head = self.other_head()
        return Made(changes, head, candidate), Origin(kind, entry)

    def fresh_head(self) -> tuple[EncodedCall, ...]:
        """The calls that mount the image, as its recipe says or with other options."""
        return self.other_head() if self.rng.random() < MOUNT_CHANCE else self.head

    def other_head(self) -> tuple[EncodedCall, ...]:
        """The calls that mount the image with other options and flags."""
        return (self.scenario.fixed(drawn(self.target, self.rng)), *self.head[1:])

    def chosen(self) -> ImageEntry:
        """An entry of the corpus, by energy."""
        entry = self.corpus.choose(self.rng)
        assert isinstance(entry, ImageEntry)
        return entry

    def kind(self) -> str:
        """A kind of input, by what it brings."""
        if not len(self.corpus):
            return "fresh"
        rates = [self.scores[kind] / self.tries[kind] for kind in KINDS]
        return self.rng.choices(KINDS, [max(rate / sum(rates), LEAST) for rate in rates])[0]

    def mutated(self, changes: Changes, others: Changes = ()) -> Changes:
        """An image mutated further, most often with right checksums; `others` are the changes of another one."""
        changes, others = self.harmless(changes), self.harmless(others[:MOST_CHANGES])
        while True:
            image = self.target.overlay(changes)
            if others and self.rng.random() < JOIN_CHANCE:
                for offset, data in others:
                    image.write(offset, data)
            else:
                mutate(self.target.metadata, image, self.rng)
            if self.rng.random() >= WRONG_CHANCE:
                self.target.metadata.repair(image)
            found = tuple(image.changes())
            if self.harmless(found) == found or self.rng.random() < AVOIDED_CHANCE:
                return found

    def harmless(self, changes: Changes) -> Changes:
        """The changes without those of places that are known to lose the kernel."""
        return tuple((offset, data) for offset, data in changes
                     if self.avoided.isdisjoint(range(offset, offset + len(data))))

    def learn(self, made: Sequence[tuple[Made, Origin]], reached: Sequence[Reach]) -> None:
        """Take the new edges of inputs that have run, and keep those that have some."""
        for _, origin in made:
            for figures in (self.scores, self.tries):
                figures[origin.kind] *= FADE
            self.tries[origin.kind] += 1
        for reach in reached:
            if reach.calls:
                one, origin = made[reach.program]
                self.scores[origin.kind] += 1
                entry = self.keep(one, reach, origin.entry)
                if entry is not None and self.store is not None and origin.kind != STORED:
                    self.store.write(entry.changes, (*entry.head, *entry.candidate.calls))

    def resume(self, store: ImageStore, nth: int, of: int) -> None:
        """Run the inputs of a corpus first, or a part of them, and write into it those that are kept from here on."""
        self.store = store
        self.put_back([(made, Origin(STORED)) for made in store.read(self.scenario, nth, of)])

    def keep(self, made: Made, reach: Reach, parent: ImageEntry | None) -> ImageEntry | None:
        """Let an input enter the corpus, without the calls behind the last one with new edges; None has no calls."""
        last = max(reach.calls)
        count = max(1, last + 1 - len(made.head)) if last != BETWEEN else len(made.candidate.calls)
        calls = made.candidate.calls[:count]
        if not calls:
            return None
        depth, inherited = 0, 0.0
        if parent is not None:
            parent.paid += 1
            depth, inherited = parent.depth + 1, parent.risk
        entry = ImageEntry(
            Candidate(calls, made.candidate.scenario), len(reach.edges), slow=bool(reach.interrupted), depth=depth,
            inherited=inherited, changes=made.changes, head=made.head,
        )
        self.corpus.add(entry)
        return entry

    def blame(self, origin: Origin) -> None:
        """Count a kernel that an input made of an entry has lost."""
        if origin.entry is not None:
            self.corpus.blame(origin.entry)
