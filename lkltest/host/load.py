"""Measure the load of this machine, and make timeouts longer in proportion."""

from __future__ import annotations

import os
import time

MOST = 20.0  # by how much a timeout grows at most: a hang comes to an end on any machine


def slowdown() -> float:
    """The factor by which work takes longer than on an idle machine: processes that want to run, for each processor.

    At least 1, at most MOST. The load of the last minute counts, and the present one where that is higher.
    """
    try:
        with open("/proc/loadavg", encoding="ascii") as file:  # noqa: PTH123 -- asked for at each deadline
            average, _, _, running, *_ = file.read().split()
        wanting = max(float(average), float(running.partition("/")[0]))
    except (OSError, ValueError):
        return 1.0
    return min(MOST, max(1.0, wanting / (os.cpu_count() or 1)))


class Deadline:
    """An instant that a busy machine puts off when it has come."""

    def __init__(self, timeout: float) -> None:
        """Begin a timeout of `seconds` seconds on an idle machine."""
        self.started = time.monotonic()
        self.timeout = timeout
        self.at = self.started + timeout  # on the monotonic clock

    def passed(self) -> bool:
        """Whether it has passed; where the machine is busy it moves on instead, and `at` with it."""
        if time.monotonic() >= self.at:
            self.at = max(self.at, self.started + self.timeout * slowdown())
        return time.monotonic() >= self.at
