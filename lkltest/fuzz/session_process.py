"""A process of a session, seen from both of its ends: of a loop, or of the disk images.

The session starts a `SessionProcess`, which runs the `main` of a module in a fresh interpreter; that calls `serve`.
Both talk through a socket, with the framing of `multiprocessing.connection` and nothing else of multiprocessing: the
process is a `host.process.Child`, which ends with the session, however that ends, and which no Ctrl-C at the terminal
reaches.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

from lkltest.fuzz.messages import Ended, Failed, InternalError, Stop
from lkltest.host import process
from lkltest.host.closing import Closing

COLLECT = (50_000, 20, 100)  # for the garbage collector: histories are large, and without cycles
MOST_STDERR = 2000  # bytes of a lost process's standard error that are shown

Task = TypeVar("Task")
ToProcess = TypeVar("ToProcess")
FromProcess = TypeVar("FromProcess")


class SharedTask(Closing, Generic[Task]):
    """A task in memory that processes of a session read."""

    def __init__(self, task: Task) -> None:
        self.fd = os.memfd_create("lkltest-task")
        with os.fdopen(os.dup(self.fd), "wb") as file:
            pickle.dump(task, file)

    @staticmethod
    def read(fd: str) -> Task:
        """Read the task in a process that was given its descriptor."""
        task: Task = pickle.loads(Path(f"/proc/self/fd/{fd}").read_bytes())
        return task

    def close(self) -> None:
        """Free the memory."""
        os.close(self.fd)


class SessionProcess(Closing, Generic[ToProcess, FromProcess]):
    """A running process, as its session has it."""

    def __init__(self, module: str, task: SharedTask[Task], *arguments: str, fds: Sequence[int] = ()) -> None:
        """Call `main` of a module with the descriptors of the connection and of the task, and then the arguments.

        The descriptors `fds` stay open in the process.
        """
        self.ended = False  # whether it has sent its last message, or is lost
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by close()
        self.connection, other = Pipe()
        try:
            self.child = process.Child(
                process.python(module, str(other.fileno()), str(task.fd), *arguments),
                stdout=process.NOTHING, stderr=self.stderr, pass_fds=[other.fileno(), task.fd, *fds],
                die_with_parent=True,
            )  # fmt: skip
        finally:
            other.close()

    def send(self, message: ToProcess) -> None:
        """Send a message, which nobody reads where the process is gone. It never waits: the other end always reads."""
        try:
            self.connection.send(message)
        except OSError:
            return

    def receive(self) -> FromProcess | None:
        """The next message; None where the process is gone."""
        try:
            message: FromProcess = self.connection.recv()
        except (EOFError, OSError):
            return None
        return message

    def collect(self) -> str:
        """Describe the end of a process that is gone: how it ended, and the last line that it wrote."""
        self.child.wait(5.0)
        self.child.kill()
        size = os.fstat(self.stderr.fileno()).st_size
        last = os.pread(self.stderr.fileno(), MOST_STDERR, max(0, size - MOST_STDERR))
        written = last.decode(errors="replace").strip()
        return self.child.ended().describe() + (f": {written.splitlines()[-1]}" if written else "")

    def close(self) -> None:
        """End the process."""
        self.child.close()
        self.connection.close()
        self.stderr.close()


class SessionLink(Generic[ToProcess, FromProcess]):
    """The connection of a process to its session. Any thread may send."""

    def __init__(self, fd: str) -> None:
        """`fd` is the descriptor of the connection."""
        self.connection = Connection(int(fd))
        self.sending = threading.Lock()
        self.stopped = False

    def send(self, message: FromProcess | Failed | Ended) -> None:
        """Send a message; a session that is gone stops the process."""
        try:
            with self.sending:
                self.connection.send(message)
        except OSError:
            self.stop()

    def read(self) -> None:
        """Take messages until the session is gone, which stops the process."""
        while True:
            try:
                message: ToProcess | Stop = self.connection.recv()
            except (EOFError, OSError):
                self.gone()
                return
            if isinstance(message, Stop):
                self.stop()
            else:
                self.take(message)

    def take(self, message: ToProcess) -> None:
        """Take a message."""

    def stop(self) -> None:
        """Stop the work."""
        self.stopped = True

    def gone(self) -> None:
        """End the work of a process whose session is gone."""
        self.stop()

    def serve(self, work: Callable[[], None]) -> NoReturn:
        """Work, and then end the process; the session is sent an exception, and the end.

        A thread reads, so that the session never waits for a process that is busy or that sends.
        """
        gc.set_threshold(*COLLECT)
        threading.Thread(target=self.read, daemon=True).start()
        try:
            work()
        except Exception as error:
            self.send(Failed(InternalError.of(error)))
        self.send(Ended())
        sys.exit(0)
