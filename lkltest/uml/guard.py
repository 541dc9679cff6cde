"""Run one UML as a script of its own, so that nothing of it outlives its user.

Usage: guard.py PID DIRECTORY COMMAND [ARGUMENT ...]

UML forks helper processes, which a killed UML leaves behind: here they are adopted, killed and reaped. The guard
ends as the UML did: with its exit status, or by its signal. When the process PID dies first, even by SIGKILL,
the UML is killed, and DIRECTORY, in which it runs, is removed. SIGUSR1 makes the UML look at its consoles again.

It imports nothing of lkltest, since it starts with every boot and must start fast.
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
CANNOT_START = 127  # as a shell says that a command cannot be run
PATIENCE = 2000  # milliseconds
ROOMY = 256 << 20  # bytes: more than a UML of ours takes for its memory
NUDGE = signal.SIGUSR1
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(parent: int, directory: str, argv: list[str]) -> int:
    """Run `argv` in `directory` until it, or `parent`, ends; return its wait status."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a panic aborts: no core file in the user's way
    os.chdir(directory)
    use_roomy_memory(directory)
    wakeup = listen()
    try:
        alive = os.pidfd_open(parent)
    except ProcessLookupError:
        return clean(directory, CANNOT_START << 8)
    uml = start(argv)
    if uml is None:
        return CANNOT_START << 8
    poll = select.poll()
    ended = os.pidfd_open(uml)
    for fd in (wakeup, alive, ended):
        poll.register(fd, select.POLLIN)
    ready: set[int] = set()
    asked: set[int] = set()
    while not ready & {alive, ended}:
        ready = {fd for fd, _ in poll.poll()}
        if wakeup in ready:
            asked.update(os.read(wakeup, 512))
            if asked != {NUDGE}:
                break
            nudge(uml)
    status = end(uml)
    return clean(directory, status) if has_ended(alive, hung_up=signal.SIGHUP in asked) else status


def use_roomy_memory(directory: str) -> None:
    """Let the UML's memory be a file in `directory` where /dev/shm is small, as in a container (64 MB)."""
    with contextlib.suppress(OSError):
        room = os.statvfs("/dev/shm")
        if room.f_bavail * room.f_frsize >= ROOMY:
            return
    os.environ.setdefault("TMPDIR", directory)


def listen() -> int:
    """Return a descriptor that gives the numbers of the signals that come."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    for number in (NUDGE, *STOPPING):
        signal.signal(number, lambda *_: None)
    return reader


def start(argv: list[str]) -> int | None:
    """Start the command with the signals as any program finds them; None, and a message, where it cannot be."""
    try:
        default = [NUDGE, *STOPPING, signal.SIGPIPE, signal.SIGXFSZ]
        return os.posix_spawn(argv[0], argv, os.environ, setsigdef=default)
    except OSError as error:
        print(f"lkltest: cannot start {argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
        return None


def has_ended(process: int, *, hung_up: bool) -> bool:
    """Whether a process, known by its pidfd, has ended. A process that ends closes its terminals a moment before."""
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(PATIENCE if hung_up else 0))


def nudge(uml: int) -> None:
    """Have a UML look at its consoles, unless it starts or ends just now, when the signal would kill it."""
    with open(f"/proc/{uml}/status") as status:  # noqa: PTH123 -- not reaped yet: the number is its
        caught = next((int(line.split()[1], 16) for line in status if line.startswith("SigCgt:")), 0)
    if caught >> (signal.SIGIO - 1) & 1:
        os.kill(uml, signal.SIGIO)


def children() -> list[int]:
    """Our child processes, adopted ones included."""
    me = os.getpid()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 -- pathlib takes as long to import as the rest
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
            if int(stat.read().rpartition(b")")[2].split()[1]) == me:
                found.append(int(name))
    return found


def end(uml: int) -> int:
    """Kill and reap everything that is left; return the wait status of `uml`."""
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
    """Remove what nobody else is left to remove."""
    import shutil

    os.chdir("/")
    shutil.rmtree(directory, ignore_errors=True)
    return status


def end_like(status: int) -> None:
    """End this process with another's wait status."""
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != signal.SIGKILL else None
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    end_like(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
