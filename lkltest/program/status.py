"""The meanings of a test program's exit status."""

from __future__ import annotations

from collections.abc import Sequence

from lkltest.host.process import signal_name

# As docs/harness.md has them, and lkltest/points.h.
BAILED_OUT = 3
LATE = 6
SKIPPED = 4  # of kselftest's programs
MOST_FAILURES = 254  # that programs count in their exit status, as Test::More does
MEANINGS = {
    2: ": it refuses its arguments",
    LATE: ": a check failed, or the kernel complained, after the last point",
    5: ": its standard output is closed, full or broken, so it cannot tell its results",
}


# As a shell has them.
KILLED = 128  # and the number of the signal
SHELL = {126: ": a command cannot be executed", 127: ": a command was not found"}


def is_signal(status: int | None) -> bool:
    """Whether an exit status is one by which a shell tells of a signal."""
    return status is not None and KILLED < status <= KILLED + 64


def explain(status: int | None, comments: Sequence[str]) -> str:
    """The words after an exit status: its meaning in our harness, as far as the program's comments confirm it.

    `comments` are those of its output, without the "#".
    """
    meaning = MEANINGS.get(status or 0, "")
    if status != LATE:
        return meaning
    late = [comment.strip() for comment in comments if not comment.strip().startswith("running ")]
    # Another program's status of this number means what that program likes.
    return "\n  ".join([meaning, *late]) if late else ""


def explain_foreign(status: int | None) -> str:
    """The words to put after the exit status of a program that is not of our harness."""
    if is_signal(status):
        return f": as a shell tells of {signal_name((status or 0) - KILLED)}"
    return SHELL.get(status or 0, "")
