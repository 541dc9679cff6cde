"""Generates programs fast: calls are drawn and encoded once, and joined to programs many times."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import Any

from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang.describe import Description, Variant, read_annotations
from lkltest.fuzz.prog.encode import PROGRAM
from lkltest.fuzz.prog.reach import Reach
from lkltest.fuzz.prog.resolve import resolve
from lkltest.fuzz.prog.values import Call, Program

POOL = 400  # encoded calls of a scenario's body
READY = 12  # encoded calls of each step of a scenario's start
RENEW = 16  # calls of the pool that are replaced after each batch
LENGTHS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16)
CORPUS = 500  # programs of a scenario that are kept for mutation, because they saw something new
DEPRIORITIZED = 10  # kernels lost to known bugs after which a scenario is half as frequent


@dataclass(frozen=True, slots=True)
class EncodedCall:
    """A call with its encoding."""

    code: bytes
    call: Call
    needs: int
    key: str = ""  # of its variant

    @classmethod
    def of(cls, call: Call, variant: Variant, description: Description) -> EncodedCall:
        """Encode a call; raises ValueError or KeyError where it cannot be."""
        return cls(description.encoder.call(call), call, variant.needs, variant.key)


@dataclass(frozen=True, slots=True)
class EncodedProgram:
    """A program of encoded calls, whose references are not yet resolved. It can be pickled."""

    calls: tuple[EncodedCall, ...]

    def program(self, returned: Sequence[int] = ()) -> Program:
        """The program as values; references are resolved as they were when its calls returned `returned`."""
        return resolve([encoded.call for encoded in self.calls], returned)

    def encoded(self) -> bytes:
        """The program's encoding; the executor resolves its references."""
        needs = 0
        codes = []
        for encoded in self.calls:
            codes.append(encoded.code)
            needs |= encoded.needs
        body = b"".join(codes)
        return PROGRAM.pack(PROGRAM.size + len(body), len(codes), needs) + body


@dataclass(frozen=True, slots=True)
class Candidate(EncodedProgram):
    """A program of a batch, not yet seen to fail."""

    scenario: Scenario
    file: str = ""  # of the corpus that it was read from


@dataclass(frozen=True)
class Batch:
    """Programs that a worker runs for one message."""

    programs: tuple[Candidate, ...]
    data: bytes  # their encodings, one after the other
    wanted: frozenset[int] | None = None  # the edges that are asked for; the new ones where it is None
    compare: bool = False  # comparisons are asked for, too
    every: bool = False  # all edges are asked for, and not only the new ones
    origins: tuple[object, ...] = ()  # of each program: what its engine must know of it

    @classmethod
    def of(
        cls, programs: Sequence[Candidate], origins: Sequence[object] = (), *,
        wanted: frozenset[int] | None = None, compare: bool = False, every: bool = False,
    ) -> Batch:
        """A batch of programs, which are encoded."""
        data = b"".join(candidate.encoded() for candidate in programs)
        return cls(tuple(programs), data, wanted, compare, every, tuple(origins))

    def after(self, programs: int) -> Batch:
        """The batch without its first programs."""
        data = self.data[len(self.first(programs)) :]
        return replace(self, programs=self.programs[programs:], data=data, origins=self.origins[programs:])

    def first(self, programs: int) -> bytes:
        """The encodings of its first programs."""
        return self.data[: sum(islice(self.sizes(), programs))]

    def sizes(self) -> Iterator[int]:
        """The number of bytes of each encoding."""
        at = 0
        while at < len(self.data):
            size = int(PROGRAM.unpack_from(self.data, at)[0])
            yield size
            at += size


