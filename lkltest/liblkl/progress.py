"""What a long job tells of itself while it runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """The listener to a build; the library layer itself never prints."""

    def say(self, text: str) -> None:
        """One sentence on what begins now: "fetching lkl@1.0.3 with npm"."""

    def step(self, done: int, expected: int | None) -> None:
        """`done` objects are compiled of `expected`, None where that is not known."""


class Silent:
    """A listener that ignores everything."""

    def say(self, text: str) -> None:
        """Ignore it."""

    def step(self, done: int, expected: int | None) -> None:
        """Ignore it."""
