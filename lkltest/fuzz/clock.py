"""A process's own time, which stands still while the machine has no processor for it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

MOST = 15  # how many times longer than its own a stretch of time may be: so is none for ever


class Clock:
    """Counts the seconds in which no thread of a process had to wait for a processor."""

    def __init__(self, pid: int, tasks: Path | None = None) -> None:
        """Begin at zero; `tasks` is where the host tells of the process's threads."""
        self.tasks = tasks or Path(f"/proc/{pid}/task")
        self.own = 0.0
        self.began = self.looked = time.monotonic()
        self.waited = self._waited()

    def seconds(self) -> float:
        """Since the start; look often, for what happened in between is spread over all of it."""
        now, waited = time.monotonic(), self._waited()
        # The thread that waited most is the one that is in a call; the others only look on.
        worst = max((waited[thread] - self.waited[thread] for thread in waited.keys() & self.waited), default=0)
        self.own += max(0.0, now - self.looked - worst / 1e9)
        self.looked, self.waited = now, waited
        return max(self.own, (now - self.began) / MOST)

    def _waited(self) -> dict[str, int]:
        """The nanoseconds that each thread waited until now; none where the host does not tell."""
        found = {}
        with contextlib.suppress(OSError):
            for thread in self.tasks.iterdir():
                with contextlib.suppress(OSError, IndexError, ValueError):  # it has ended
                    found[thread.name] = int((thread / "schedstat").read_text().split()[1])
        return found
