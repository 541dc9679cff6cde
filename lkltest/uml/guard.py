"""Run one UML, end with its exit status or by its signal, and leave none of its processes behind.

Usage: guard.py PID DIRECTORY COMMAND [ARGUMENT ...]

A UML leaves its process group for a session of its own, and forks helper processes that survive a killed UML. So the
guard is two processes. The first one stands for the UML: it passes signals on to the second, and ends as the UML did,
with its exit status or by its signal (`end_like`). The second one starts the UML and adopts the processes that the UML
forks. When the UML, the first process or the process PID has ended, even by SIGKILL, it kills and reaps them all. After
the end of PID it also removes DIRECTORY, in which the UML runs. SIGUSR1 makes the UML look at its consoles again.

The script imports nothing of lkltest, since it starts with every boot and must start fast.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
CANNOT_START = 127 << 8  # the wait status of a shell whose command cannot be run
DYING = 2000  # milliseconds that a process may take from closing its terminal to its end
NUDGE = signal.SIGUSR1
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
IGNORED = (signal.SIGUSR2,)  # asks a library's programs for their stacks


def main(user: int, directory: str, argv: list[str]) -> int:
    """Run `argv` in `directory` until it, or `user`, ends; return its wait status."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a panic aborts: no core file in the user's way
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    try:
        os.chdir(directory)
    except OSError as error:
        complain(f"cannot run in {directory}: {error.strerror} (a run that has ended has removed it)")
        return CANNOT_START
    signals = listen()
    first = os.pidfd_open(os.getpid())
    second = os.fork()
    if second:
        return represent(second, signals)
    os.setsid()  # a signal to the first one's process group must not kill the second
    end_like(keep(user, first, directory, argv, listen()))
    raise AssertionError


def represent(second: int, signals: int) -> int:
    """Pass signals on to the second process until it ends; return its wait status."""
    ended = os.pidfd_open(second)
    while ended not in wait(signals, ended):
        for number in os.read(signals, 512):
            os.kill(second, number)
    return os.waitpid(second, 0)[1]


def keep(user: int, first: int, directory: str, argv: list[str], signals: int) -> int:
    """Start the command, end it and its children when one of the three has ended, and return its wait status."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        alive = os.pidfd_open(user)
    except ProcessLookupError:
        return clean(directory, CANNOT_START)
    uml = start(argv)
    if uml is None:
        return CANNOT_START
    ended = os.pidfd_open(uml)
    stop = False
    while not stop and not wait(signals, first, alive, ended) & {first, alive, ended}:
        asked = set(os.read(signals, 512))
        stop = asked != {NUDGE}
        if not stop:
            nudge(uml)
    status = end(uml)
    # A dying process closes its terminal, and so kills the processes on it, a moment before it is dead itself.
    orphaned = alive in wait(alive, timeout=0 if first not in wait(first, timeout=0) else DYING)
    return clean(directory, status) if orphaned else status


def wait(*fds: int, timeout: int | None = None) -> set[int]:
    """Wait until some of the descriptors can be read, or for `timeout` milliseconds; return the readable ones."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return {fd for fd, _ in poll.poll(timeout)}


def complain(text: str) -> None:
    """Print a message for the user."""
    print(f"lkltest: {text}", file=sys.stderr, flush=True)


def listen() -> int:
    """Catch signals; return a descriptor from which their numbers are read."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    for number in (NUDGE, *STOPPING):
        signal.signal(number, lambda *_: None)
    return reader


def start(argv: list[str]) -> int | None:
    """Start the command with default signal handlers; return its pid, or None, after a message, if it cannot start."""
    try:
        default = [NUDGE, *STOPPING, *IGNORED, signal.SIGPIPE, signal.SIGXFSZ]
        return os.posix_spawn(argv[0], argv, os.environ, setsigdef=default)
    except OSError as error:
        complain(f"cannot start {argv[0]}: {error.strerror}")
        return None


def nudge(uml: int) -> None:
    """Make a UML look at its consoles, unless it is starting or ending: then the signal would kill it."""
    with open(f"/proc/{uml}/status", encoding="utf-8", errors="replace") as status:  # noqa: PTH123 -- not reaped yet: the number is its
        caught = next((int(line.split()[1], 16) for line in status if line.startswith("SigCgt:")), 0)
    if caught >> (signal.SIGIO - 1) & 1:
        os.kill(uml, signal.SIGIO)


def children() -> list[int]:
    """The guard's child processes, adopted ones included."""
    me = os.getpid()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 -- pathlib takes as long to import as the rest
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
            if int(stat.read().rpartition(b")")[2].split()[1]) == me:
                found.append(int(name))
    return found


def end(uml: int) -> int:
    """Kill and reap all processes that are left; return the wait status of `uml`."""
    status = 0
    while True:
        for pid in children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            pid, result = os.waitpid(-1, 0)
        except ChildProcessError:
            return status
        if pid == uml:
            status = result


def clean(directory: str, status: int) -> int:
    """Remove the UML's directory, since the user of the UML is dead; return `status`."""
    import shutil

    os.chdir("/")
    shutil.rmtree(directory, ignore_errors=True)
    return status


def end_like(status: int) -> None:
    """End this process as another one ended: by the same signal, or with the same exit status."""
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != signal.SIGKILL else None
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    end_like(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
