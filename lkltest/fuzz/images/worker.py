"""A worker of a session that fuzzes disk images: it mounts mutated images, and reports what fails.

It takes the targets in turn, each for `TURN` seconds, so that each file system gets its share however often its kernels
are lost; a kernel is replaced after `LIFETIME` images, because it remembers images by their UUIDs. On an instrumented
kernel, inputs that reach new edges are kept, and mutated further (`maker.py`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from lkltest.errors import KernelLost
from lkltest.fuzz.exec.feedback import Feedback
from lkltest.fuzz.exec.kernel import Kernel, WorkerExit, boot
from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.exec.shmem import Memory, fitting
from lkltest.fuzz.functions import NewFunctions
from lkltest.fuzz.images.inputs import Changes, Made
from lkltest.fuzz.images.maker import Maker, Origin
from lkltest.fuzz.images.state import Failure, SessionState
from lkltest.fuzz.images.store import ImageStore
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.loop import MAX_DIED_BEFORE_FIRST_PROGRAM, begun
from lkltest.fuzz.repro.report import Report, from_alarm, from_exit, name_of_hang

BATCH = 16  # images in one message
TURN = 15.0  # seconds of a worker with one target
LIFETIME = 800  # images that one kernel mounts
PLACES = 8  # of an image that are named


class Worker:
    """One worker: it keeps a kernel busy with images of one target after the other."""

    def __init__(self, session: SessionState, number: int) -> None:
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
