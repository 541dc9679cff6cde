"""Long-running tools whose processes never outlive us."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lkltest import process

# The tool's process group has a watcher that reads a pipe of which we hold the other end. When we are gone,
# even by SIGKILL, that read ends, and the watcher kills the group: make's children would build on without it.
# Only `exec "$@"` stays of the shell, so that the tool's own exit status and signal are what we see.
LIFELINE = 'exec 3<&0; { read -r _ <&3; kill -KILL 0; } >/dev/null 2>&1 & exec "$@" </dev/null 3<&-'


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    line: Callable[[bytes], None],
    env: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> process.Ended:
    """Run a tool to its end, or for `deadline` seconds; `line` gets each line of its output as it comes."""
    until = None if deadline is None else time.monotonic() + deadline
    with process.Child(["sh", "-c", LIFELINE, "sh", *argv], cwd=cwd, env=env, stdin=process.PIPE) as child:
        rest = b""
        chunk = child.read(left(until))
        while chunk:
            *lines, rest = (rest + chunk).split(b"\n")
            for text in lines:
                line(text)
            chunk = child.read(left(until))
        if rest:
            line(rest)
        timed_out = chunk is None or not child.wait(left(until))
        child.kill()
        return child.ended(timed_out=timed_out)


def left(until: float | None) -> float | None:
    """Seconds until a point on the monotonic clock; None where there is none."""
    return None if until is None else max(0.0, until - time.monotonic())
