"""A fuzzing loop in a process of its own, seen from both of its ends.

The kernel's shared memory is the session's, so that the counts of calls are there without a message, and outlive the
process. `session_process.py` has what other processes of a session have, too.
"""

from __future__ import annotations

from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.shmem import Memory
from lkltest.fuzz.loop import FuzzLoop
from lkltest.fuzz.messages import FromLoop, Known, Progress, Task, ToLoop
from lkltest.fuzz.session_process import SessionLink, SessionProcess, SharedTask


class LoopProcess(SessionProcess[ToLoop, FromLoop]):
    """A running loop, as its session has it."""

    def __init__(self, task: SharedTask[Task], memory: Memory, seen: SeenEdges | None, seed: str) -> None:
        self.progress = Progress()  # the last that it sent
        self.stopped = False  # whether it was sent Stop
        fds = [memory.fd, *([] if seen is None else [seen.fd])]
        super().__init__("lkltest.fuzz.loop_process", task, seed, *map(str, fds), fds=fds)


class LoopLink(SessionLink[Known, FromLoop]):
    """The connection of a loop to its session."""

    def __init__(self, fd: str) -> None:
        super().__init__(fd)
        self.known = Known()

    def take(self, message: Known) -> None:
        """Take all that the session knows of the failures."""
        self.known = message


def main(connection: str, task: str, seed: str, memory: str, seen: str | None = None) -> None:
    """Run a loop until its session stops it; the arguments are descriptors, but for the seed."""
    link = LoopLink(connection)

    def work() -> None:
        edges = None if seen is None else SeenEdges(int(seen))
        with FuzzLoop(SharedTask[Task].read(task), seed, Memory(int(memory)), link, edges) as loop:
            loop.run()

    link.serve(work)
