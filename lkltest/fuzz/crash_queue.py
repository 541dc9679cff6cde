"""The failures of a session: met, looked into, and written down."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lkltest.fuzz import findings
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.gen.generator import Candidate
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.repro.report import Report, ReportType
from lkltest.fuzz.repro.repro import Crash, reproduce
from lkltest.fuzz.repro.runner import Runner
from lkltest.settings import Settings

ENOUGH = 3  # times that a failure which never comes again is met until it is kept, and looked into at most
NICE = 5  # what is fuzzed has three times as much of the processors as what looks into failures
CERTAIN = (ReportType.CRASH, ReportType.PANIC, ReportType.OVERRUN)  # kinds that cannot be the fault of a slow machine
WAITING = 8  # failures that wait to be looked into with all that led to them: some megabytes each
RECENT = 256  # programs that are kept of what led to the others


class CrashQueue:
    """Takes failures from the workers, and looks into those that are new while the workers go on."""

    def __init__(
        self, description: Description, settings: Settings, output: Path, *, seed: int, minimize_seconds: float
    ) -> None:
        self.description = description
        self.settings = settings
        self.output = output
        self.seed = seed
        self.minimize_seconds = minimize_seconds
        self.findings: dict[str, Finding] = {}
        self.met: Counter[str] = Counter()  # how often each failure was met, by its name
        self.examined: Counter[str] = Counter()  # how often each was looked into
        self.pending: set[str] = set()  # names of those that wait for it
        self.aliases: dict[str, str] = {}  # names of failures as they were met, to those of findings
        self.alone: dict[str, frozenset[str]] = {}  # the calls of findings that one program brings about
        self.queue: queue.SimpleQueue[Crash | None] = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.saving = threading.Lock()  # held while a finding is written
        self.hurry = threading.Event()  # whatever is looked into comes to its end

    def add(self, crash: Crash) -> None:
        """Note a failure, which is looked into if it is new."""
        name = crash.report.name
        with self.lock:
            self.met[name] += 1
            known = self.findings.get(self.aliases.get(name, name))
            if known is not None:
                self.findings[known.name] = replace(known, count=known.count + 1)
            if name in self.pending or self.examined[name] >= ENOUGH or (known is not None and known.times):
                return
            self.pending.add(name)
            self.examined[name] += 1
            crowded = len(self.pending) > WAITING
        self.queue.put(replace(crash, history=crash.history[-RECENT:]) if crowded else crash)

    def hangs(self) -> set[str]:
        """The names of hangs that are known to come again: nobody need wait long for them."""
        with self.lock:
            again = {f.name for f in self.findings.values() if f.kind == ReportType.HANG and f.times and f.signature}
            return again | {name for name, finding in self.aliases.items() if finding in again}

    def explains(self, report: Report, candidate: Candidate) -> bool:
        """Whether a program that failed makes the calls of one that is known to fail like this by itself.

        If not, it may only have met what an earlier one left.
        """
        with self.lock:
            calls = self.alone.get(self.aliases.get(report.name, report.name))
        return calls is not None and calls <= {encoded.call.name for encoded in candidate.calls}

    def work(self) -> None:
        """Look into failures until `close`."""
        while (crash := self.queue.get()) is not None:
            self.examine(crash)
            with self.lock:
                self.pending.discard(crash.report.name)

    def close(self) -> None:
        """Let a thread that works here end after what waits already."""
        self.queue.put(None)

    def examine(self, crash: Crash) -> None:
        """Find out what brings a failure about, and write it down."""
        name = crash.report.name
        with Runner(replace(crash.config, nice=NICE), self.description) as runner:
            reproduction = reproduce(crash, runner, minimize_seconds=self.minimize_seconds, hurry=self.hurry)
        if not reproduction.programs and crash.report.type not in CERTAIN and self.met[name] < ENOUGH:
            return  # the fault of a slow machine, perhaps
        with self.saving:
            finding = self.findings.get(reproduction.report.name)
            if finding is None or finding.times < reproduction.times:
                finding = findings.save(
                    self.output, reproduction, config=crash.config, settings=self.settings,
                    description=self.description, seed=str(self.seed),
                )
            with self.lock:
                self.aliases[name] = finding.name
                before = self.findings.get(name)
                if before is not None and name != finding.name and not before.times:
                    findings.remove(self.output, self.findings.pop(name))  # only now did it come again
                if reproduction.times and len(reproduction.programs) == 1:
                    self.alone[finding.name] = frozenset(call.name for call in reproduction.programs[0].calls)
                count = sum(self.met[alias] for alias in {finding.name, *self._aliases(finding.name)})
                self.findings[finding.name] = replace(finding, count=count)

    def _aliases(self, finding: str) -> Iterator[str]:
        """The names under which a finding was met."""
        return (name for name, other in self.aliases.items() if other == finding)

    def write_counts(self) -> None:
        """Write down how often each finding was met."""
        for finding in self.findings.values():
            findings.count(self.output, finding)
