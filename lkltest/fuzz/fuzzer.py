"""A fuzzing session: loops in processes of their own, what they report, and the failures that are reproduced."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lkltest.coverage.collect import is_instrumented
from lkltest.errors import LkltestError
from lkltest.fuzz.campaign import Campaign, connect
from lkltest.fuzz.crash_queue import CrashQueue
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.functions import FirstReached, FunctionTable, NewFunctions
from lkltest.fuzz.gen import store
from lkltest.fuzz.images.background import Background
from lkltest.fuzz.images.store import SUFFIX as IMAGES
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.member import Order, identity
from lkltest.fuzz.messages import InternalError, Loops, Progress, Task, total
from lkltest.fuzz.repro.repro import MINIMIZE_SECONDS
from lkltest.fuzz.supervisor import Supervisor
from lkltest.settings import Settings

GRACE, LEAST_GRACE = 0.2, 15.0  # part of the time, seconds: how long failures are reproduced after the end
HURRY = 2 / 3  # of that time until the searches end: they still rate and write down what they have
EXAMINERS = 0.25  # threads that reproduce failures while the loops run, for each loop; one at least
REMOTE = 16  # threads that wait for failures which members of a campaign reproduce
LOG = "error.log"


class Sample(NamedTuple):
    """The progress of a session at one time."""

    seconds: float
    programs: int
    calls: int
    findings: int
    edges: int
    corpus: int


class Fuzzer:
    """Fuzzes one kernel with several loops.

    A thread of this process listens to the loops, and some threads reproduce failures: the main thread only waits,
    because Ctrl-C interrupts it at any place.
    """

    def __init__(
        self, config: KernelConfig, description: Description, settings: Settings, output: Path, *,
        seed: int, workers: int, scenarios: tuple[str, ...] = (), minimize_seconds: float = MINIMIZE_SECONDS,
        reproduce_seconds: float | None = None, guided: bool = True, corpus: Path | None = None,
        scheduler: str | None = None, images: Sequence[str] = (),
    ) -> None:
        """Count edges where the kernel is instrumented, and let them guide the fuzzer if it is `guided`.

        `corpus` is the directory of its corpus; without one, the corpus goes with the session. A guided fuzzer mutates
        the disk images of these recipes, too (`images/background.py`), where its loops run on this machine. Failures
        are still reproduced for `reproduce_seconds` after the end (None: a part of the time); with 0, they are not
        reproduced at all, and only written down. With a Dask `scheduler` the loops run on its workers, `workers` on
        each (0: one for each of its threads), which reproduce the failures, too.
        """
        client = connect(scheduler) if scheduler is not None else None  # before anything is there to be freed
        self.reproduce_seconds = reproduce_seconds
        self.config = config
        self.description = description
        self.output = output
        self.seed = seed
        self.workers = workers or len(os.sched_getaffinity(0))
        self.crash_queue = CrashQueue(
            description, settings, output, seed=seed, minimize_seconds=minimize_seconds, at_once=self.workers
        )
        self.stop = threading.Event()  # ends the fuzzing; the last failures are still reproduced
        self.seen = SeenEdges() if is_instrumented(config.liblkl) else None
        self.scratch: tempfile.TemporaryDirectory[str] | None = None  # with a corpus that goes with the session
        self.corpus = corpus if guided and self.seen is not None else None
        if guided and self.seen is not None and corpus is None:
            output.mkdir(parents=True, exist_ok=True)
            self.scratch = tempfile.TemporaryDirectory(prefix="corpus-", dir=output)  # SIGKILL leaves it there
            self.corpus = Path(self.scratch.name)
        self.functions = FunctionTable.of(config.liblkl)
        stored = store.names(self.corpus) if self.corpus is not None else []
        images_stored = store.names(self.corpus, IMAGES) if self.corpus is not None else []
        self.stored = len(stored)  # programs that were in the corpus before
        self.first_reached = FirstReached({*stored, *images_stored})
        self.loops: Loops
        if client is None:
            self.loops = Supervisor(
                Task(config, description, scenarios, self.corpus, self.functions), self.crash_queue,
                seed=seed, workers=self.workers, seen=self.seen, stop=self.stop, reach=self.reach,
            )  # fmt: skip
        else:
            kernel = identity(config.liblkl, description)
            campaign = Campaign(
                client, Order(uuid.uuid4().hex, settings, kernel, scenarios, seed, guided), self.crash_queue,
                config=config, workers=workers, corpus=self.corpus, seen=self.seen, stop=self.stop, reach=self.reach,
            )  # fmt: skip
            self.loops, self.crash_queue.elsewhere = campaign, campaign.reproduce
        self.images: Background | None = None
        if images and self.corpus is not None and self.seen is not None and client is None:
            self.images = Background(
                images, config.liblkl, settings, output, seed=seed, loops=self.workers, seen=self.seen,
                reproduce_seconds=reproduce_seconds, reach=self.reach, corpus=self.corpus, env=config.env,
            )  # fmt: skip
        self.samples: list[Sample] = []
        self.error: LkltestError | None = None
        self.started = time.monotonic()
        self.ended = 0.0

    def reach(self, functions: NewFunctions) -> None:
        """Take functions that a loop has reached first."""
        self.first_reached.add(functions, self.seconds)

    @property
    def findings(self) -> Mapping[str, Finding]:
        """The findings so far, by their places under the output."""
        found = self.crash_queue.findings
        return found if self.images is None else {**found, **self.images.findings}

    @property
    def waiting(self) -> int:
        """The number of failures that wait to be reproduced, or are just now."""
        return len(self.crash_queue.pending) + (self.images.waiting if self.images is not None else 0)

    @property
    def progress(self) -> Progress:
        """The progress of all loops, as they have reported it."""
        return total(self.loops.progress())

    def run(self, seconds: float, tick: Callable[[], None], *, programs: int = 0, every: float = 0.5) -> None:
        """Fuzz for some seconds, or until `programs` have run; `tick` is called after every `every` seconds.

        Then the last failures are reproduced; an exception of `tick` or Ctrl-C ends that early. A failure that there is
        no time to reproduce is a finding with its history. Raises the first exception of a loop or a thread.
        """
        supervisor = self._thread(self.loops.run)
        remote = self.crash_queue.elsewhere is not None
        examiners = [self._thread(self.crash_queue.work) for _ in range(REMOTE if remote else self.workers)]
        at_once = REMOTE if remote else max(1, int(self.workers * EXAMINERS))
        grace = max(LEAST_GRACE, seconds * GRACE) if self.reproduce_seconds is None else self.reproduce_seconds
        images = [self._thread(partial(self.images.run, seconds))] if self.images is not None else []
        if not grace:
            self._hurry()
        self.started = time.monotonic()
        try:
            for thread in (supervisor, *images, *examiners[:at_once]):
                thread.start()
            while supervisor.is_alive():
                self._wait(min(every, max(0.05, seconds - self.seconds)), tick)
                if self.seconds >= seconds or (programs and self.progress.programs >= programs):
                    self.stop.set()
            self.ended = time.monotonic()
            if self.images is not None:
                self.images.stop.set()
            for thread in examiners[at_once:]:  # the processors are free now
                thread.start()
            for _ in examiners:
                self.crash_queue.close()
            while any(thread.is_alive() for thread in (*images, *examiners)):
                self._wait(every, tick)
                if time.monotonic() > self.ended + grace * HURRY:
                    self._hurry()
        except BaseException:
            self._hurry()
            raise
        finally:
            self.stop.set()
            if self.images is not None:
                self.images.stop.set()
            self._join([supervisor])
            self.ended = self.ended or time.monotonic()
            for _ in examiners:
                self.crash_queue.close()
            self._join([*images, *examiners])
            self.crash_queue.write_counts()
        if self.error is not None:
            raise self.error

    def _thread(self, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                self._fail(InternalError.of(error))

        return threading.Thread(target=guarded, daemon=True)

    def _fail(self, error: LkltestError) -> None:
        """End the run by an error; the first one counts, because others may be its consequences."""
        if isinstance(error, InternalError):
            place = self.output / LOG
            with contextlib.suppress(OSError):
                place.write_text(error.traceback, encoding="utf-8", errors="backslashreplace")
            error = LkltestError(f"{error}; this is a fault of lkltest: please report it with {place}")
        self.error = self.error or error
        self.stop.set()
        self._hurry()

    def _hurry(self) -> None:
        """End every search of a reproduction with what it has found."""
        self.crash_queue.hurry.set()
        if self.images is not None:
            self.images.hurry.set()

    def _join(self, threads: Sequence[threading.Thread]) -> None:
        for thread in threads:
            if thread.ident is not None:  # it was started
                thread.join()

    def _wait(self, seconds: float, tick: Callable[[], None]) -> None:
        time.sleep(seconds)
        p = self.progress
        size = self.corpus_size
        self.samples.append(Sample(self.seconds, p.programs, p.calls, len(self.findings), self.edges, size))
        tick()

    def close(self) -> None:
        """End what still runs, and free the shared memory."""
        self.loops.close()
        if self.seen is not None:
            self.seen.close()
        if self.scratch is not None:
            self.scratch.cleanup()

    @property
    def seconds(self) -> float:
        """The duration of the fuzzing so far."""
        return (self.ended or time.monotonic()) - self.started

    @property
    def edges(self) -> int:
        """The edges that were reached so far; 0 on a kernel that is not instrumented."""
        return len(self.seen) if self.seen is not None else 0

    @property
    def corpus_size(self) -> int:
        """The programs of the corpus: those that were there, and those that were added."""
        return self.stored + self.progress.corpus

    @property
    def lost(self) -> Sequence[str]:
        """A sentence for each process of a worker that was lost, and replaced."""
        return self.loops.lost

    @property
    def complaints(self) -> Sequence[str]:
        """Sentences for the user: lost processes, files that are left out, and the reason why there are no images."""
        if self.images is None:
            return self.lost
        return [*self.lost, *self.images.left_out, *([self.images.complaint] if self.images.complaint else [])]

    def counts(self) -> Counter[tuple[int, int]]:
        """Counts of how calls ended, by the call's number and the bucket (0 for success, else the errno)."""
        return self.loops.counts()
