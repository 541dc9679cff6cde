"""Child processes: their output, their ends, and that nothing of them is left."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.host.process import Child, Stream
from tests.processes import gone


def test_output_and_status_come_back() -> None:
    """Both streams and the exit status of a finished process are told apart."""
    done = process.run(["sh", "-c", "cat; echo err >&2; exit 3"], stdin=b"in")
    assert (done.output, done.errors, done.status, done.signal) == (b"in", b"err\n", 3, None)
    assert done.describe() == "exit status 3"


def test_a_signal_is_no_exit_status() -> None:
    """A process that a signal ended has no exit status, but the signal's name."""
    done = process.run(["sh", "-c", "kill -SEGV $$"])
    assert (done.status, done.signal, done.ok) == (None, signal.SIGSEGV, False)
    assert done.describe() == "killed by SIGSEGV"


def test_a_deadline_kills_the_whole_group() -> None:
    """A process past its deadline is killed together with its children."""
    done = process.run(["sh", "-c", "sleep 100 & echo $!; wait"], timeout=0.3)
    assert done.timed_out
    assert not done.ok
    assert gone(int(done.output))


def test_a_signal_at_the_deadline_is_answered() -> None:
    """The answer of a process to the signal that it is sent past its deadline is read, before it is killed."""
    script = "trap 'echo answer' USR1; while :; do sleep 0.05; done"
    done = process.run(["sh", "-c", script], timeout=5.0, final_signal=signal.SIGUSR1)
    assert (done.timed_out, done.output) == (True, b"answer\n")


def test_children_left_behind_are_killed() -> None:
    """A process that ends by itself leaves no child running."""
    done = process.run(["sh", "-c", "sleep 100 >/dev/null 2>&1 & echo $!"])
    assert done.ok
    assert gone(int(done.output))


def test_a_daemon_that_left_the_group_is_killed() -> None:
    """A process in a session of its own that holds a pipe of ours ends with the process that it came from."""
    with Child(["sh", "-c", "setsid sleep 100 & echo $!"], stderr=process.PIPE) as child:
        chunk = child.chunk(20)
        assert chunk is not None
        daemon = int(chunk.data)
        while os.getsid(daemon) != daemon:
            time.sleep(0.01)
    assert gone(daemon)


OUTLIVED = """
import sys
from lkltest.host.process import Child
with Child(["sh", "-c", "sleep 100 & echo $!; wait"], die_with_parent=True) as child:
    print(child.read(None).decode(), flush=True)
    child.wait()
"""


def test_a_child_that_dies_with_its_parent_leaves_nothing() -> None:
    """A process that is killed outright takes the whole group of such a child along."""
    with Child([sys.executable, "-c", OUTLIVED]) as child:
        grandchild = int(child.read(60) or b"")
        child.signal(signal.SIGKILL)
        assert gone(grandchild)


def test_nothing_is_left_of_a_start_that_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at the moment when a child has only just been started kills it."""
    started = []

    def interrupted(group: int) -> None:
        started.append(group)
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "_watch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Child(["sleep", "100"], die_with_parent=True)
    assert gone(started[0])


def test_the_end_is_seen_although_a_child_holds_the_pipe() -> None:
    """A process' end comes after its output, even where a child of it keeps the pipe open."""
    with Child(["sh", "-c", "echo hello; sleep 100 &"], stderr=process.PIPE) as child:
        chunks = []
        until = time.monotonic() + 10
        while (chunk := child.chunk(until - time.monotonic())) is not None and chunk.stream is not Stream.END:
            chunks.append(chunk.data)
        assert chunk is not None, "the end was never seen"
        assert b"".join(chunks) == b"hello\n"


def test_leaving_the_block_kills() -> None:
    """Whatever ends the block, an interrupt too, nothing is left running."""
    with pytest.raises(KeyboardInterrupt), Child(["sleep", "100"]) as child:
        raise KeyboardInterrupt
    assert gone(child.pid)
    assert child.ended().signal == signal.SIGKILL


def test_a_missing_program_is_named() -> None:
    """Running what is not there is the user's to mend."""
    with pytest.raises(UsageError, match="no-such-program"):
        process.run(["no-such-program"])


def test_no_file_descriptor_is_left_open() -> None:
    """A hundred children leave as many descriptors open as none."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(100):
        process.run(["true"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before
