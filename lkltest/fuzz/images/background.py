"""Disk images that a guided session mutates beside its programs: the same search for new edges, on file systems.

A process of its own makes and mounts them (`background_process.py`), so that the session has no more to do than to take
its messages. Its kernels run at a lower priority than the loops that make system calls: on busy processors, each worker
has a third of what a loop has. They share the map of seen edges with the loops, so that all edges count once.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path

from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.functions import NewFunctions
from lkltest.fuzz.images import target
from lkltest.fuzz.images.messages import FromImages, Hurry, ImagesProgress, ImagesTask, ToImages
from lkltest.fuzz.messages import Ended, Failed, Stop
from lkltest.fuzz.session_process import SessionProcess, SharedTask
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

LOOPS = 4  # loops for each worker with images
MOST = 4  # workers with images: threads of one process
DIRECTORY = "disk-images"  # of the findings, which may have the names of findings without images
MODULE = "lkltest.fuzz.images.background_process"  # a session does not import it: it would be large for nothing
TELL_EVERY = 0.1  # seconds between two looks at what the process should know


class Background:
    """Fuzzes the images of some recipes, as long as the kernel knows their file systems."""

    def __init__(
        self, names: Sequence[str], liblkl: Liblkl, settings: Settings, output: Path, *, seed: int, loops: int,
        seen: SeenEdges, reproduce_seconds: float | None, reach: Callable[[NewFunctions], None],
        corpus: Path | None = None, env: Mapping[str, str] | None = None,
    ) -> None:
        """`loops` is the number of the loops beside it, `reach` takes new functions, `corpus` is the directory of both.

        `env` is added to the environment of the kernels, such as the directory for what they reach (`--cov`).
        The findings are written into `DIRECTORY` of `output`.
        """
        self.recipes = [one.name for one in target.recipes(names) if target.known(one, liblkl)]
        self.settings = settings
        self.output = output / DIRECTORY
        self.seed = seed
        self.workers = min(MOST, max(1, loops // LOOPS))
        self.seen = seen
        self.reach = reach
        self.reproduce_seconds = reproduce_seconds
        self.corpus = corpus
        self.env = dict(env or {})
        self.state = ImagesProgress()  # the last that the process has sent
        self.process: SessionProcess[ToImages, FromImages] | None = None
        self.stop = threading.Event()  # ends the fuzzing
        self.hurry = threading.Event()  # ends the reproduction of what was found
        self.complaint = ""  # the reason why there are no images, or no more

    def run(self, seconds: float) -> None:
        """Fuzz for some seconds, or until `stop` is set, and reproduce what was found.

        Where there can be no images, the session goes on without them, and `complaint` says so. Raises the exception
        that ended the process, such as the UsageError of a finding that cannot be written.
        """
        if not self.recipes:
            self.complaint = "no disk images are fuzzed: the kernel's configuration names none of their file systems"
            return
        task = ImagesTask(
            tuple(self.recipes), self.settings, self.output, self.corpus, self.seed, self.workers, seconds,
            self.reproduce_seconds, self.env,
        )  # fmt: skip
        with SharedTask(task) as shared, self._start(shared) as self.process:
            sent: set[ToImages] = set()
            while not self.process.ended:
                for event, message in ((self.stop, Stop()), (self.hurry, Hurry())):
                    if event.is_set() and message not in sent:
                        sent.add(message)
                        self.process.send(message)
                if wait([self.process.connection], TELL_EVERY):
                    self._take(self.process, self.process.receive())

    def _start(self, task: SharedTask[ImagesTask]) -> SessionProcess[ToImages, FromImages]:
        return SessionProcess(MODULE, task, str(self.seen.fd), fds=[self.seen.fd])

    def _take(self, process: SessionProcess[ToImages, FromImages], message: FromImages | None) -> None:
        """Take a message of the process; None where it is gone."""
        match message:
            case ImagesProgress():
                self.state = message
                self.complaint = message.complaint
            case NewFunctions():
                self.reach(message)
            case Failed():
                raise message.error
            case Ended():
                process.ended = True
            case None:
                process.ended = True
                waiting = f", and {self.waiting} failures that were not reproduced yet with it" if self.waiting else ""
                self.complaint = (
                    f"{'no more' if self.images else 'no'} disk images are fuzzed: their process was lost "
                    f"({process.collect()}){waiting}"
                )
                self.state = replace(self.state, waiting=0)

    @property
    def findings(self) -> Mapping[str, Finding]:
        """The findings so far, by their places under the session's output."""
        places = {f"{DIRECTORY}/{name}": finding for name, finding in self.state.findings.items()}
        return {place: replace(finding, name=place) for place, finding in places.items()}

    @property
    def waiting(self) -> int:
        """The number of failures that wait to be reproduced, or are just now."""
        return self.state.waiting

    @property
    def left_out(self) -> Sequence[str]:
        """A sentence for each file of the corpus, or group of recipes, that is left out."""
        return self.state.left_out

    @property
    def edges(self) -> Counter[str]:
        """The edges that no program and no other image had reached, by recipe."""
        return Counter(self.state.edges)

    @property
    def images(self) -> int:
        """The images that were mounted, or refused."""
        return self.state.images
