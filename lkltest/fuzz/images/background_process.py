"""The process that mutates the disk images of a guided session: it makes, mounts and judges them, and writes findings.

Its workers are threads, whose kernels have a lower priority than those of the loops. Making the images takes seconds,
in which the loops are at work already; each is mounted as soon as it is made.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from lkltest.errors import KernelLost, LkltestError
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.images import target
from lkltest.fuzz.images.messages import FromImages, Hurry, ImagesProgress, ImagesTask
from lkltest.fuzz.images.session import Session
from lkltest.fuzz.images.store import STORED
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.session_process import SessionLink, SharedTask

NICE = 5  # of the kernels that mount images


class ImagesLink(SessionLink[Hurry, FromImages]):
    """The connection of the process to its session."""

    def __init__(self, fd: str) -> None:
        super().__init__(fd)
        self.stopping = threading.Event()  # ends the fuzzing
        self.hurry = threading.Event()  # ends the reproduction of what was found

    def stop(self) -> None:
        """End the fuzzing."""
        self.stopping.set()

    def take(self, _: Hurry) -> None:
        """End the reproduction."""
        self.hurry.set()

    def gone(self) -> None:
        """End both."""
        self.stop()
        self.hurry.set()


class ImagesWork:
    """The work of the process."""

    def __init__(self, task: ImagesTask, seen: SeenEdges, link: ImagesLink) -> None:
        """`seen` is the map of all edges that the session has reached."""
        self.task = task
        self.seen = seen
        self.link = link
        self.session: Session | None = None  # as soon as the first image is made
        self.complaint = ""
        self.left_out: list[str] = []  # files of the corpus, groups of recipes
        self.sent = ImagesProgress()

    def run(self) -> None:
        """Fuzz until the time is over or the session stops, and reproduce what was found.

        A host that lacks a program has no images of the file systems that it makes. One that can make none, or a kernel
        that takes no disk, is no error either: the session goes on without images. The state says so. Raises UsageError
        where a finding cannot be written.
        """
        try:
            self._run()
        finally:
            self.send()

    def _run(self) -> None:
        try:
            with target.making(
                self.task.recipes, self.task.settings, stop=self.link.stopping, complain=self.left_out.append
            ) as found:
                targets = map(self._configured, found)
                first = next(targets, None)
                if first is None or self.link.stopping.is_set():
                    self.complaint = "no disk images are fuzzed: the session ended before one was mounted"
                else:
                    self._fuzz(first, targets)
        except LkltestError as error:
            if self.session is not None and not isinstance(error, KernelLost):
                raise  # such as that a finding cannot be written
            self.complaint = f"{'no more' if self.state.images else 'no'} disk images are fuzzed: {error}"

    def _configured(self, one: Target) -> Target:
        """The target with the priority and the environment of the kernels of this process."""
        config = one.config
        return replace(one, config=replace(config, nice=NICE, env={**config.env, **self.task.env}))

    def _fuzz(self, first: Target, more: Iterator[Target]) -> None:
        """Fuzz from the first image on, while more are made."""
        task, link = self.task, self.link
        with Session(
            [first], task.settings, task.output, task.seed, task.workers,
            reproduce_seconds=task.reproduce_seconds, shared=self.seen, reach=link.send,
            corpus=task.corpus, more=more, complain=self.left_out.append, stop=link.stopping, hurry=link.hurry,
        ) as session:  # fmt: skip
            self.session = session
            session.run(task.seconds, self.send)

    def send(self) -> None:
        """Send the state, if it is another one than before."""
        state = self.state
        if state != self.sent:
            self.link.send(state)
            self.sent = state

    @property
    def state(self) -> ImagesProgress:
        """The state as it is now."""
        told = ImagesProgress(left_out=tuple(self.left_out), complaint=self.complaint)
        if self.session is None:
            return told
        progress = dict(self.session.progress)
        edges = {name: one.edges for name, one in progress.items() if one.images}
        stored = sum(one.edges_of_stored for one in progress.values())
        return replace(
            told, images=sum(one.images for one in progress.values()),
            edges={**edges, STORED: stored} if stored else edges,
            findings=dict(self.session.findings), waiting=len(self.session.pending),
        )  # fmt: skip


def main(connection: str, task: str, seen: str) -> None:
    """Fuzz images until the session stops it; the arguments are descriptors."""
    link = ImagesLink(connection)
    link.serve(lambda: ImagesWork(SharedTask[ImagesTask].read(task), SeenEdges(int(seen)), link).run())
