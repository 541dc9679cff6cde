"""A fuzzer that is ended from outside leaves no process behind."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from pathlib import Path

import pexpect

from lkltest.host import process
from lkltest.host.process import Child
from lkltest.liblkl import Liblkl
from tests.processes import gone


def workers(session: int, module: bytes = b"loop_process") -> list[int]:
    """The processes that run a kernel for the loops of a session, and these loops' processes; none without a kernel.

    Of loops, or of another process of a session, `module` is what they run.
    """
    loops, kernels = [], []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (path / "cmdline").read_bytes()
        except OSError:
            continue
        if module in command and int(parent) == session:
            loops.append(int(path.name))
        elif b"fuzz/exec/worker.py" in command and state != "Z":
            kernels.append((int(path.name), int(parent)))
    found = [pid for pid, parent in kernels if parent in loops]
    return [*found, *loops] if found else []


def awaited_workers(session: int, module: bytes = b"loop_process") -> list[int]:
    """The same, as soon as there is a kernel: one that is lost takes a moment to be followed by the next."""
    until = time.monotonic() + 60
    while not (started := workers(session, module)) and time.monotonic() < until:
        time.sleep(0.05)
    assert started, "no worker was started"
    return started


def test_a_killed_fuzzer_leaves_no_worker(liblkl: Liblkl, tmp_path: Path) -> None:
    """SIGKILL of the fuzzer ends its kernels, too, even in the middle of a call."""
    command = [sys.executable, "-m", "lkltest", "fuzz", "--lkl", str(liblkl.path), "--workers", "1"]
    with Child([*command, "--output", str(tmp_path / "out")], stderr=process.NOTHING, cwd=tmp_path) as child:
        started = awaited_workers(child.pid)
        child.signal(signal.SIGKILL)
        assert all(gone(pid) for pid in started)


IMAGES = """
import sys
from pathlib import Path
from lkltest import liblkl
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.images.background import Background
from lkltest.settings import Settings
kernel, output = map(Path, sys.argv[1:])
Background(["ext4"], liblkl.find(kernel), Settings.load({"lkl": [str(kernel)]}), output, seed=1, loops=1,
           seen=SeenEdges(), reproduce_seconds=0, reach=lambda _: None).run(600)
"""


def test_a_killed_session_leaves_no_process_of_its_images(liblkl: Liblkl, tmp_path: Path) -> None:
    """SIGKILL of a guided session ends the process that mounts images, and its kernels; Ctrl-C reaches neither."""
    with Child([sys.executable, "-c", IMAGES, str(liblkl.path), str(tmp_path)], stderr=process.NOTHING) as child:
        started = awaited_workers(child.pid, b"background_process")
        assert len({os.getpgid(pid) for pid in (child.pid, *started)}) == 1 + len(started)
        child.signal(signal.SIGKILL)
        assert all(gone(pid) for pid in started)


def test_sigterm_ends_a_session_in_order(liblkl: Liblkl, tmp_path: Path) -> None:
    """SIGTERM ends the fuzzer as Ctrl-C does: it writes its report, and leaves no process."""
    command = ["-m", "lkltest", "fuzz", "--lkl", str(liblkl.path), "--workers", "1", "--time", "10m", "--output", "out"]
    child = pexpect.spawn(sys.executable, command, cwd=str(tmp_path), timeout=100)
    try:
        child.expect(r"[1-9]\d* calls/s")
        assert child.pid is not None
        started = awaited_workers(child.pid)
        child.kill(signal.SIGTERM)
        child.expect(pexpect.EOF)
        child.wait()
        assert (child.exitstatus in {130, 1}, child.signalstatus) == (True, None)  # 1: it has found something
    finally:
        child.terminate(force=True)
    assert (tmp_path / "out" / "report.html").stat().st_size
    assert all(gone(pid, timeout=0.1) for pid in started)


def test_a_closed_terminal_loses_nothing(liblkl: Liblkl, tmp_path: Path) -> None:
    """The fuzzer ends as with Ctrl-C, and writes its report."""
    command = ["-m", "lkltest", "fuzz", "--lkl", str(liblkl.path), "--workers", "1", "--time", "10m", "--output", "out"]
    child = pexpect.spawn(sys.executable, command, cwd=str(tmp_path), timeout=100)
    try:
        child.expect(r"[1-9]\d* calls/s")
        assert child.pid is not None
        started = awaited_workers(child.pid)
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), child.child_fd)  # the terminal is closed, the number stays pexpect's
        until = time.monotonic() + 100
        while child.isalive() and time.monotonic() < until:
            time.sleep(0.02)
            child.kill(signal.SIGHUP)  # a second one comes when the shell ends, at any moment
        assert (child.exitstatus in {130, 1}, child.signalstatus) == (True, None)  # 1: it has found something
    finally:
        child.terminate(force=True)
    assert (tmp_path / "out" / "report.html").stat().st_size
    assert all(gone(pid, timeout=0.1) for pid in started)


def test_an_output_that_nobody_reads_costs_no_report(liblkl: Liblkl, tmp_path: Path) -> None:
    """The other end of both pipes is closed from the start; the run goes on to its end."""
    command = [sys.executable, "-m", "lkltest", "fuzz", "--lkl", str(liblkl.path), "--workers", "1", "--time", "2"]
    shell = f"{{ {shlex.join(command)} --output out 2>&1; echo $? > status; }} | :"
    done = process.run(["sh", "-c", shell], cwd=tmp_path, timeout=200, merge=True)
    assert done.ok
    assert (tmp_path / "status").read_text().strip() in {"0", "1"}  # 1: it has found something
    assert (tmp_path / "out" / "report.html").stat().st_size
