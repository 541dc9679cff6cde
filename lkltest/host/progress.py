"""Progress of a long job: reported by the library, shown on a terminal or in a log."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich import progress as rich_progress

SILENCE = 15.0  # seconds after which a log gets another line
EARLY = 50  # there is no estimate of the rest before a fiftieth of the objects is done


class Progress(Protocol):
    """The listener to a build; the library layer itself never prints."""

    def say(self, text: str) -> None:
        """One sentence on what begins now: "fetching lkl@1.0.3 with npm"."""

    def step(self, done: int, expected: int | None) -> None:
        """`done` objects are compiled of `expected`, None where that is not known."""


class Silent:
    """A listener that ignores everything."""

    def say(self, text: str) -> None:
        """Ignore it."""

    def step(self, done: int, expected: int | None) -> None:
        """Ignore it."""


class Drawn:
    """A progress bar: objects compiled of objects expected, time left."""

    def __init__(self, bar: rich_progress.Progress) -> None:
        """`bar` is started and stopped by the caller."""
        self.bar = bar
        self.task: rich_progress.TaskID | None = None

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
        if done == 1:
            self.started = now  # what was configured before is no measure of the compiler
        tenth = done * 10 // expected if expected else 0
        if tenth <= self.tenth and now - self.said < SILENCE:
            return
        self.tenth, self.said = max(tenth, self.tenth), now
        of = f" of {max(done, expected)}" if expected else ""
        left = ""
        if expected and done * EARLY >= expected:
            left = f", {remaining(now - self.started, done, expected)} left"
        print(f"  {done}{of} objects compiled{left}", file=self.stream, flush=True)


def remaining(seconds: float, done: int, expected: int) -> str:
    """The time left, as "m:ss", at the speed so far."""
    left = round(seconds / done * max(0, expected - done))
    return f"{left // 60}:{left % 60:02d}"


class Bar:
    """A listener to a build (see Progress): a bar on a terminal, lines elsewhere.

    Use it as a context manager.
    """

    def __init__(self, stream: IO[str] | None = None) -> None:
        """Show it on `stream`, standard error by default."""
        self.stream = stream or sys.stderr
        self.stack = contextlib.ExitStack()
        self.shown: Drawn | Lines = Lines(self.stream)

    def __enter__(self) -> Bar:
        if self.stream.isatty():
            self.shown = Drawn(self.stack.enter_context(drawing(self.stream)))
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def say(self, text: str) -> None:
        """Show one sentence on what begins now."""
        self.shown.say(text)

    def step(self, done: int, expected: int | None) -> None:
        """Show how many objects are compiled."""
        self.shown.step(done, expected)


def drawing(stream: IO[str]) -> rich_progress.Progress:
    """The bar itself, empty."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Left

    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("objects,"),
        TimeElapsedColumn(), TextColumn("so far,"), Left(), TextColumn("left"),
        console=Console(file=stream), transient=True,
    )  # fmt: skip