class Scenario:
    """A kind of program: the calls of its start in order, then calls of its body in any order."""

    def __init__(self, name: str, entry: Mapping[str, Any], description: Description) -> None:
        """`entry` is the annotations': weight, start, body."""
        self.name = name
        self.description = description
        self.share = float(entry["weight"])
        self.keys = description.keys(entry["body"])
        self.weights = list(accumulate(description.variants[key].weight for key in self.keys))
        self.start = [keys for keys in (description.keys([step]) for step in entry["start"]) if keys]
        self.pool: list[EncodedCall] = []
        self.encoded: list[list[EncodedCall]] = []
        self.corpus: list[Candidate] = []
        self.losses = 0  # kernels lost to known bugs

    @property
    def weight(self) -> float:
        """Its share of the programs; a scenario that loses kernels to known bugs leaves time for the others."""
        return self.share / (1 + self.losses / DEPRIORITIZED)

    def fill(self, source: Random) -> None:
        """Draw the calls of the start and of the pool."""
        self.pool = [self.draw(self.key(source), source) for _ in range(POOL)] if self.keys else []
        self.encoded = [[self.draw(source.choice(keys), source) for _ in range(READY)] for keys in self.start]

    def key(self, source: Random) -> str:
        """The key of a variant for the body."""
        return source.random.choices(self.keys, cum_weights=self.weights)[0]

    def draw(self, key: str, source: Random) -> EncodedCall:
        """Draw and encode a call; a call that cannot be encoded with this kernel's structures is drawn again."""
        for _ in range(20):
            call = self.description.draw(key, source)
            try:
                return EncodedCall.of(call, self.description.variants[key], self.description)
            except (ValueError, KeyError):
                continue
        raise ValueError(f"no call of {key} can be encoded")

    def renew(self, source: Random) -> None:
        """Replace some of the calls."""
        for _ in range(RENEW):
            self.pool[source.integer(0, len(self.pool) - 1)] = self.draw(self.key(source), source)
        for n, keys in enumerate(self.start):
            self.encoded[n][source.integer(0, READY - 1)] = self.draw(source.choice(keys), source)

    def compose(self, rng: random.Random) -> list[EncodedCall]:
        """A program's calls."""
        if not self.encoded:
            return rng.choices(self.pool, k=rng.choice(LENGTHS))
        calls: list[EncodedCall] = []
        for step in self.encoded:
            chance = rng.random()
            if chance < 0.04:
                continue
            calls.append(step[int(chance * READY)])
            if chance > 0.85:
                calls.append(rng.choice(self.pool))
        return calls + rng.choices(self.pool, k=rng.choice(LENGTHS))


class Generator:
    """Makes batches of programs for one kernel, the same for the same seed and the same feedback."""

    def __init__(
        self, description: Description, seed: int | str, only: Sequence[str] = (),
        scenarios: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """`only` names the scenarios to take, all where it is empty; `scenarios` replaces those of the annotations."""
        self.description = description
        self.source = Random(seed)
        entries = read_annotations()["scenarios"] if scenarios is None else scenarios
        wanted = (Scenario(name, entry, description) for name, entry in entries.items() if not only or name in only)
        self.scenarios = [scenario for scenario in wanted if scenario.keys]
        self.weights = self._weigh()
        self.edges: Counter[str] = Counter()

    def _weigh(self) -> list[float]:
        return list(accumulate(scenario.weight for scenario in self.scenarios))

    def scenario(self) -> Scenario:
        """A scenario at random, by weight, with a filled pool."""
        scenario = self.source.random.choices(self.scenarios, cum_weights=self.weights)[0]
        if not scenario.pool:
            scenario.fill(self.source)
        return scenario

    def renew(self) -> None:
        """Replace some of the calls of two scenarios."""
        for scenario in self.source.random.choices(self.scenarios, k=2):
            if scenario.pool:
                scenario.renew(self.source)

    def batch(self, programs: int) -> Batch:
        """Make a number of programs."""
        rng = self.source.random
        candidates: list[Candidate] = []
        for _ in range(programs):
            scenario = self.scenario()
            if scenario.corpus and rng.random() < 0.3:
                candidates.append(self.vary(rng.choice(scenario.corpus), rng))
            else:
                candidates.append(Candidate(tuple(scenario.compose(rng)), scenario))
        self.renew()
        return Batch.of(candidates)

    def vary(self, candidate: Candidate, rng: random.Random) -> Candidate:
        """Mutate a program: insert, remove and replace a few calls."""
        calls = list(candidate.calls)
        pool = candidate.scenario.pool
        for _ in range(rng.randrange(1, 5)):
            at = rng.randrange(len(calls) + 1)
            if len(calls) > 2 and rng.random() < 0.25:
                del calls[min(at, len(calls) - 1)]
            elif at < len(calls) and rng.random() < 0.3:
                calls[at] = rng.choice(pool)
            else:
                calls.insert(at, rng.choice(pool))
        return Candidate(tuple(calls[:40]), candidate.scenario)

    def learn(
        self, batch: Batch, ran: int, reached: Sequence[Reach], novel: Sequence[int]  # noqa: ARG002 -- as an Engine
    ) -> None:
        """Keep the programs that saw a call end in a new way; edges are only counted."""
        for reach in reached:
            self.edges[batch.programs[reach.program].scenario.name] += len(reach.edges)
        for index in novel:
            self.keep(batch.programs[index])

    def gains(self) -> tuple[int, Counter[str]]:
        """No corpus, and the new edges that its programs reached, by scenario."""
        return 0, Counter(self.edges)

    def keep(self, candidate: Candidate) -> None:
        """Keep a program that saw something new, for mutation."""
        corpus = candidate.scenario.corpus
        if len(corpus) < CORPUS:
            corpus.append(candidate)
        else:
            corpus[self.source.integer(0, CORPUS - 1)] = candidate

    def discover(self, paths: Sequence[bytes]) -> None:
        """A blind generator knows the files of its descriptions only."""

    def deprioritize(self, candidate: Candidate) -> None:
        """Make fewer programs of the scenario of one that lost a kernel to a known bug."""
        candidate.scenario.losses += 1
        self.weights = self._weigh()
