"""A session that fuzzes disk images: workers mount mutated images, an examiner reproduces what fails.

Each worker (`worker.py`) has a thread, and so has the examiner; they share the session's state (`state.py`). A place of
an image is changed rarely as soon as a change there is known to lose the kernel.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from lkltest.errors import LkltestError
from lkltest.fuzz import findings
from lkltest.fuzz.images import saved
from lkltest.fuzz.images.shrink import Shrinker, Shrunk
from lkltest.fuzz.images.state import ENOUGH, Failure, SessionState
from lkltest.fuzz.images.worker import Worker
from lkltest.fuzz.repro.rank import CERTAIN

GRACE, LEAST_GRACE = 0.2, 15.0  # part of the time, seconds: how long failures are reproduced after the end
NICE = 5  # of kernels that reproduce


class Sample(NamedTuple):
    """The progress of a session at one time."""

    seconds: float
    images: int
    findings: int
    edges: int
    corpus: int


@dataclass
class Session(SessionState):
    """Fuzzes the images of some targets. Use it as a context manager."""

    samples: list[Sample] = field(default_factory=list)

    def take_more(self) -> None:
        """Take the targets that are made meanwhile; where no more can be made, the others are fuzzed."""
        try:
            for target in self.more:
                self._prepare(target)
                self.targets.append(target)
        except LkltestError as error:
            self.complain(f"no more disk images are made: {error}")

    def run(self, seconds: float, tick: Callable[[], None], *, every: float = 0.5) -> None:
        """Fuzz for some seconds, then reproduce the last failures; for those that are left there is no time.

        Raises the first exception of a thread. An exception of `tick`, or Ctrl-C, ends the session early.
        """
        workers = [self._thread(Worker(self, number).run) for number in range(self.workers)]
        workers.append(self._thread(self.take_more))
        examiner = self._thread(self.examine)
        self.started = time.monotonic()
        try:
            for thread in (*workers, examiner):
                thread.start()
            while self.seconds < seconds and not self.stop.wait(min(every, max(0.05, seconds - self.seconds))):
                self._sample()
                tick()
            self._end(workers)
            self._sample()
            grace = max(LEAST_GRACE, seconds * GRACE) if self.reproduce_seconds is None else self.reproduce_seconds
            until = time.monotonic() + grace
            while examiner.is_alive():
                examiner.join(every)
                self._sample()
                tick()
                if time.monotonic() > until:
                    self.hurry.set()
        finally:
            self.hurry.set()
            self._end(workers)
            if examiner.ident is not None:  # it was started
                examiner.join()
            self.write_counts()
        if self.error is not None:
            raise self.error

    def _sample(self) -> None:
        whole = self.total()
        self.samples.append(Sample(self.seconds, whole.images, len(self.findings), whole.reached, whole.corpus))

    def _end(self, workers: Sequence[threading.Thread]) -> None:
        """End the workers, and the examiner after what waits for it."""
        self.stop.set()
        for thread in workers:
            if thread.ident is not None:  # it was started
                thread.join()
        self.ended = self.ended or time.monotonic()
        self.end_queue()

    def _thread(self, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                self.error = self.error or error
                self.stop.set()
                self.hurry.set()

        return threading.Thread(target=guarded, daemon=True)

    def write_counts(self) -> None:
        """Write how often each finding was met into its directory."""
        for finding in list(self.findings.values()):
            findings.count(self.output, finding)

    def examine(self) -> None:
        """Reproduce failures until the session ends."""
        while (failure := self.take()) is not None:
            shrunk = self.shrink(failure)
            name = failure.report.name
            if shrunk.times or not shrunk.of or failure.report.type in CERTAIN or self.met[name] >= ENOUGH:
                finding = self.findings.get(shrunk.report.name)
                if finding is None or finding.times < shrunk.times or bool(shrunk.of) > finding.examined:
                    finding = saved.save(self.output, shrunk, failure.target, self.settings, seed=str(self.seed))
                with self.lock:
                    if shrunk.times and shrunk.report.ends_kernel:
                        self.fatal[failure.target.recipe] |= shrunk.places
                    self.aliases[name] = finding.name
                    before = self.findings.get(name)
                    if before is not None and name != finding.name and not before.times:
                        findings.remove(self.output, self.findings.pop(name))  # it has come again for the first time
                    met = {finding.name, *(one for one, known in self.aliases.items() if known == finding.name)}
                    count = sum(self.met[one] for one in met)
                    self.findings[finding.name] = replace(finding, count=count)
            with self.lock:
                self.pending.discard(name)

    def shrink(self, failure: Failure) -> Shrunk:
        """Reproduce a failure and shrink its input; where there is no time left, it stays as it was met."""
        if self.hurry.is_set():
            return Shrunk(failure.report, failure.input, 0, 0, complete=False)
        with Shrinker(failure.target, nice=NICE) as shrinker:
            return shrinker.shrink(failure.input, failure.report, self.shrink_seconds, self.hurry)
