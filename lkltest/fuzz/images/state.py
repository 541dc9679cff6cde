"""The state of a session that fuzzes disk images, which its threads share: see `session.py`."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from queue import PriorityQueue

from lkltest.fuzz import descriptors
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.functions import Finder, FirstReached, FunctionTable, NewFunctions
from lkltest.fuzz.images.inputs import Input
from lkltest.fuzz.images.shrink import SECONDS
from lkltest.fuzz.images.store import by_recipe
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.repro.rank import LAST, LATER, rank_of
from lkltest.fuzz.repro.report import Report, ReportType
from lkltest.host.closing import Closing
from lkltest.settings import Settings

ENOUGH = 3  # times that a failure is reproduced at most, and met until one that never comes again is a finding


@dataclass
class Progress:
    """The progress with one target."""

    images: int = 0
    mounted: int = 0  # images that the kernel took
    boots: int = 0
    lost: int = 0  # kernels
    busy: int = 0  # kernels replaced because they did not let go of an image
    edges: int = 0  # that nothing had reached before its new inputs did
    edges_of_stored: int = 0  # that inputs which were in the corpus before were the first to reach
    seconds: float = 0.0  # of workers, boots included
    corpus: int = 0  # inputs that are kept, since they reached new edges

    @property
    def reached(self) -> int:
        """All edges that its inputs were the first to reach."""
        return self.edges + self.edges_of_stored


@dataclass(frozen=True)
class Failure:
    """A failure as a worker met it."""

    target: Target
    report: Report
    input: Input


@dataclass
class SessionState(Closing):
    """The options of a session, its targets, and what its threads have reached and met so far."""

    targets: list[Target]  # one at least
    settings: Settings
    output: Path
    seed: int
    workers: int
    shrink_seconds: float = SECONDS
    reproduce_seconds: float | None = None  # after the end; a part of the time, where it is None
    shared: SeenEdges | None = None  # the map of all targets, and of others; without it, each target has its own
    reach: Callable[[NewFunctions], None] | None = None  # takes new functions; without it, `first_reached` does
    corpus: Path | None = None  # directory of the inputs that reached new edges
    more: Iterator[Target] = field(default_factory=lambda: iter(()))  # targets whose images are made meanwhile
    complain: Callable[[str], None] = lambda _: None  # takes a line for each file of the corpus that cannot be read
    stop: threading.Event = field(default_factory=threading.Event)  # ends the fuzzing
    hurry: threading.Event = field(default_factory=threading.Event)  # ends reproduction
    findings: dict[str, Finding] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)  # the name of the finding, by the name it was met by
    met: Counter[str] = field(default_factory=Counter)
    examined: Counter[str] = field(default_factory=Counter)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        descriptors.allow(self.workers)
        self.progress: dict[str, Progress] = {}
        self.stored = by_recipe(self.corpus, self.complain) if self.corpus is not None else {}
        self.seen: dict[str, SeenEdges] = {}
        self.first_reached = FirstReached({name for names in self.stored.values() for name in names})
        self.tables: dict[Path, FunctionTable | None] = {}  # of functions, by the path of the kernel
        self.finders: dict[str, Finder] = {}
        self.fatal: dict[str, set[int]] = {}  # offsets, by recipe
        for target in self.targets:
            self._prepare(target)
        self.queue: PriorityQueue[tuple[int, int, Failure | None]] = PriorityQueue()  # by rank, then in their order
        self.order = itertools.count()
        self.pending: set[str] = set()
        self.lock = threading.Lock()
        self.started = time.monotonic()
        self.ended = 0.0

    def _prepare(self, target: Target) -> None:
        """Prepare what is counted for a target."""
        self.progress[target.recipe] = Progress()
        self.fatal[target.recipe] = set()
        if target.instrumented:
            liblkl = target.config.liblkl
            self.seen[target.recipe] = SeenEdges() if self.shared is None else self.shared
            if liblkl.path not in self.tables:
                self.tables[liblkl.path] = FunctionTable.of(liblkl)
            table = self.tables[liblkl.path]
            if table is not None:
                self.finders[target.recipe] = Finder(table)

    @property
    def seconds(self) -> float:
        """The duration of the fuzzing so far."""
        return (self.ended or time.monotonic()) - self.started

    def close(self) -> None:
        """Free the maps of edges that are its own."""
        for seen in self.seen.values():
            if seen is not self.shared:
                seen.close()

    def total(self) -> Progress:
        """The progress with all targets together."""
        parts = list(self.progress.values())
        return Progress(**{one.name: sum(getattr(part, one.name) for part in parts) for one in fields(Progress)})

    def add(self, failure: Failure) -> None:
        """Count a failure, and queue it if it is new."""
        name = failure.report.name
        with self.lock:
            self.met[name] += 1
            known = self.findings.get(self.aliases.get(name, name))
            if known is not None:
                self.findings[known.name] = replace(known, count=known.count + 1)
            if name in self.pending or self.examined[name] >= ENOUGH or (known is not None and known.times):
                return
            self.pending.add(name)
            self.examined[name] += 1
            rank = rank_of(failure.report) if self.examined[name] == 1 else LATER
        self.queue.put((rank, next(self.order), failure))

    def take(self) -> Failure | None:
        """The failure to reproduce next, waited for; None at the end."""
        return self.queue.get()[2]

    def end_queue(self) -> None:
        """Let the end come after the failures that wait."""
        self.queue.put((LAST, next(self.order), None))

    def hangs(self) -> set[str]:
        """The names of hangs that are known to come again: a worker need not wait to recognize them."""
        with self.lock:
            again = {f.name for f in self.findings.values() if f.kind == ReportType.HANG and f.times and f.signature}
            return again | {name for name, finding in self.aliases.items() if finding in again}
