"""A process's own time, which stands still while the machine has no processor for it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

MOST = 15  # how many times longer than its own a stretch of time may be: so is none for ever
LOOK = 0.3  # seconds: where more passed since the last look, whoever looks had no processor either


@dataclass(frozen=True)
class Task:
    """What the host tells of a thread."""

    ran: int  # nanoseconds on a processor; 0 also where the host does not count them
    waited: int  # nanoseconds for one, until it got it
    ready: bool  # it runs, or waits


class CpuClock:
    """Counts the seconds in which no thread of a process had to wait for a processor."""

    def __init__(self, pid: int, tasks: Path | None = None) -> None:
        """Begin at zero; `tasks` is where the host tells of the process's threads."""
        self.directory = tasks or Path(f"/proc/{pid}/task")
        self.own = 0.0
        self.began = self.looked = time.monotonic()
        self.tasks = self._tasks()

    def seconds(self) -> float:
        """Since the start; look often, for what happened in between is spread over all of it."""
        now, tasks = time.monotonic(), self._tasks()
        passed = now - self.looked
        # The thread that waited most is the one that is in a call; the others only look on.
        worst = max((_waited(self.tasks[name], task, passed) for name, task in tasks.items() if name in self.tasks),
                    default=0.0)
        self.own += min(max(0.0, passed - worst), LOOK)
        self.looked, self.tasks = now, tasks
        return max(self.own, (now - self.began) / MOST)

    def _tasks(self) -> dict[str, Task]:
        """The process's threads; none where the host does not tell."""
        found = {}
        with contextlib.suppress(OSError):
            for thread in self.directory.iterdir():
                with contextlib.suppress(OSError, IndexError, ValueError):  # it has ended
                    ran, waited = map(int, (thread / "schedstat").read_text().split()[:2])
                    state = (thread / "stat").read_text().rpartition(")")[2].split()[0]
                    found[thread.name] = Task(ran, waited, state == "R")
        return found


def _waited(before: Task, after: Task, passed: float) -> float:
    """The seconds of those that passed in which a thread waited; the host counts a wait only when it is over."""
    if before.ready and after.ready and after.ran == before.ran != 0:
        return passed
    return (after.waited - before.waited) / 1e9
