"""The time of a process that stands still while the process waits for a processor."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

MOST = 15  # a process's own time is at least the time that passed divided by this: no wait is for ever
LOOK = 0.3  # seconds that count at most between two looks: after more, the observer had no processor either


@dataclass(frozen=True)
class Task:
    """The scheduler's figures of a thread."""

    ran: int  # nanoseconds on a processor; 0 also where the host does not count them
    waited: int  # nanoseconds of waits for a processor that are over
    ready: bool  # it runs, or waits for a processor


class CpuClock:
    """Counts the seconds in which no thread of a process had to wait for a processor."""

    def __init__(self, pid: int, tasks: Path | None = None) -> None:
        """Begin at zero; `tasks` is the directory of the process's threads in /proc."""
        self.directory = tasks or Path(f"/proc/{pid}/task")
        self.own = 0.0
        self.began = self.looked = time.monotonic()
        self.tasks = self._tasks()

    def seconds(self) -> float:
        """The seconds since the start. Call it often: between two calls, the clock only knows sums."""
        now, tasks = time.monotonic(), self._tasks()
        passed = now - self.looked
        # The thread that waited most is taken for the one that is in a call.
        worst = max((_waited(self.tasks[name], task, passed) for name, task in tasks.items() if name in self.tasks),
                    default=0.0)
        self.own += min(max(0.0, passed - worst), LOOK)
        self.looked, self.tasks = now, tasks
        return max(self.own, (now - self.began) / MOST)

    def _tasks(self) -> dict[str, Task]:
        """The process's threads; none where the host does not show them."""
        found = {}
        with contextlib.suppress(OSError):
            for thread in self.directory.iterdir():
                with contextlib.suppress(OSError, IndexError, ValueError):  # it has ended
                    ran, waited = map(int, (thread / "schedstat").read_text(encoding="utf-8").split()[:2])
                    stat = (thread / "stat").read_bytes()  # the name of a thread is any bytes
                    state = stat.rpartition(b")")[2].split()[0].decode()
                    found[thread.name] = Task(ran, waited, state == "R")
        return found


def _waited(before: Task, after: Task, passed: float) -> float:
    """The seconds that a thread waited of those that passed. The host counts a wait only when it is over."""
    if before.ready and after.ready and after.ran == before.ran != 0:
        return passed
    return (after.waited - before.waited) / 1e9
