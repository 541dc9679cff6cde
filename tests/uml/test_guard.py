"""The guard ends all that its command has started, and ends as the command did."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.host import process
from lkltest.uml.machine import GUARD


def guarded(directory: Path, *argv: str, parent: int | None = None) -> list[str]:
    """The guard's command line."""
    return [sys.executable, "-I", "-S", str(GUARD), str(parent or os.getpid()), str(directory), *argv]


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait for a condition; whether it came."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def running(pid: int) -> bool:
    """Whether a process exists, other than as a zombie."""
    try:
        return b") Z" not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize(("script", "status", "number"), [
    ("exit 0", 0, None), ("exit 7", 7, None), ("kill -ABRT $$", None, signal.SIGABRT),
    ("kill -KILL $$", None, signal.SIGKILL),
])  # fmt: skip
def test_ends_as_its_command(tmp_path: Path, script: str, status: int | None, number: int | None) -> None:
    """Exit status and signal are passed on."""
    ended = process.run(guarded(tmp_path, "/bin/sh", "-c", script), timeout=300)
    assert (ended.status, ended.signal) == (status, number)
    assert not list(tmp_path.iterdir()), "a core file?"


def test_cannot_start(tmp_path: Path) -> None:
    """A file that cannot be executed is named, without a traceback."""
    ended = process.run(guarded(tmp_path, "/etc/passwd"), merge=True)
    assert ended.output == b"lkltest: cannot start /etc/passwd: Permission denied\n"
    assert ended.status == 127


def test_orphans_are_ended(tmp_path: Path) -> None:
    """Processes that the command leaves behind, in a session of their own at that, are gone when the guard is."""
    pids = tmp_path / "pids"
    script = f"setsid sh -c 'echo $$ >>{pids}; exec sleep 600' & sleep 600 & echo $! >>{pids}; sleep 0.3; exit 3"
    assert process.run(guarded(tmp_path, "/bin/sh", "-c", script), timeout=300).status == 3
    left = [int(pid) for pid in pids.read_text().split()]
    assert len(left) == 2
    assert not any(running(pid) for pid in left)


def test_asked_to_end(tmp_path: Path) -> None:
    """SIGTERM ends the command with all its children, even if it ignores every signal."""
    pids = tmp_path / "pids"
    script = f"trap '' TERM INT HUP; sh -c 'echo $$ >{pids}; sleep 600'"
    with process.Child(guarded(tmp_path, "/bin/sh", "-c", script)) as child:
        assert until(lambda: pids.exists() and pids.read_text() != "")
        child.signal(signal.SIGTERM)
        assert child.wait(10)
    assert not running(int(pids.read_text()))


def test_its_group_is_killed(tmp_path: Path) -> None:
    """Killing the guard's process group outright ends the command, though that has left the group, as a UML does."""
    pids = tmp_path / "pids"
    script = f"sleep 600 & echo $! $$ >{pids}; wait"
    with process.Child(guarded(tmp_path, "/usr/bin/setsid", "/bin/sh", "-c", script)) as child:
        assert until(lambda: pids.exists() and pids.read_text() != "")
        child.kill()
    left = [int(pid) for pid in pids.read_text().split()]
    assert until(lambda: not any(running(pid) for pid in left))
    assert pids.exists(), "the directory is its user's, who lives"


def test_its_user_is_killed(tmp_path: Path) -> None:
    """When its user dies by SIGKILL, the command is ended and its directory removed."""
    place = tmp_path / "place"
    place.mkdir()
    pid = tmp_path / "pid"
    script = f"echo $$ >{pid}; touch {place}/file; exec sleep 600"
    with process.Child(["sleep", "600"]) as user:
        with process.Child(guarded(place, "/bin/sh", "-c", script, parent=user.pid)) as guard:
            assert until(lambda: pid.exists() and pid.read_text() != "")
            user.kill()
            assert guard.wait(10)
        assert not running(int(pid.read_text()))
        assert not place.exists()
