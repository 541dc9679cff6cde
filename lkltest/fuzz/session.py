"""A run of the fuzzer: some workers for some time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from lkltest.errors import KernelLost
from lkltest.fuzz import findings
from lkltest.fuzz.describe import Description
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.lab import Lab
from lkltest.fuzz.mass import Batch, Generator, Planned
from lkltest.fuzz.memory import Head, Memory
from lkltest.fuzz.triage import Suspect, triage
from lkltest.fuzz.verdict import Failure, of_alarm, of_death
from lkltest.kernel import Death, Kernel, Setup
from lkltest.settings import Settings

BATCH = 128  # programs in one message
LIFETIME = 20_000  # programs after which a kernel is replaced, so that no history is longer
ENOUGH = 3  # times that a failure which never comes again is looked into


@dataclass
class Progress:
    """Where a session stands."""

    programs: int = 0
    calls: int = 0
    succeeded: int = 0
    interrupted: int = 0
    lost: int = 0  # kernels that died
    silent: int = 0  # kernels replaced without a finding: out of memory, or blocked for ever
    boots: int = 0
    downtime: float = 0.0  # seconds between a kernel's death and the next one's first program
    samples: list[tuple[float, int, int, int]] = field(default_factory=list)  # seconds, programs, calls, findings


class Session:
    """Fuzzes one kernel with several workers, each with a thread of this process."""

    def __init__(
        self, setup: Setup, description: Description, settings: Settings, output: Path, *,
        seed: int, workers: int, scenarios: tuple[str, ...] = (), shrink_seconds: float = 60.0,
    ) -> None:
        self.setup = setup
        self.description = description
        self.settings = settings
        self.output = output
        self.seed = seed
        self.scenarios = scenarios
        self.shrink_seconds = shrink_seconds
        self.memories = [Memory() for _ in range(workers)]
        self.progress = Progress()
        self.findings: dict[str, Finding] = {}
        self.aliases: dict[str, str] = {}  # names of failures as they were met, to those of findings
        self.unstable: Counter[str] = Counter()  # failures that did not come again
        self.examined: set[str] = set()  # names of failures that a worker is looking into
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.started = time.monotonic()

    def run(self, seconds: float, tick: Callable[[], None], *, programs: int = 0, every: float = 0.5) -> None:
        """Fuzz for so long, or until so many programs have run; `tick` is called now and then.

        Raises what a worker's thread raised.
        """
        threads = [threading.Thread(target=self._guard, args=(n,), daemon=True) for n in range(len(self.memories))]
        self.started = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            while time.monotonic() < self.started + seconds and any(t.is_alive() for t in threads):
                time.sleep(min(every, max(0.0, self.started + seconds - time.monotonic())))
                self._sample()
                tick()
                if programs and self.progress.programs >= programs:
                    break
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()
            self._sample()
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Give back the shared memory."""
        for memory in self.memories:
            memory.close()

    @property
    def seconds(self) -> float:
        """Since the session began."""
        return time.monotonic() - self.started

    def counts(self) -> Counter[tuple[int, int]]:
        """How often each call ended how: by number and bucket (0 success, else the errno)."""
        total: Counter[tuple[int, int]] = Counter()
        for memory in self.memories:
            for number, bucket, count in memory.counts():
                total[number, bucket] += count
        return total

    def _sample(self) -> None:
        p = self.progress
        p.samples.append((self.seconds, p.programs, p.calls, len(self.findings)))

    def _guard(self, worker: int) -> None:
        try:
            Worker(self, worker).run()
        except BaseException as error:
            self.error = error
            self.stop.set()

    def report(self, suspect: Suspect) -> None:
        """Note a failure; one that is new is looked into, while other workers go on."""
        name = suspect.failure.name
        with self.lock:
            known = self.findings.get(self.aliases.get(name, name))
            if known is not None:
                self.findings[known.name] = replace(known, count=known.count + 1)
            if known is not None or name in self.examined or self.unstable[name] >= ENOUGH:
                self.unstable[name] += 1
                return
            self.examined.add(name)
        try:
            self._examine(suspect)
        finally:
            with self.lock:
                self.examined.discard(name)

    def _examine(self, suspect: Suspect) -> None:
        with Lab(self.setup, self.description) as lab:
            result = triage(suspect, lab, shrink_seconds=self.shrink_seconds, stop=self.stop)
        name = suspect.failure.name
        if not result.programs:
            self.unstable[name] += 1
            if self.unstable[name] > 1 or not suspect.failure.fatal:
                return
        finding = findings.save(
            self.output, result, setup=self.setup, settings=self.settings, description=self.description,
            seed=str(self.seed),
        )
        if result.programs:
            with self.lock:
                self.findings.setdefault(finding.name, finding)
                self.aliases[name] = finding.name


