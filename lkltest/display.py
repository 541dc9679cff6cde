"""The display of a long job's progress on a terminal, or in a log."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SILENCE = 15.0  # seconds after which a log gets another line


class Bar:
    """A progress bar: objects compiled of objects expected, time left."""

    def __init__(self, bar: Progress) -> None:
        """`bar` is drawn by whoever made it."""
        self.bar = bar
        self.task: TaskID | None = None

    def say(self, text: str) -> None:
        """Print a sentence above the bar."""
        self.bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def step(self, done: int, expected: int | None) -> None:
        """Move the bar."""
        if self.task is None:
            self.task = self.bar.add_task("compiling", total=expected)
        # A compiler of another version may compile a file more or less than expected.
        total = None if expected is None else max(done, expected)
        self.bar.update(self.task, completed=done, total=total)


class Lines:
    """Progress as plain lines: one each tenth of the work, or each 15 seconds."""

    def __init__(self, stream: IO[str]) -> None:
        """Print to `stream`."""
        self.stream = stream
        self.started = self.said = time.monotonic()
        self.tenth = 0

    def say(self, text: str) -> None:
        """Print a sentence."""
        print(text, file=self.stream, flush=True)
        self.started = self.said = time.monotonic()

    def step(self, done: int, expected: int | None) -> None:
        """Print a line where it is time for one."""
        now = time.monotonic()
        tenth = done * 10 // expected if expected else 0
        if tenth <= self.tenth and now - self.said < SILENCE:
            return
        self.tenth, self.said = max(tenth, self.tenth), now
        of = f" of {max(done, expected)}" if expected else ""
        left = f", {remaining(now - self.started, done, expected)} left" if expected else ""
        print(f"  {done}{of} objects compiled{left}", file=self.stream, flush=True)


def remaining(seconds: float, done: int, expected: int) -> str:
    """The time left, as "m:ss", at the speed so far."""
    left = round(seconds / done * max(0, expected - done))
    return f"{left // 60}:{left % 60:02d}"


@contextlib.contextmanager
def progress(stream: IO[str] | None = None) -> Iterator[Bar | Lines]:
    """A listener to a build (see lkltest.liblkl.Progress) that shows it on `stream`, standard error by default."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield Lines(stream)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("objects,"),
               TimeElapsedColumn(), TextColumn("so far,"), TimeRemainingColumn(), TextColumn("left"))
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        yield Bar(bar)
