"""A fuzzing loop in a process of its own, seen from both of its ends.

The session starts a `LoopProcess`, which runs `main` in a fresh interpreter. Both talk through a socket, with the
framing of `multiprocessing.connection` and nothing else of multiprocessing: the process is a `host.process.Child`,
which ends with the session, however that ends, and which no Ctrl-C at the terminal reaches. The kernel's shared memory
is the session's, so that the counts of calls are there without a message, and outlive the process.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import tempfile
import threading
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.shmem import Memory
from lkltest.fuzz.loop import FuzzLoop
from lkltest.fuzz.messages import Ended, Failed, FromLoop, InternalError, Known, Progress, Stop, Task, ToLoop
from lkltest.host import process
from lkltest.host.closing import Closing

COLLECT = (50_000, 20, 100)  # for the garbage collector: histories are large, and without cycles
LAST_WORDS = 2000  # bytes of a lost process's standard error that are shown


class SharedTask(Closing):
    """A task in memory that all loops of a session read."""

    def __init__(self, task: Task) -> None:
        self.fd = os.memfd_create("lkltest-task")
        with os.fdopen(os.dup(self.fd), "wb") as file:
            pickle.dump(task, file)

    def close(self) -> None:
        """Free the memory."""
        os.close(self.fd)


class LoopProcess(Closing):
    """A running loop, as its session has it."""

    def __init__(self, task: SharedTask, memory: Memory, seen: SeenEdges | None, seed: str) -> None:
        self.progress = Progress()  # the last that it sent
        self.stopped = False  # whether it was sent Stop
        self.ended = False  # whether it has sent its last message, or is lost
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by close()
        self.connection, other = Pipe()
        try:
            fds = [other.fileno(), memory.fd, task.fd, *([] if seen is None else [seen.fd])]
            self.child = process.Child(
                process.python("lkltest.fuzz.loop_process", seed, *map(str, fds)),
                stdout=process.NOTHING, stderr=self.stderr, pass_fds=fds, die_with_parent=True,
            )  # fmt: skip
        finally:
            other.close()

    def send(self, message: ToLoop) -> None:
        """Send a message, which nobody reads where the process is gone. It never waits: the other end always reads."""
        try:
            self.connection.send(message)
        except OSError:
            return

    def receive(self) -> FromLoop | None:
        """The next message; None where the process is gone."""
        try:
            message: FromLoop = self.connection.recv()
        except (EOFError, OSError):
            return None
        return message

    def collect(self) -> str:
        """Describe the end of a process that is gone: how it ended, and the last line that it wrote."""
        self.child.wait(5.0)
        self.child.kill()
        size = os.fstat(self.stderr.fileno()).st_size
        written = os.pread(self.stderr.fileno(), LAST_WORDS, max(0, size - LAST_WORDS)).decode(errors="replace").strip()
        return self.child.ended().describe() + (f": {written.splitlines()[-1]}" if written else "")

    def close(self) -> None:
        """End the process."""
        self.child.close()
        self.connection.close()
        self.stderr.close()


class SessionLink:
    """The connection of a loop to its session."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.known = Known()
        self.stopped = False

    def send(self, message: FromLoop) -> None:
        """Send a message; a session that is gone stops the loop."""
        try:
            self.connection.send(message)
        except OSError:
            self.stopped = True

    def read(self) -> None:
        """Take messages until the session is gone, which stops the loop."""
        while not self.stopped:
            try:
                message: ToLoop = self.connection.recv()
            except (EOFError, OSError):
                message = Stop()
            if isinstance(message, Known):
                self.known = message
            else:
                self.stopped = True


def main(seed: str, connection: str, memory: str, task: str, seen: str | None = None) -> None:
    """Run a loop until its session stops it; the arguments are descriptors, but for the seed."""
    gc.set_threshold(*COLLECT)
    link = SessionLink(Connection(int(connection)))
    # A thread reads, so that the session never waits for a loop that is busy or that sends.
    threading.Thread(target=link.read, daemon=True).start()
    try:
        data = Path(f"/proc/self/fd/{task}").read_bytes()
        edges = None if seen is None else SeenEdges(int(seen))
        with FuzzLoop(pickle.loads(data), seed, Memory(int(memory)), link, edges) as loop:
            loop.run()
    except Exception as error:
        link.send(Failed(InternalError.of(error)))
    link.send(Ended())
    sys.exit(0)
