"""The fuzzer: workers that run programs on kernels for some time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from lkltest.coverage.collect import is_instrumented
from lkltest.errors import KernelLost
from lkltest.fuzz.crash_queue import CrashQueue
from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig, WorkerExit, boot
from lkltest.fuzz.exec.protocol import State
from lkltest.fuzz.exec.shmem import Head, Memory
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.gen.engine import Engine
from lkltest.fuzz.gen.generator import Batch, Candidate, Generator
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.repro.report import Report, from_alarm, from_exit, name_of_hang
from lkltest.fuzz.repro.repro import MINIMIZE_SECONDS, Crash
from lkltest.settings import Settings

BATCH = 128  # programs in one message
LIFETIME = 20_000  # programs that one kernel runs; a history is not longer
GRACE = 120.0  # seconds after the end in which the last failures are reproduced
MAX_DIED_BEFORE_FIRST_PROGRAM = 3  # kernels in a row


@dataclass
class Progress:
    """The progress of a fuzzing run."""

    programs: int = 0
    calls: int = 0
    succeeded: int = 0
    interrupted: int = 0
    lost: int = 0  # kernels
    silent: int = 0  # kernels replaced without a finding: out of memory, or blocked for ever
    boots: int = 0
    downtime: float = 0.0  # seconds between a kernel's death and the next one's first program
    samples: list[tuple[float, int, int, int]] = field(default_factory=list)  # seconds, programs, calls, findings


class Fuzzer:
    """Fuzzes one kernel with several workers, each with a thread of this process."""

    def __init__(
        self, config: KernelConfig, description: Description, settings: Settings, output: Path, *,
        seed: int, workers: int, scenarios: tuple[str, ...] = (), minimize_seconds: float = MINIMIZE_SECONDS,
        blind: bool = False,
    ) -> None:
        """Edges are counted where the kernel is instrumented; `blind` leaves that out."""
        self.config = config
        self.description = description
        self.seed = seed
        self.scenarios = scenarios
        self.memories = [Memory() for _ in range(workers)]
        self.seen = SeenEdges() if not blind and is_instrumented(config.liblkl) else None
        self.progress = Progress()
        self.crash_queue = CrashQueue(description, settings, output, seed=seed, minimize_seconds=minimize_seconds)
        self.lock = threading.Lock()
        self.stop = threading.Event()  # ends the fuzzing; the last failures are still reproduced
        self.error: BaseException | None = None
        self.started = time.monotonic()
        self.ended = 0.0

    @property
    def findings(self) -> Mapping[str, Finding]:
        """The findings so far, by name."""
        return self.crash_queue.findings

    def run(self, seconds: float, tick: Callable[[], None], *, programs: int = 0, every: float = 0.5) -> None:
        """Fuzz for some seconds, or until `programs` have run; `tick` is called after every `every` seconds.

        Then the last failures are reproduced, for GRACE seconds; an exception of `tick` or Ctrl-C ends that early.
        Raises the first exception of a worker's thread.
        """
        workers = [self._thread(Worker(self, n).run) for n in range(len(self.memories))]
        examiners = [self._thread(self.crash_queue.work) for _ in self.memories]
        self.started = time.monotonic()
        try:
            for thread in (*workers, *examiners):
                thread.start()
            while any(thread.is_alive() for thread in workers):
                self._wait(min(every, max(0.05, seconds - self.seconds)), tick)
                if self.seconds >= seconds or (programs and self.progress.programs >= programs):
                    self.stop.set()
            self.ended = time.monotonic()
            for _ in examiners:
                self.crash_queue.close()
            while any(thread.is_alive() for thread in examiners):
                self._wait(every, tick)
                if time.monotonic() > self.ended + GRACE:
                    self.crash_queue.hurry.set()
        except BaseException:
            self.crash_queue.hurry.set()
            raise
        finally:
            self.stop.set()
            self._join(workers)
            self.ended = self.ended or time.monotonic()
            for _ in examiners:
                self.crash_queue.close()
            self._join(examiners)
            self.crash_queue.write_counts()
        if self.error is not None:
            raise self.error

    def _thread(self, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                self.error = self.error or error  # the first one: others may be its consequences
                self.stop.set()
                self.crash_queue.hurry.set()

        return threading.Thread(target=guarded, daemon=True)

    def _join(self, threads: Sequence[threading.Thread]) -> None:
        for thread in threads:
            if thread.ident is not None:  # it was started
                thread.join()

    def _wait(self, seconds: float, tick: Callable[[], None]) -> None:
        time.sleep(seconds)
        p = self.progress
        p.samples.append((self.seconds, p.programs, p.calls, len(self.findings)))
        tick()

    def close(self) -> None:
        """Free the shared memory."""
        for memory in self.memories:
            memory.close()
        if self.seen is not None:
            self.seen.close()

    @property
    def seconds(self) -> float:
        """The duration of the fuzzing so far."""
        return (self.ended or time.monotonic()) - self.started

    def counts(self) -> Counter[tuple[int, int]]:
        """Counts of how calls ended, by the call's number and the bucket (0 for success, else the errno)."""
        total: Counter[tuple[int, int]] = Counter()
        for memory in self.memories:
            for number, bucket, count in memory.counts():
                total[number, bucket] += count
        return total


