"""Supervises the loops of a session: starts them, takes their messages, replaces those that are lost, stops them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import wait

from lkltest.errors import LkltestError
from lkltest.fuzz import descriptors
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.shmem import Memory
from lkltest.fuzz.functions import NewFunctions
from lkltest.fuzz.loop_process import LoopProcess
from lkltest.fuzz.messages import Ended, Failed, Failures, FromLoop, Known, Met, Progress, Stop, Task
from lkltest.fuzz.repro.repro import Crash
from lkltest.fuzz.session_process import SharedTask
from lkltest.host.closing import Closing

TELL_EVERY = 0.1  # seconds between two looks at what the loops should know
MAX_LOST_BEFORE_FIRST_PROGRAM = 3  # processes in a row


class Supervisor(Closing):
    """The loops of a session. `run` is a thread's, all else is for any thread."""

    def __init__(
        self, task: Task, failures: Failures, *, seed: int | str, workers: int, seen: SeenEdges | None,
        stop: threading.Event, reach: Callable[[NewFunctions], None],
    ) -> None:
        """Edges are counted where there is a map of seen edges, which all loops share; `reach` takes new functions.

        Raises UsageError where the limit of open files is too low for the workers.
        """
        descriptors.allow(workers)
        self.task = task
        self.failures = failures
        self.seed = seed
        self.seen = seen
        self.stop = stop
        self.reach = reach
        self.shared = SharedTask(task)
        self.memories = [Memory() for _ in range(workers)]  # by the number of the loop
        self.loops: dict[int, LoopProcess] = {}  # by their numbers
        self.lock = threading.Lock()  # of the loops, their memories, and those that are gone:
        self.gone = Progress()
        self.gone_counts: Counter[tuple[int, int]] = Counter()
        self.lost: list[str] = []  # a sentence for each process that was lost
        self.lost_before_first_program = 0  # in a row
        self.error: LkltestError | None = None
        self.known = Known()
        self.told = 0.0

    def run(self) -> None:
        """Keep the loops going until `stop` is set; raises the first exception of a loop."""
        try:
            for number in range(len(self.memories)):
                self._start(number, f"{self.seed}/{number}")
            while running := [loop for loop in self.loops.values() if not loop.ended]:
                ready = wait([loop.connection for loop in running], TELL_EVERY)
                for loop in running:
                    if loop.connection in ready:
                        self._take(loop, loop.receive())
                if time.monotonic() > self.told + TELL_EVERY:
                    self._tell()
        finally:
            for loop in self.loops.values():
                loop.close()
        if self.error is not None:
            raise self.error

    def _start(self, number: int, seed: str) -> None:
        loop = LoopProcess(self.shared, self.memories[number], self.seen, seed)
        loop.send(self.known)
        with self.lock:
            self.loops[number] = loop

    def _take(self, loop: LoopProcess, message: FromLoop | None) -> None:
        """Take a message of a loop; None where its process is gone."""
        match message:
            case Progress():
                loop.progress = message
            case Met():
                self.failures.meet(message.name)
            case Crash():
                self.failures.add(message)
            case NewFunctions():
                self.reach(message)
            case Failed():
                self.error = self.error or message.error
                self.stop.set()  # the other loops still report what they have
            case Ended():
                loop.ended = True
            case None:
                self._replace(loop)

    def _tell(self) -> None:
        """Tell all loops what is new."""
        self.told = time.monotonic()
        known = self.failures.known()
        for loop in self.loops.values():
            if self.stop.is_set() and not loop.stopped:
                loop.stopped = True
                loop.send(Stop())
            elif known != self.known:
                loop.send(known)
        self.known = known

    def _replace(self, loop: LoopProcess) -> None:
        """Start a new loop in the place of one whose process is gone; all that was reported counts."""
        number = next(number for number, other in self.loops.items() if other is loop)
        how = loop.collect()
        loop.close()
        loop.ended = True
        programs = loop.progress.programs
        self.lost.append(f"the process of worker {number} was lost ({how}) after {programs:,} programs")
        self.lost_before_first_program = 0 if programs else self.lost_before_first_program + 1
        if self.lost_before_first_program > MAX_LOST_BEFORE_FIRST_PROGRAM:
            raise LkltestError(
                f"processes of workers end again and again before they have run a program, the last one: {how}; "
                "the host may be short of memory: take fewer --workers"
            )
        with self.lock:
            self.gone.add(loop.progress)
            loop.progress = Progress()
            self.gone_counts.update(counts(self.memories[number]))
            self.memories[number].close()
            self.memories[number] = Memory()  # the lost one's kernel may still write to the old one
        if not self.stop.is_set():
            self._start(number, f"{self.seed}/{number}/{len(self.lost)}")

    def progress(self) -> list[Progress]:
        """The progress of each loop, and that of all that are gone."""
        with self.lock:
            return [self.gone, *(loop.progress for loop in self.loops.values())]

    def counts(self) -> Counter[tuple[int, int]]:
        """Counts of how calls ended, by the call's number and the bucket (0 for success, else the errno)."""
        with self.lock:
            total = Counter(self.gone_counts)
            for memory in self.memories:
                total.update(counts(memory))
            return total

    def close(self) -> None:
        """End what still runs, and free the shared memory."""
        for loop in self.loops.values():
            loop.close()
        for memory in self.memories:
            memory.close()
        self.shared.close()


def counts(memory: Memory) -> dict[tuple[int, int], int]:
    """The counts of one memory."""
    return {(number, bucket): count for number, bucket, count in memory.counts()}
