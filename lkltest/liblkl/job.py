"""Run long-running tools whose processes end with lkltest."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lkltest.host import process


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    line: Callable[[bytes], None],
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> process.Ended:
    """Run a tool to its end, or for `timeout` seconds; `line` gets each line of its output as it comes."""
    until = None if timeout is None else time.monotonic() + timeout
    with process.Child(argv, cwd=cwd, env=env, die_with_parent=True) as child:
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
