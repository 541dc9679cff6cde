"""Mutates programs: calls inserted, removed, repeated, joined with another program's, or changed in an argument.

Calls refer to earlier results by kind ("the last socket", `ResourceRef`), so that any sequence of calls is a program,
and nothing has to be renumbered.
"""

from __future__ import annotations

from collections.abc import Callable

from lkltest.fuzz.gen.arguments import Arguments
from lkltest.fuzz.gen.generator import Candidate, EncodedCall, Generator
from lkltest.fuzz.lang.describe import Variant
from lkltest.fuzz.prog.values import Call

LONGEST = 40  # calls of a program
FOREIGN = 0.15  # of the inserted calls that are another scenario's
ROUNDS = (1, 1, 1, 2, 2, 3, 4)  # mutations of a program

Calls = list[EncodedCall]
Changer = Callable[[Call, Variant], Call]


class Mutator:
    """Mutates programs with the calls of a generator's pools."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.description = generator.description
        self.rng = generator.source.random
        self.arguments = Arguments(generator.description, generator.source)
        self.operators: list[tuple[int, Callable[[Calls, Candidate, Candidate], None]]] = [
            (34, self.insert), (28, self.change), (10, self.swap), (8, self.remove), (8, self.repeat),
            (12, self.splice),
        ]  # fmt: skip
        self.weights = [weight for weight, _ in self.operators]
        self.functions = [function for _, function in self.operators]

    def mutate(self, candidate: Candidate, other: Candidate) -> Candidate:
        """A program like `candidate`, with calls of `other` now and then."""
        calls = list(candidate.calls)
        for operator in self.rng.choices(self.functions, self.weights, k=self.rng.choice(ROUNDS)):
            operator(calls, candidate, other)
        return Candidate(tuple(calls[:LONGEST]), candidate.scenario)

    def insert(self, calls: Calls, candidate: Candidate, _other: Candidate) -> None:
        """Insert a new call, most often near the end."""
        foreign = self.rng.random() < FOREIGN
        scenario = self.generator.scenario() if foreign or not candidate.scenario.pool else candidate.scenario
        at = max(self.rng.randrange(len(calls) + 1), self.rng.randrange(len(calls) + 1))
        calls.insert(at, self.rng.choice(scenario.pool))

    def remove(self, calls: Calls, _candidate: Candidate, _other: Candidate) -> None:
        """Remove a call."""
        if len(calls) > 1:
            del calls[self.rng.randrange(len(calls))]

    def repeat(self, calls: Calls, _candidate: Candidate, _other: Candidate) -> None:
        """Make a call once more, at once or later."""
        at = self.rng.randrange(len(calls))
        calls.insert(self.rng.randrange(at, len(calls)) + 1, calls[at])

    def splice(self, calls: Calls, _candidate: Candidate, other: Candidate) -> None:
        """Insert calls of another program, in their order."""
        first = self.rng.randrange(len(other.calls))
        at = self.rng.randrange(len(calls) + 1)
        calls[at:at] = other.calls[first : self.rng.randrange(first, len(other.calls)) + 1]

    def change(self, calls: Calls, _candidate: Candidate, _other: Candidate) -> None:
        """Change an argument of a call."""
        self._replace(calls, self.arguments.change)

    def swap(self, calls: Calls, _candidate: Candidate, _other: Candidate) -> None:
        """Let a call use another result."""
        self._replace(calls, self.arguments.swap)

    def _replace(self, calls: Calls, changer: Changer) -> None:
        at = self.rng.randrange(len(calls))
        old = calls[at]
        variant = self.description.variants.get(old.key)
        if variant is None:
            return
        call = changer(old.call, variant)
        if call is not old.call:
            try:
                calls[at] = EncodedCall.of(call, variant, self.description)
            except (ValueError, KeyError):  # too long for a field of its structure, or for the executor
                return
