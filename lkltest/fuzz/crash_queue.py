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
from lkltest.fuzz.gen.generator import Planned
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.repro.report import Failure
from lkltest.fuzz.repro.repro import Suspect, triage
from lkltest.fuzz.repro.runner import Lab
from lkltest.settings import Settings

ENOUGH = 3  # times that a failure which never comes again is met until it is kept, and looked into at most
NICE = 5  # what is fuzzed has three times as much of the processors as what looks into failures
CERTAIN = ("crash", "panic", "overrun")  # kinds that cannot be the fault of a slow machine
WAITING = 8  # failures that wait to be looked into with all that led to them: some megabytes each
RECENT = 256  # programs that are kept of what led to the others


class Docket:
    """Takes failures from the workers, and looks into those that are new while the workers go on."""

    def __init__(
        self, description: Description, settings: Settings, output: Path, *, seed: int, shrink_seconds: float
    ) -> None:
        self.description = description
        self.settings = settings
        self.output = output
        self.seed = seed
        self.shrink_seconds = shrink_seconds
        self.findings: dict[str, Finding] = {}
        self.met: Counter[str] = Counter()  # how often each failure was met, by its name
        self.examined: Counter[str] = Counter()  # how often each was looked into
        self.pending: set[str] = set()  # names of those that wait for it
        self.aliases: dict[str, str] = {}  # names of failures as they were met, to those of findings
        self.alone: dict[str, frozenset[str]] = {}  # the calls of findings that one program brings about
        self.queue: queue.SimpleQueue[Suspect | None] = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.saving = threading.Lock()  # held while a finding is written
        self.hurry = threading.Event()  # whatever is looked into comes to its end

    def report(self, suspect: Suspect) -> None:
        """Note a failure, which is looked into if it is new."""
        name = suspect.failure.name
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
        self.queue.put(replace(suspect, history=suspect.history[-RECENT:]) if crowded else suspect)

    def hangs(self) -> set[str]:
        """The names of hangs that are known to come again: nobody need wait long for them."""
        with self.lock:
            again = {f.name for f in self.findings.values() if f.kind == "hang" and f.times and f.signature}
            return again | {name for name, finding in self.aliases.items() if finding in again}

    def explains(self, failure: Failure, planned: Planned) -> bool:
        """Whether a program that failed makes the calls of one that is known to fail like this by itself.

        If not, it may only have met what an earlier one left.
        """
        with self.lock:
            calls = self.alone.get(self.aliases.get(failure.name, failure.name))
        return calls is not None and calls <= {ready.call.name for ready in planned.calls}

    def work(self) -> None:
        """Look into failures until `close`."""
        while (suspect := self.queue.get()) is not None:
            self.examine(suspect)
            with self.lock:
                self.pending.discard(suspect.failure.name)

    def close(self) -> None:
        """Let a thread that works here end after what waits already."""
        self.queue.put(None)

    def examine(self, suspect: Suspect) -> None:
        """Find out what brings a failure about, and write it down."""
        name, kind = suspect.failure.name, suspect.failure.kind
        with Lab(replace(suspect.setup, nice=NICE), self.description) as lab:
            result = triage(suspect, lab, shrink_seconds=self.shrink_seconds, hurry=self.hurry)
        if not result.programs and kind not in CERTAIN and self.met[name] < ENOUGH:
            return  # the fault of a slow machine, perhaps
        with self.saving:
            finding = self.findings.get(result.failure.name)
            if finding is None or finding.times < result.times:
                finding = findings.save(
                    self.output, result, setup=suspect.setup, settings=self.settings, description=self.description,
                    seed=str(self.seed),
                )
            with self.lock:
                self.aliases[name] = finding.name
                before = self.findings.get(name)
                if before is not None and name != finding.name and not before.times:
                    findings.remove(self.output, self.findings.pop(name))  # only now did it come again
                if result.times and len(result.programs) == 1:
                    self.alone[finding.name] = frozenset(call.name for call in result.programs[0].calls)
                count = sum(self.met[alias] for alias in {finding.name, *self._aliases(finding.name)})
                self.findings[finding.name] = replace(finding, count=count)

    def _aliases(self, finding: str) -> Iterator[str]:
        """The names under which a finding was met."""
        return (name for name, other in self.aliases.items() if other == finding)

    def write_counts(self) -> None:
        """Write down how often each finding was met."""
        for finding in self.findings.values():
            findings.count(self.output, finding)
