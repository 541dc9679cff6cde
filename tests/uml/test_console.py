"""A console finds what it waits for, and tells what it saw when that does not come."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkltest.errors import KernelLost, UsageError
from lkltest.uml import console as console_module
from lkltest.uml.console import Console, Panic
from lkltest.uml.machine import GUARD, directory


@contextlib.contextmanager
def running(script: str) -> Iterator[Console]:
    """A shell script on a console, under a guard as a UML is."""
    with directory() as place:
        guard = [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), str(place)]
        with Console([*guard, "/bin/sh", "-c", script], guarded=True) as console:
            yield console


def test_nothing_is_matched_twice() -> None:
    """Each text is matched once, in order, and the rest of a line does not count as a line's beginning."""
    with running("echo one two; echo two three") as console:
        console.expect("one ")
        console.expect("^two")
        assert console.before == "two\n"
        console.expect(" three")


def test_ends_before_it_comes() -> None:
    """An end that comes first is told at once, with its status and the last lines."""
    with running("echo the last words; exit 7") as console, pytest.raises(KernelLost) as told:
        console.expect("never", timeout=60)
    assert "exit status 7" in str(told.value)
    assert "  the last words" in str(told.value)


def test_timeout() -> None:
    """A timeout is kept, even while output keeps coming, and told with the last lines only."""
    started = time.monotonic()
    with running("while :; do echo noise; done") as console, pytest.raises(KernelLost) as told:
        console.expect("never", timeout=0.2)
    assert time.monotonic() - started >= 0.2
    assert "the timeout of 0.2 s has passed" in str(told.value)
    assert 2 < str(told.value).count("\n") < 30


def test_panic_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A panic is told before the deadline although the kernel does not end."""
    monkeypatch.setattr(console_module, "GRACE", 0.2)
    script = "echo '[    1.500000] Kernel panic - not syncing: VFS: no root'; sleep 100000"
    with running(script) as console, pytest.raises(Panic) as told:
        console.expect("never", timeout=90_000)
    assert told.value.reason == "VFS: no root"


def test_a_line_is_not_half_a_mark() -> None:
    """The echo of what is typed, and an answer to another question, are not taken for the answer."""
    answers = r'while read -r n line; do echo "$n $line"; echo "<9:other:9> <$n:$line:$n> # "; done'
    with running(answers) as console:
        assert console.ask("a <9:b:9> question") == "a <9:b:9> question"
        assert console.ask("second") == "second"


def test_memory_is_bounded() -> None:
    """Of 10 MB without a line's end only a bounded part is kept, and what comes after is found."""
    with running("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo done") as console:
        console.expect("^done$", timeout=120)
        assert console.received > 10_000_000
        assert len(console.text) < 1 << 20
        assert len(console.shown) < 1 << 20
        assert len(console.before) < 1 << 20


def test_paste_into_nothing() -> None:
    """Pasting to a program that reads nothing ends at the deadline instead of hanging."""
    with running("sleep 600") as console, pytest.raises(KernelLost, match="typing 1,000,000 bytes"):
        console.paste(b"x" * 1_000_000, timeout=0.5)


def test_a_missing_program_is_named() -> None:
    """A program that cannot be started is the user's mistake."""
    with pytest.raises(UsageError, match="cannot run /nonexistent"):
        Console(["/nonexistent"], cwd=Path("/"))
