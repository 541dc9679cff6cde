"""The fuzzing loop: draws programs, keeps one kernel busy with them, and judges how they end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle

from lkltest.errors import KernelLost
from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
from lkltest.fuzz.exec.kernel import Kernel, WorkerExit, boot
from lkltest.fuzz.exec.protocol import State
from lkltest.fuzz.exec.shmem import Head, Memory, fitting
from lkltest.fuzz.functions import Finder, NewFunctions
from lkltest.fuzz.gen.engine import Engine
from lkltest.fuzz.gen.generator import Batch, Candidate, Generator
from lkltest.fuzz.gen.guided import Guided
from lkltest.fuzz.gen.store import Store
from lkltest.fuzz.messages import Known, Link, Met, Progress, Task
from lkltest.fuzz.repro.report import Report, from_alarm, from_exit, name_of_hang
from lkltest.fuzz.repro.repro import Crash, History
from lkltest.host.closing import Closing

BATCH = 128  # programs in one message
FAST_BATCH = 1024  # the same for kernels without KASAN and coverage, which run them in a fifth of a second
LIFETIME = 20_000  # programs that one kernel runs; a history is not longer
MAX_DIED_BEFORE_FIRST_PROGRAM = 3  # kernels in a row
REPORT_EVERY = 0.2  # seconds between two messages with the progress


class FuzzLoop(Closing):
    """Fuzzes on one kernel after the other, and tells its session through a link.

    Use it as a context manager.
    """

    def __init__(self, task: Task, seed: str, memory: Memory, link: Link, seen: SeenEdges | None = None) -> None:
        """Edges are counted where there is a map of seen edges."""
        self.task = task
        self.link = link
        self.configs = cycle(task.config.slab_debug_rotation)
        self.memory = memory
        self.generator = engine(task, seed)
        self.feedback = Feedback(seen) if seen is not None else None
        self.finder = Finder(task.functions) if task.functions is not None else None
        self.kernel: Kernel | None = None
        self.history: list[Candidate] = []  # the programs that the kernel ran, by their numbers
        self.head = memory.head()  # its progress after the last batch
        self.died = 0.0
        self.died_before_first_program = 0  # kernels in a row
        self.progress = Progress()
        self.reported = 0.0  # when the progress was sent last
        self.size = BATCH if seen is not None or task.config.liblkl.kasan else FAST_BATCH  # programs of a batch
        self.known = Known()
        self.sent: set[str] = set()  # failures that were sent whole since the session said what it knows

    def run(self) -> None:
        """Run batches until the link is stopped."""
        batch, following = self.generator.batch(self.size), None
        while True:  # once at least, so that a kernel that does not boot is always reported
            kernel = self.kernel or self.boot()
            if self.feedback is not None:
                self.feedback.clear(every=batch.every, wanted=batch.wanted, compare=batch.compare)
            count = fitting(batch.sizes())  # the rest comes next, as after an alarm
            kernel.start(batch.first(count), count)
            following = following or self.generator.batch(self.size)  # while the kernel works
            batch = batch.after(self.judge(kernel, batch, kernel.finish(self.hang_recognizer())))
            stopped = self.link.stopped
            self.report(now=stopped)
            if stopped:
                return
            if not batch.programs:
                batch, following = following, None

    def report(self, *, now: bool) -> None:
        """Send the progress if some time has passed since the last time, or `now`."""
        if now or time.monotonic() > self.reported + REPORT_EVERY:
            self.reported = time.monotonic()
            corpus, edges = self.generator.gains()
            self.link.send(replace(self.progress, corpus=corpus, edges=edges))

    def report_functions(self, batch: Batch, first: int) -> None:
        """Send the functions that programs of a batch, which began with program `first`, were the first to reach."""
        if self.feedback is None or self.finder is None or batch.every or batch.wanted is not None:
            return
        for number, functions in self.finder.new(self.feedback):
            candidate = batch.programs[number - first]
            self.link.send(NewFunctions(functions, candidate.scenario.name, candidate.program(), candidate.file))

    def hang_recognizer(self) -> Callable[[bytes], bool] | None:
        """A function that recognizes known hangs by their stacks; None where no hang is known."""
        hangs = self.link.known.hangs
        return (lambda stderr: name_of_hang(stderr) in hangs) if hangs else None

    def boot(self) -> Kernel:
        """Start a kernel."""
        self.kernel = boot(next(self.configs), self.memory, self.feedback)
        if self.task.corpus is not None:
            self.memory.ask_for_listings()  # which a guided engine reads
        self.progress.boots += 1
        if self.died:
            self.progress.downtime = max(self.progress.downtime, time.monotonic() - self.died)
            self.died = 0.0
        self.history = []
        self.head = self.memory.head()
        return self.kernel

    def close(self) -> None:
        """End the kernel, and free the memory of its edges."""
        self.drop()
        if self.feedback is not None:
            self.feedback.close()

    def drop(self) -> None:
        """End the kernel."""
        if self.kernel is not None:
            self.kernel.close()
            self.kernel = None

    def judge(self, kernel: Kernel, batch: Batch, outcome: int | WorkerExit) -> int:
        """Count a batch, hand over its failure; returns the number of its programs that ran."""
        before = self.head  # what the kernel did since then belongs to this batch
        head = self.head = outcome.head if isinstance(outcome, WorkerExit) else self.memory.head()
        first = len(self.history)
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
        novel = [number - first for number in self.memory.novel(head.novel)]  # of an earlier batch where none began
        reached = self.feedback.reach(first) if self.feedback is not None else []
        self.report_functions(batch, first)
        self.generator.learn(batch, done, [reach for reach in reached if reach.program < failed],
                             [index for index in novel if 0 <= index < failed])
        listed = self.memory.listed()
        if listed:
            self.generator.discover(listed)
        if report is not None:
            returned = head.calls - before.calls - sum(len(candidate.calls) for candidate in ran[:-1])
            self.crash(kernel, report, returned if ran else len(self.history[-1].calls))
        kernel.programs = first + done
        if dead or len(self.history) > LIFETIME or (report is not None and report.ends_kernel):
            self.drop()
        return done

    def count(self, before: Head, programs: int) -> None:
        """Add the work of a batch to the progress."""
        progress, head = self.progress, self.head
        progress.programs += programs
        progress.calls += head.calls - before.calls
        progress.succeeded += head.succeeded - before.succeeded
        progress.interrupted += head.interrupted - before.interrupted

    def collect(self, exited: WorkerExit) -> Report | None:
        """Report a lost kernel. Raises KernelLost if kernels die again and again before their first program."""
        self.progress.lost += 1
        self.died = time.monotonic()
        report = from_exit(exited, self.memory)
        self.died_before_first_program = 0 if self.history else self.died_before_first_program + 1
        if self.died_before_first_program > MAX_DIED_BEFORE_FIRST_PROGRAM:
            raise KernelLost(
                f"{self.task.config.liblkl.path} boots, and dies before it has run a program "
                f"({exited.ended.describe()}): try its boot suite first, pytest suites/boot"
            )
        if report is None or not self.history:
            self.progress.silent += 1
            return None
        return report

    def crash(self, kernel: Kernel, report: Report, returned: int) -> None:
        """Hand a failure over with its history; `returned` calls of its program, the last one, returned."""
        results = self.memory.results(self.head.calls - returned, returned)
        known = self.link.known
        if known is not self.known:
            self.known = known
            self.sent.clear()
        if report.name in known.settled or report.name in self.sent:
            self.link.send(Met(report.name))
        else:
            self.sent.add(report.name)
            self.link.send(Crash(report, History(self.history), results, kernel.config))
        if report.ends_kernel and known.explains(report, self.history[-1]):
            self.generator.deprioritize(self.history[-1])


def engine(task: Task, seed: str) -> Engine:
    """The generator of a loop: a guided one where there is a corpus."""
    if task.corpus is None:
        return Generator(task.description, seed, task.scenarios)
    return Guided(task.description, seed, task.scenarios, store=Store(task.corpus, task.description))


def begun(outcome: int | WorkerExit, first: int) -> int:
    """The number of programs of a batch that ran or began; `first` is the number of the first program."""
    if not isinstance(outcome, WorkerExit):
        return outcome
    # A kernel may also die between two batches, by the fault of a thread of its own.
    return outcome.head.program - first + 1 if outcome.head.state == State.RUNNING else 0
