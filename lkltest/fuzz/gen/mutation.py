"""Mutates programs: calls inserted, removed, repeated, joined with another program's, or changed in an argument.

Calls refer to earlier results by kind ("the last socket", `ResourceRef`), so that any sequence of calls is a program,
and nothing has to be renumbered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lkltest.fuzz.gen.arguments import Arguments
from lkltest.fuzz.gen.bandit import Bandit
from lkltest.fuzz.gen.generator import Candidate, EncodedCall, Generator
from lkltest.fuzz.lang.describe import Variant
from lkltest.fuzz.prog.values import Call

LONGEST = 40  # calls of a program
FOREIGN = 0.15  # of the inserted calls that are another scenario's
ROUNDS = (1, 2, 2, 3, 4, 5, 6, 8)  # mutations of a program
SHARES = {"insert": 24, "several": 10, "change": 22, "focus": 12, "redraw": 6, "swap": 8, "remove": 4, "repeat": 6,
          "splice": 10}  # of the operators, as long as nothing is known of what they bring

Calls = list[EncodedCall]
Changer = Callable[[Call, Variant], Call]


class Mutator:
    """Mutates programs with the calls of a generator's pools."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.description = generator.description
        self.rng = generator.source.random
        self.arguments = Arguments(generator.description, generator.source)
        self.operators: dict[str, Callable[[Calls, Candidate, Candidate], None]] = {
            "insert": self.insert, "several": self.several, "change": self.change, "focus": self.focus,
            "redraw": self.redraw, "swap": self.swap, "remove": self.remove, "repeat": self.repeat,
            "splice": self.splice,
        }  # fmt: skip
        self.bandit = Bandit(SHARES)

    def choose(self) -> tuple[str, ...]:
        """The names of the operators for a mutation."""
        return tuple(self.bandit.choose(self.rng) for _ in range(self.rng.choice(ROUNDS)))

    def mutate(self, candidate: Candidate, other: Candidate, names: Sequence[str] = ()) -> Candidate:
        """A program like `candidate`, with calls of `other` now and then, by the named operators or by chosen ones."""
        calls = list(candidate.calls)
        for name in names or self.choose():
            self.operators[name](calls, candidate, other)
        return Candidate(tuple(calls[:LONGEST]), candidate.scenario)

    def insert(self, calls: Calls, candidate: Candidate, _other: Candidate) -> None:
        """Insert a new call, most often near the end."""
        at = max(self.rng.randrange(len(calls) + 1), self.rng.randrange(len(calls) + 1))
        calls.insert(at, self.rng.choice(self._pool(candidate)))

    def several(self, calls: Calls, candidate: Candidate, _other: Candidate) -> None:
        """Add some new calls at the end."""
        calls += self.rng.choices(self._pool(candidate), k=self.rng.randrange(2, 9))

    def _pool(self, candidate: Candidate) -> Calls:
        foreign = self.rng.random() < FOREIGN
        scenario = self.generator.scenario() if foreign or not candidate.scenario.pool else candidate.scenario
        return scenario.pool

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
        self._replace(calls, self.changed)

    def focus(self, calls: Calls, _candidate: Candidate, _other: Candidate) -> None:
        """Change some arguments of one call."""

        def change(call: Call, variant: Variant) -> Call:
            for _ in range(self.rng.randrange(2, 6)):
                call = self.changed(call, variant)
            return call

        self._replace(calls, change)

    def redraw(self, calls: Calls, _candidate: Candidate, _other: Candidate) -> None:
        """Draw all arguments of a call anew."""
        self._replace(calls, self.redrawn)

    def changed(self, call: Call, variant: Variant) -> Call:
        """The call with an argument changed."""
        return self.arguments.change(call, variant)

    def redrawn(self, _call: Call, variant: Variant) -> Call:
        """Another call of the variant."""
        return self.description.draw(variant.key, self.generator.source)

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
