"""Disk images that a guided session mutates beside its programs: the same search for new edges, on file systems.

A few workers mount images, at a lower priority than the loops that make system calls: on busy processors, each worker
has a third of what a loop has. They share the map of seen edges with the loops, so that all edges count once. Making
the images takes seconds, in which the loops are at work already.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lkltest.errors import KernelLost, LkltestError
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.functions import NewFunctions
from lkltest.fuzz.images import target
from lkltest.fuzz.images.session import Session
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

NICE = 5  # of the kernels that mount images
LOOPS = 4  # loops for each worker with images
MOST = 4  # workers with images: they are threads of the session, whose own share of a processor must stay small
DIRECTORY = "disk-images"  # of the findings, which may have the names of findings without images


class Background:
    """Fuzzes the images of some recipes, as long as the kernel knows their file systems."""

    def __init__(
        self, names: Sequence[str], liblkl: Liblkl, settings: Settings, output: Path, *, seed: int, loops: int,
        seen: SeenEdges, reproduce_seconds: float | None, reach: Callable[[NewFunctions], None],
        corpus: Path | None = None,
    ) -> None:
        """`loops` is the number of the loops beside it, `reach` takes new functions, `corpus` is the directory of both.

        The findings are written into `DIRECTORY` of `output`.
        """
        self.recipes = [one.name for one in target.recipes(names) if target.known(one, liblkl)]
        self.settings = settings
        self.output = output / DIRECTORY
        self.seed = seed
        self.workers = min(MOST, max(1, loops // LOOPS))
        self.seen = seen
        self.reach = reach
        self.reproduce_seconds = reproduce_seconds
        self.corpus = corpus
        self.session: Session | None = None  # as soon as the images are made
        self.stop = threading.Event()  # ends the fuzzing
        self.hurry = threading.Event()  # ends the reproduction of what was found
        self.complaint = ""  # the reason why there are no images
        self.left_out: list[str] = []  # a sentence for each file of the corpus, or group of recipes, that is left out

    def run(self, seconds: float) -> None:
        """Fuzz for some seconds, or until `stop` is set, and reproduce what was found.

        A host that lacks a program has no images of the file systems that it makes, and `left_out` says so. One that
        can make none, or a kernel that takes no disk, is no error either: the session goes on without images, and
        `complaint` says so. Raises UsageError where a finding cannot be written.
        """
        if not self.recipes:
            self.complaint = "no disk images are fuzzed: the kernel's configuration names none of their file systems"
            return
        try:
            with target.targets(
                self.recipes, self.settings, stop=self.stop, complain=self.left_out.append
            ) as found:
                if self.stop.is_set():
                    self.complaint = "no disk images are fuzzed: the session ended before they were made"
                else:
                    self._fuzz(found, seconds)
        except LkltestError as error:
            if self.session is not None and not isinstance(error, KernelLost):
                raise  # such as that a finding cannot be written
            self.complaint = f"{'no more' if self.images else 'no'} disk images are fuzzed: {error}"

    def _fuzz(self, found: Sequence[target.Target], seconds: float) -> None:
        with Session(
            [replace(one, config=replace(one.config, nice=NICE)) for one in found],
            self.settings, self.output, self.seed, self.workers,
            reproduce_seconds=self.reproduce_seconds, shared=self.seen, reach=self.reach,
            corpus=self.corpus, complain=self.left_out.append, stop=self.stop, hurry=self.hurry,
        ) as session:  # fmt: skip
            self.session = session
            session.run(seconds, lambda: None)

    @property
    def findings(self) -> Mapping[str, Finding]:
        """The findings so far, by their places under the session's output."""
        found = list(self.session.findings.values()) if self.session is not None else []
        places = {f"{DIRECTORY}/{finding.name}": finding for finding in found}
        return {place: replace(finding, name=place) for place, finding in places.items()}

    @property
    def waiting(self) -> int:
        """The number of failures that wait to be reproduced, or are just now."""
        return len(self.session.pending) if self.session is not None else 0

    @property
    def edges(self) -> Counter[str]:
        """The edges that no program and no other image had reached, by recipe."""
        if self.session is None:
            return Counter()
        return Counter({name: one.edges for name, one in self.session.progress.items() if one.images})

    @property
    def images(self) -> int:
        """The images that were mounted, or refused."""
        return sum(one.images for one in self.session.progress.values()) if self.session is not None else 0
