"""Recognizes a hang: a call that does not return, although the worker had a processor.

`Kernel.finish` looks at its worker every `kernel.GLANCE` seconds, and a `HangWatch` judges the call that runs. A call
that runs long is no hang by itself: the sandbox in the worker (native/sandbox.h) interrupts a call that sleeps after
45 ms, and one that works after 300 ms. So a call is stuck if it goes on for `STUCK_AFTER` seconds of the worker's own
time, in which the worker did not wait for a processor (`clock.CpuClock`). A call that runs for `RECOGNIZE_AFTER`
seconds is suspect: if its stack is that of a known hang, there is no need to wait longer.
"""

from __future__ import annotations

import enum

from lkltest.fuzz.exec.clock import CpuClock

STUCK_AFTER = 1.0  # seconds of the worker's own in one call
RECOGNIZE_AFTER = 0.4  # seconds of the worker's own in one call; more than the sandbox takes to interrupt one


class Look(enum.Enum):
    """The result of a look at a worker."""

    MOVED = enum.auto()  # another call runs than at the last look, or at the one before: its time begins
    RUNNING = enum.auto()  # the same call runs
    SUSPECT = enum.auto()  # the same call runs for RECOGNIZE_AFTER seconds; said once
    STUCK = enum.auto()  # the same call runs for STUCK_AFTER seconds; said once
    HUNG = enum.auto()  # the call was stuck at an earlier look, and has not returned since


class HangWatch:
    """Watches for a call of one worker that does not return."""

    def __init__(self, pid: int, stuck_after: float, progress: tuple[int, int]) -> None:
        """`progress` are numbers that change whenever a call returns."""
        self.pid = pid
        self.stuck_after = stuck_after
        self.progress = progress
        self.clock: CpuClock | None = None  # runs since the second look at a call
        self.suspected = False
        self.stuck = False

    def look(self, progress: tuple[int, int]) -> Look:
        """Look at the worker while it runs a batch; look often, or the clock trusts no time in between."""
        if progress != self.progress:
            self.progress, self.clock = progress, None
            self.suspected = self.stuck = False
            return Look.MOVED
        if self.clock is None:  # only now: a look at all threads takes as long as hundreds of calls
            self.clock = CpuClock(self.pid)
            return Look.MOVED
        if self.stuck:
            return Look.HUNG
        seconds = self.clock.seconds()
        if seconds > self.stuck_after:
            self.stuck = True
            return Look.STUCK
        if not self.suspected and seconds > RECOGNIZE_AFTER:
            self.suspected = True
            return Look.SUSPECT
        return Look.RUNNING
