"""The protocol between what makes programs and what runs them.

A worker calls `batch`, runs it, and calls `learn` with what it saw. A blind generator learns from calls that ended in a
new way (`novel`), a guided one from new edges (`reached`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from lkltest.fuzz.gen.generator import Batch, Candidate
from lkltest.fuzz.prog.reach import Reach


class Engine(Protocol):
    """Makes programs, and learns from their runs."""

    def batch(self, programs: int) -> Batch:
        """Make about this number of programs; `Batch.wanted` says which edges it wants to know of."""

    def learn(self, batch: Batch, ran: int, reached: Sequence[Reach], novel: Sequence[int]) -> None:
        """Learn from the first `ran` programs of a batch: the edges, and the indexes of those that saw a new errno.

        Programs that fail are in neither.
        """

    def discover(self, paths: Sequence[bytes]) -> None:
        """Take files of the kernel that programs have listed: `/proc/stat`, directories as `/proc/sys/`."""

    def deprioritize(self, candidate: Candidate) -> None:
        """Make fewer programs like one that lost a kernel to a known bug."""

    def gains(self) -> tuple[int, Counter[str]]:
        """The programs that it added to the corpus, and the new edges that its programs reached, by scenario."""
