"""The queue of crashes: each new failure is reproduced while the workers go on, and written down as a finding.

A loop that meets a failure sends it, and goes on at once; the session gives it to `CrashQueue.add`. Failures of the
same name are one: the queue counts them, and only the first is reproduced, by one of the threads in `work`. A failure
that did not come again is reproduced anew when it is met again, `ENOUGH` times at most: the next history may show more.

`examine` decides what becomes of a failure:

- it came again: it is a finding, under the name of the report of the minimized program, which may differ from the name
  that it was met by. `aliases` remembers which failures are which findings;
- it never came again, but the kernel crashed: it is a finding without a program, for its log and its stack;
- there was no time to reproduce it: it is a finding without a program, with its history;
- it never came again, and a slow machine could be the cause (a hang, a complaint): it is a finding only after it was
  met `ENOUGH` times.

Failures that a slow machine cannot cause come first, hangs last, because each of their runs waits for the hang. One
whose program does not fail alone waits for all the others, before its history is searched, which takes minutes.

`known` is for the loops: a hang that is known is recognized without waiting, programs which only lose kernels to a
known bug become rare, and a failure that is settled is sent without its history, and given to `meet`.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from lkltest.fuzz import findings
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.messages import Known
from lkltest.fuzz.repro.rank import CERTAIN, LAST, LATER, rank_of
from lkltest.fuzz.repro.report import ReportType
from lkltest.fuzz.repro.repro import Crash, Reproduction, reproduce, unexamined
from lkltest.fuzz.repro.runner import Runner
from lkltest.settings import Settings

ENOUGH = 3  # times that a failure which never comes again is reproduced at most, and met until it is a finding
NICE = 5  # of kernels that reproduce: the fuzzed kernels have three times as much of the processors
WAITING = 8  # failures that wait with their whole history: some megabytes each
RECENT = 256  # programs that are kept of the history of the others

Elsewhere = Callable[[Crash, float, threading.Event], Reproduction | None]


class CrashQueue:
    """Takes failures from the loops, and reproduces new ones; the module explains the rules."""

    def __init__(
        self, description: Description, settings: Settings, output: Path, *, seed: int, minimize_seconds: float,
        at_once: int = 1,
    ) -> None:
        """On this machine, `at_once` failures are reproduced at the same time at most."""
        self.description = description
        self.settings = settings
        self.output = output
        self.seed = seed
        self.minimize_seconds = minimize_seconds
        self.findings: dict[str, Finding] = {}
        self.met: Counter[str] = Counter()  # how often each failure was met, by its name
        self.examined: Counter[str] = Counter()  # how often each failure was reproduced
        self.pending: set[str] = set()  # names of failures that wait to be reproduced
        self.aliases: dict[str, str] = {}  # the name of the finding, by the name that a failure was met by
        self.alone: dict[str, frozenset[str]] = {}  # the calls of findings that a single program reproduces
        self.queue: queue.PriorityQueue[tuple[int, int, Crash | None]] = queue.PriorityQueue()
        self.order = itertools.count()  # of failures of the same rank
        self.lock = threading.Lock()
        self.saving = threading.Lock()  # held while a finding is written
        self.hurry = threading.Event()  # ends every search with what it has found
        self.elsewhere: Elsewhere | None = None  # reproduces failures on other machines, where it can
        self.here = threading.Semaphore(at_once)

    def meet(self, name: str) -> None:
        """Count a failure."""
        with self.lock:
            self.met[name] += 1
            known = self.findings.get(self.aliases.get(name, name))
            if known is not None:
                self.findings[known.name] = replace(known, count=known.count + 1)

    def add(self, crash: Crash) -> None:
        """Count a failure, and queue it if it is new."""
        name = crash.report.name
        self.meet(name)
        with self.lock:
            if self._settled(name):
                return
            self.pending.add(name)
            self.examined[name] += 1
            rank = rank_of(crash.report) if self.examined[name] == 1 else LATER
            crowded = len(self.pending) > WAITING
        waiting = replace(crash, history=crash.history[-RECENT:]) if crowded else crash
        self.queue.put((rank, next(self.order), waiting))

    def _settled(self, name: str) -> bool:
        """Whether a failure need not be reproduced (again), or there is no time for it and it is written down."""
        finding = self.findings.get(self.aliases.get(name, name))
        written = finding is not None and (finding.times > 0 or self.hurry.is_set())
        return written or name in self.pending or self.examined[name] >= ENOUGH

    def known(self) -> Known:
        """All that a loop needs to know."""
        with self.lock:
            again = {f.name for f in self.findings.values() if f.kind == ReportType.HANG and f.times and f.signature}
            return Known(
                hangs=frozenset(again | {name for name, finding in self.aliases.items() if finding in again}),
                settled=frozenset(name for name in {*self.met, *self.aliases} if self._settled(name)),
                aliases=dict(self.aliases),
                alone=dict(self.alone),
            )

    def work(self) -> None:
        """Reproduce failures until `close`."""
        while True:
            rank, _, crash = self.queue.get()
            if crash is None:
                return
            if not self.examine(crash, history=rank == LATER or self.elsewhere is not None):
                self.queue.put((LATER, next(self.order), crash))
                continue
            with self.lock:
                self.pending.discard(crash.report.name)

    def close(self) -> None:
        """End one thread in `work`, after the failures that wait already."""
        self.queue.put((LAST, next(self.order), None))

    def examine(self, crash: Crash, *, history: bool) -> bool:
        """Reproduce a failure, and write the finding down; False where this takes its history, and `history` is not."""
        name = crash.report.name
        reproduction = self._reproduce(crash, history=history)
        examined = not reproduction.history
        if examined and not reproduction.programs and not history:
            return False
        if examined and not reproduction.programs and crash.report.type not in CERTAIN and self.met[name] < ENOUGH:
            return True  # perhaps caused by a slow machine
        with self.saving:
            finding = self.findings.get(reproduction.report.name)
            if finding is None or finding.times < reproduction.times or examined > finding.examined:
                finding = findings.save(
                    self.output, reproduction, config=crash.config, settings=self.settings,
                    description=self.description, seed=str(self.seed), hurried=self.hurry.is_set(),
                )
            with self.lock:
                self.aliases[name] = finding.name
                before = self.findings.get(name)
                if before is not None and name != finding.name and not before.times:
                    findings.remove(self.output, self.findings.pop(name))  # this is the first time that it came again
                if reproduction.times and len(reproduction.programs) == 1:
                    self.alone[finding.name] = frozenset(call.name for call in reproduction.programs[0].calls)
                count = sum(self.met[alias] for alias in {finding.name, *self._aliases(finding.name)})
                self.findings[finding.name] = replace(finding, count=count)
        return True

    def _reproduce(self, crash: Crash, *, history: bool) -> Reproduction:
        """Reproduce a failure; where there is no time left, the result has its history."""
        if self.elsewhere is not None and not self.hurry.is_set():
            found = self.elsewhere(crash, self.minimize_seconds, self.hurry)
            if found is not None:
                return found
        with self.here:
            if not self.hurry.is_set():
                with Runner(replace(crash.config, nice=NICE), self.description) as runner:
                    found = reproduce(
                        crash, runner, history=history, minimize_seconds=self.minimize_seconds, hurry=self.hurry
                    )
                if found.programs or not self.hurry.is_set():
                    return found
        return unexamined(crash)

    def _aliases(self, finding: str) -> Iterator[str]:
        """The names that a finding was met by."""
        return (name for name, other in self.aliases.items() if other == finding)

    def write_counts(self) -> None:
        """Write how often each finding was met into its directory."""
        for finding in self.findings.values():
            findings.count(self.output, finding)