class Worker:
    """One worker: it makes programs, keeps a kernel busy with them, and hands over its failures."""

    def __init__(self, fuzzer: Fuzzer, number: int) -> None:
        self.fuzzer = fuzzer
        self.configs = cycle(fuzzer.config.slab_debug_rotation)
        self.memory = fuzzer.memories[number]
        self.generator: Engine = Generator(fuzzer.description, f"{fuzzer.seed}/{number}", fuzzer.scenarios)
        self.feedback = Feedback(fuzzer.seen) if fuzzer.seen is not None else None
        self.kernel: Kernel | None = None
        self.history: list[Candidate] = []  # the programs that the kernel ran, by their numbers
        self.head = self.memory.head()  # its progress after the last batch
        self.died = 0.0
        self.died_before_first_program = 0  # kernels in a row

    def run(self) -> None:
        """Run batches until the fuzzer stops."""
        batch, following = self.generator.batch(BATCH), None
        try:
            while True:  # once at least, so that a kernel that does not boot is always reported
                kernel = self.kernel or self.boot()
                if self.feedback is not None:
                    self.feedback.clear(every=batch.every)
                kernel.start(batch.data, len(batch.programs))
                following = following or self.generator.batch(BATCH)  # while the worker works
                batch = batch.after(self.judge(kernel, batch, kernel.finish(self.hang_recognizer())))
                if self.fuzzer.stop.is_set():
                    return
                if not batch.programs:
                    batch, following = following, None
        finally:
            self.drop()
            if self.feedback is not None:
                self.feedback.close()

    def hang_recognizer(self) -> Callable[[bytes], bool] | None:
        """A function that recognizes known hangs by their stacks; None where no hang is known."""
        hangs = self.fuzzer.crash_queue.hangs()
        return (lambda stderr: name_of_hang(stderr) in hangs) if hangs else None

    def boot(self) -> Kernel:
        """Start a kernel."""
        self.kernel = boot(next(self.configs), self.memory, self.feedback)
        with self.fuzzer.lock:
            self.fuzzer.progress.boots += 1
        if self.died:
            self.fuzzer.progress.downtime = time.monotonic() - self.died
            self.died = 0.0
        self.history = []
        self.head = self.memory.head()
        return self.kernel

    def drop(self) -> None:
        """End the kernel."""
        if self.kernel is not None:
            self.kernel.close()
            self.kernel = None

    def judge(self, kernel: Kernel, batch: Batch, outcome: int | WorkerExit) -> int:
        """Count a batch, hand over its failure; returns the number of its programs that ran."""
        before = self.head  # what the kernel did since then belongs to this batch
        head = self.head = outcome.head if isinstance(outcome, WorkerExit) else self.memory.head()
        first = kernel.programs - len(batch.programs)
        dead = isinstance(outcome, WorkerExit)
        done = begun(outcome, first)
        ran = batch.programs[:done]
        self.history += ran
        self.count(before, len(ran))
        report: Report | None = None
        if isinstance(outcome, WorkerExit):
            report = self.collect(outcome)
        elif head.alarm and self.history:
            calls = self.history[-1].calls
            name = calls[head.alarm_call].call.name if head.alarm_call < len(calls) else "the sandbox"
            report = from_alarm(head, self.memory.console(before.console), name, kernel.errors())
        failed = done - 1 if dead or head.alarm else done
        novel = [number - first for number in self.memory.novel(0 if dead else head.novel)]
        reached = self.feedback.reach(first) if self.feedback is not None else []
        self.generator.learn(batch, done, [reach for reach in reached if reach.program < failed], novel)
        if report is not None:
            returned = head.calls - before.calls - sum(len(candidate.calls) for candidate in ran[:-1])
            self.crash(kernel, report, returned if ran else len(self.history[-1].calls))
        kernel.programs = first + done
        if dead or len(self.history) > LIFETIME or (report is not None and report.ends_kernel):
            self.drop()
        return done

    def count(self, before: Head, programs: int) -> None:
        """Add the work of a batch to the progress."""
        progress, head = self.fuzzer.progress, self.head
        with self.fuzzer.lock:
            progress.programs += programs
            progress.calls += head.calls - before.calls
            progress.succeeded += head.succeeded - before.succeeded
            progress.interrupted += head.interrupted - before.interrupted

    def collect(self, exited: WorkerExit) -> Report | None:
        """Report a lost worker. Raises KernelLost if kernels die again and again before their first program."""
        with self.fuzzer.lock:
            self.fuzzer.progress.lost += 1
        self.died = time.monotonic()
        report = from_exit(exited, self.memory)
        self.died_before_first_program = 0 if self.history else self.died_before_first_program + 1
        if self.died_before_first_program > MAX_DIED_BEFORE_FIRST_PROGRAM:
            raise KernelLost(
                f"{self.fuzzer.config.liblkl.path} boots, and dies before it has run a program "
                f"({exited.ended.describe()}): try its boot suite first, pytest suites/boot"
            )
        if report is None or not self.history:
            with self.fuzzer.lock:
                self.fuzzer.progress.silent += 1
            return None
        return report

    def crash(self, kernel: Kernel, report: Report, returned: int) -> None:
        """Hand a failure over with its history; `returned` calls of its program, the last one, returned."""
        results = self.memory.results(self.head.calls - returned, returned)
        crash_queue = self.fuzzer.crash_queue
        crash_queue.add(Crash(report, tuple(self.history), results, kernel.config))
        if report.ends_kernel and crash_queue.explains(report, self.history[-1]):
            self.generator.deprioritize(self.history[-1])


def begun(outcome: int | WorkerExit, first: int) -> int:
    """The number of programs of a batch that ran or began; `first` is the number of the first program."""
    if not isinstance(outcome, WorkerExit):
        return outcome
    # A kernel may also die between two batches, by the fault of a thread of its own.
    return outcome.head.program - first + 1 if outcome.head.state == State.RUNNING else 0
