"""A session that fuzzes disk images: workers mount mutated images, an examiner reproduces what fails.

Each worker has a thread. It takes the targets in turn, each for `TURN` seconds, so that each file system gets its share
however often its kernels are lost; a kernel is replaced after `LIFETIME` images, because it remembers images by their
UUIDs. On an instrumented kernel, inputs that reach new edges are kept, and mutated further (`maker.py`). A place of an
image is changed rarely from then on, if a change there is known to lose the kernel.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import accumulate
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from lkltest.errors import KernelLost, LkltestError
from lkltest.fuzz import descriptors, findings
from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
from lkltest.fuzz.exec.kernel import Kernel, WorkerExit, boot
from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.exec.shmem import Memory, fitting
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.functions import Finder, FirstReached, FunctionTable, NewFunctions
from lkltest.fuzz.images import saved
from lkltest.fuzz.images.inputs import Changes, Input, Made
from lkltest.fuzz.images.maker import Maker, Origin
from lkltest.fuzz.images.shrink import SECONDS, Shrinker, Shrunk
from lkltest.fuzz.images.store import ImageStore, by_recipe
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.loop import MAX_DIED_BEFORE_FIRST_PROGRAM, begun
from lkltest.fuzz.repro.report import Report, ReportType, from_alarm, from_exit, name_of_hang
from lkltest.host.closing import Closing
from lkltest.settings import Settings

BATCH = 16  # images in one message
TURN = 15.0  # seconds of a worker with one target
LIFETIME = 800  # images that one kernel mounts
ENOUGH = 3  # times that a failure is reproduced at most, and met until one that never comes again is a finding
GRACE, LEAST_GRACE = 0.2, 15.0  # part of the time, seconds: how long failures are reproduced after the end
NICE = 5  # of kernels that reproduce
PLACES = 8  # of an image that are named
CERTAIN = (ReportType.CRASH, ReportType.PANIC, ReportType.OVERRUN)  # types that a slow machine cannot cause


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


class Sample(NamedTuple):
    """The progress of a session at one time."""

    seconds: float
    images: int
    findings: int
    edges: int
    corpus: int


@dataclass(frozen=True)
class Failure:
    """A failure as a worker met it."""

    target: Target
    report: Report
    input: Input


@dataclass
class Session(Closing):
    """Fuzzes the images of some targets. Use it as a context manager."""

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
        self.samples: list[Sample] = []
        self.queue: SimpleQueue[Failure | None] = SimpleQueue()
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

    def take_more(self) -> None:
        """Take the targets that are made meanwhile; where no more can be made, the others are fuzzed."""
        try:
            for target in self.more:
                self._prepare(target)
                self.targets.append(target)
        except LkltestError as error:
            self.complain(f"no more disk images are made: {error}")

    @property
    def seconds(self) -> float:
        """The duration of the fuzzing so far."""
        return (self.ended or time.monotonic()) - self.started

    def close(self) -> None:
        """Free the maps of edges that are its own."""
        for seen in self.seen.values():
            if seen is not self.shared:
                seen.close()

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

    def total(self) -> Progress:
        """The progress with all targets together."""
        parts = list(self.progress.values())
        return Progress(**{one.name: sum(getattr(part, one.name) for part in parts) for one in fields(Progress)})

    def _end(self, workers: Sequence[threading.Thread]) -> None:
        """End the workers, and the examiner after what waits for it."""
        self.stop.set()
        for thread in workers:
            if thread.ident is not None:  # it was started
                thread.join()
        self.ended = self.ended or time.monotonic()
        self.queue.put(None)

    def _thread(self, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                self.error = self.error or error
                self.stop.set()
                self.hurry.set()

        return threading.Thread(target=guarded, daemon=True)

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
        self.queue.put(failure)

    def write_counts(self) -> None:
        """Write how often each finding was met into its directory."""
        for finding in list(self.findings.values()):
            findings.count(self.output, finding)

    def hangs(self) -> set[str]:
        """The names of hangs that are known to come again: a worker need not wait to recognize them."""
        with self.lock:
            again = {f.name for f in self.findings.values() if f.kind == ReportType.HANG and f.times and f.signature}
            return again | {name for name, finding in self.aliases.items() if finding in again}

    def examine(self) -> None:
        """Reproduce failures until the session ends."""
        while (failure := self.queue.get()) is not None:
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


class Worker:
    """One worker: it keeps a kernel busy with images of one target after the other."""

    def __init__(self, session: Session, number: int) -> None:
        self.session = session
        self.number = number
        self.makers: dict[str, Maker] = {}  # by recipe
        self.last: tuple[Made, Origin] | None = None  # of the last batch of this kernel
        self.died_before_first_image: Counter[str] = Counter()  # kernels in a row, by recipe

    def maker(self, target: Target) -> Maker:
        """The maker of a target's inputs, which begins with this worker's part of the corpus."""
        session, recipe = self.session, target.recipe
        if recipe not in self.makers:
            self.makers[recipe] = Maker(target, f"{session.seed}/{self.number}/{recipe}")
            if session.corpus is not None:
                store = ImageStore(session.corpus, target, session.complain, session.stored.get(recipe, ()))
                self.makers[recipe].resume(store, self.number, session.workers)
        return self.makers[recipe]

    def run(self) -> None:
        """Fuzz one target after the other until the session stops: once at least, so that a boot that fails shows."""
        turn = self.number
        memory = Memory()
        try:
            while True:
                target, until = self.session.targets[turn % len(self.session.targets)], time.monotonic() + TURN
                turn += 1
                while time.monotonic() < until:
                    self.round(target, memory, until)
                    if self.session.stop.is_set():
                        return
        finally:
            memory.close()

    def round(self, target: Target, memory: Memory, until: float) -> None:
        """Fuzz a target on one kernel, until that is lost, damaged or old, or the turn is over."""
        progress, started = self.session.progress[target.recipe], time.monotonic()
        seen = self.session.seen.get(target.recipe)
        feedback = Feedback(seen) if seen is not None else None
        try:
            with boot(target.config, memory, feedback) as kernel:
                progress.boots += 1
                self.last = None
                while kernel.programs < LIFETIME and time.monotonic() < until and not self.session.stop.is_set():
                    if not self.batch(target, kernel, feedback):
                        return
        finally:
            progress.seconds += time.monotonic() - started
            if feedback is not None:
                feedback.close()

    def batch(self, target: Target, kernel: Kernel, feedback: Feedback | None) -> bool:
        """Mount a batch of images; whether the kernel can go on.

        Where the kernel failed before the first of them, by the fault of a thread of its own, the last image of the
        batch before is to blame; nothing is where there was none.
        """
        maker, progress = self.maker(target), self.session.progress[target.recipe]
        size = len(maker.corpus)
        maker.avoided = frozenset(self.session.fatal[target.recipe])
        inputs = maker.batch(BATCH)
        codes = [made.encode() for made, _ in inputs]
        count = fitting(map(len, codes))
        maker.put_back(inputs[count:])
        inputs = inputs[:count]
        first, before = kernel.programs, kernel.memory.head()
        kernel.start(b"".join(codes[:count]), count)
        hangs = self.session.hangs()
        outcome = kernel.finish((lambda stderr: name_of_hang(stderr) in hangs) if hangs else None)
        dead = isinstance(outcome, WorkerExit)
        head = outcome.head if isinstance(outcome, WorkerExit) else kernel.memory.head()
        done = begun(outcome, first)
        maker.put_back(inputs[done:])
        failing = inputs[done - 1] if done else self.last
        self.last = inputs[-1]
        results = kernel.memory.results(before.calls, head.calls - before.calls)
        report: Report | None = None
        if isinstance(outcome, WorkerExit):
            progress.lost += 1
            report = from_exit(outcome, kernel.memory)
            self.count_death(target, outcome, idle=failing is None)
        elif head.alarm and failing is not None:
            name = failing[0].calls[head.alarm_call].call.name if head.alarm_call != BETWEEN else "the unmount"
            report = from_alarm(head, kernel.memory.console(before.console), name, kernel.errors())
        elif outcome < len(inputs):
            progress.busy += 1
        progress.images += done
        if done:
            self.died_before_first_image[target.recipe] = 0
        starts = list(accumulate((len(made.calls) for made, _ in inputs[:done]), initial=0))
        progress.mounted += sum(at < len(results) and results[at] == 0 for at in starts[:done])
        if feedback is not None and done:  # otherwise the log is that of the batch before
            ended = done - (dead or report is not None)  # an input that fails is not mutated further
            reached = feedback.reach(first)
            maker.learn(inputs[:ended], [reach for reach in reached if reach.program < ended])
            for reach in reached:
                if inputs[reach.program][0].candidate.file:
                    progress.edges_of_stored += len(reach.edges)
                else:
                    progress.edges += len(reach.edges)
            progress.corpus += len(maker.corpus) - size
            self.report_functions(target, feedback, [made for made, _ in inputs], first)
        if report is not None and failing is not None:
            made, origin = failing
            maker.blame(origin)
            self.session.add(Failure(target, report, made.input(results[starts[done - 1] :] if done else ())))
        return outcome == len(inputs) and report is None

    def report_functions(self, target: Target, feedback: Feedback, inputs: Sequence[Made], first: int) -> None:
        """Report the functions that inputs, which began with program `first`, were the first to reach."""
        session = self.session
        for number, functions in session.finders[target.recipe].new(feedback):
            made = inputs[number - first]
            program, file = made.input().program, made.candidate.file
            new = NewFunctions(functions, target.recipe, program, file, image=places(made.changes))
            if session.reach is not None:
                session.reach(new)
            else:
                session.first_reached.add(new, session.seconds)

    def count_death(self, target: Target, exited: WorkerExit, *, idle: bool) -> None:
        """Count kernels that die before their first image; raises KernelLost where that happens again and again."""
        deaths = self.died_before_first_image
        deaths[target.recipe] = deaths[target.recipe] + 1 if idle else 0
        if deaths[target.recipe] > MAX_DIED_BEFORE_FIRST_PROGRAM:
            raise KernelLost(
                f"{target.config.liblkl.path} boots with the disk of {target.recipe}, and dies before it has mounted "
                f"an image ({exited.ended.describe()}): a thread of the kernel's own fails, or it has too little "
                "memory; try its suites first, pytest suites/boot suites/disk, or more --mem"
            )


def places(changes: Changes) -> str:
    """The changes of an image, in a line."""
    named = ", ".join(f"{offset:#x}" for offset, _ in changes[:PLACES])
    more = f" and {len(changes) - PLACES:,} more" if len(changes) > PLACES else ""
    return f"changed at {named}{more}" if changes else "unchanged"