class Worker:
    """One worker's side of a session: it keeps a kernel busy."""

    def __init__(self, session: Session, number: int) -> None:
        self.session = session
        self.memory = session.memories[number]
        self.generator = Generator(session.description, f"{session.seed}/{number}", session.scenarios)
        self.kernel: Kernel | None = None
        self.history: list[Planned] = []
        self.died = 0.0

    def run(self) -> None:
        """Run batches until the session stops."""
        batch = self.generator.batch(BATCH)
        try:
            while not self.session.stop.is_set():
                kernel = self.kernel or self.boot()
                before = self.memory.head()
                kernel.start(batch.data, len(batch.programs))
                following = self.generator.batch(BATCH)  # while the worker works
                self.judge(kernel, batch, before, kernel.finish())
                batch = following
        finally:
            self.drop()

    def boot(self) -> Kernel:
        """Start a kernel; one that does not boot at once is tried again."""
        try:
            self.kernel = Kernel(self.session.setup, self.memory)
        except KernelLost:
            self.kernel = Kernel(self.session.setup, self.memory)
        self.session.progress.boots += 1
        if self.died:
            self.session.progress.downtime = time.monotonic() - self.died
            self.died = 0.0
        self.history = []
        return self.kernel

    def drop(self) -> None:
        """End the kernel."""
        if self.kernel is not None:
            self.kernel.close()
            self.kernel = None

    def judge(self, kernel: Kernel, batch: Batch, before: Head, outcome: int | Death) -> None:
        """Look at what became of a batch; `before` is where the worker stood before it."""
        head = outcome.head if isinstance(outcome, Death) else self.memory.head()
        progress = self.session.progress
        first = kernel.programs - len(batch.programs)
        dead = isinstance(outcome, Death)
        done = head.program - first if isinstance(outcome, Death) else outcome
        ran = batch.programs[: done + 1 if dead else done]
        self.history += ran
        progress.programs += len(ran)
        progress.calls += head.calls - before.calls
        progress.succeeded += head.succeeded - before.succeeded
        progress.interrupted += head.interrupted - before.interrupted
        failure: Failure | None = None
        if isinstance(outcome, Death):
            progress.lost += 1
            self.died = time.monotonic()
            failure = of_death(outcome, self.memory)
            progress.silent += failure is None
        elif head.alarm:
            plan = batch.programs[head.alarm_program - first]
            name = plan.calls[head.alarm_call].call.name if head.alarm_call < len(plan.calls) else "the sandbox"
            failure = of_alarm(head, self.memory.console(before.console), name)
        for number in self.memory.novel(0 if dead else head.novel):
            self.generator.keep(batch.programs[number - first])
        if failure is not None:
            self.suspect(failure, batch, first, before.calls)
        kernel.programs = first + done
        if dead or len(self.history) > LIFETIME:
            self.drop()

    def suspect(self, failure: Failure, batch: Batch, first: int, calls: int) -> None:
        """Hand a failure to the session, with what led to it."""
        position = failure.program - first
        start = calls + sum(len(plan.calls) for plan in batch.programs[:position])
        plan = batch.programs[position]
        returned = self.memory.results(start, min(len(plan.calls), max(0, self.memory.head().calls - start)))
        self.session.report(Suspect(failure, tuple(self.history), returned))

