"""The only launcher of child processes."""

from __future__ import annotations

import contextlib
import enum
import logging
import os
import select
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lkltest.errors import UsageError
from lkltest.host.closing import Closing

__all__ = [
    "INHERIT", "NOTHING", "PIPE", "Child", "Chunk", "Completed", "Ended", "Stream", "command", "python", "run",
    "signal_name",
]  # fmt: skip

log = logging.getLogger(__name__)

FINAL_SECONDS = 3.0  # that a process has for what it prints on that signal
CHUNK = 1 << 16  # bytes: the capacity of a Linux pipe

Argument = str | os.PathLike[str]

PIPE, NOTHING, INHERIT = subprocess.PIPE, subprocess.DEVNULL, None  # what a child's stream may be
SIGUSR2 = signal.SIGUSR2  # asks a test program for the stacks of all its threads
SIGCONT = signal.SIGCONT


@dataclass(frozen=True)
class Ended:
    """The end of a child process."""

    argv: tuple[str, ...]
    status: int | None  # exit status; None where a signal ended it
    signal: int | None  # number of the signal that ended it
    timed_out: bool  # its timeout passed, and it was killed for that
    seconds: float  # wall time

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with exit status 0."""
        return self.status == 0 and not self.timed_out

    def describe(self) -> str:
        """Say in a few words how it ended: "exit status 3", "killed by SIGSEGV"."""
        if self.timed_out:
            return f"killed after {self.seconds:.1f} s, its timeout"
        if self.signal is not None:
            return f"killed by {signal_name(self.signal)}"
        return f"exit status {self.status}"


@dataclass(frozen=True)
class Completed(Ended):
    """A finished process together with what it printed."""

    output: bytes  # standard output
    errors: bytes  # standard error; empty where it was merged into the output


class Stream(enum.Enum):
    """The source of a chunk of output."""

    OUTPUT = "standard output"
    ERRORS = "standard error"
    END = "the end of the process"


@dataclass(frozen=True)
class Chunk:
    """Some bytes that a child printed; none at its end."""

    stream: Stream
    data: bytes


def signal_name(number: int) -> str:
    """The name of a signal, such as "SIGSEGV"; "signal 77" where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def command(argv: Sequence[Argument]) -> str:
    """The command as a user can paste it into a shell."""
    return shlex.join(os.fspath(a) for a in argv)


def python(module: str, *arguments: str) -> list[str]:
    """The command that calls a module's `main(*arguments)` in a fresh interpreter that imports from where we do."""
    code = f"import sys; sys.path[:] = sys.argv[1].split('{os.pathsep}'); import {module} as m; m.main(*sys.argv[2:])"
    return [sys.executable, "-P", "-c", code, os.pathsep.join(sys.path), *arguments]


def readable(fd: int, timeout: float | None) -> bool:
    """Whether `fd` has something to read, or has ended, within `timeout` seconds (None: wait for ever)."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if timeout is None else max(0.0, timeout) * 1000))


def hung_up(pipe: int) -> bool:
    """Whether no process is left that could write to a pipe that we read."""
    poll = select.poll()
    poll.register(pipe, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


def writers(pipes: Set[str]) -> Iterator[int]:
    """The ids of other processes that can write to any of these pipes, each as /proc names it: "pipe:[123]"."""
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 -- names, and quickly
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            fds = Path("/proc", pid, "fd")
            if int(pid) != os.getpid() and any(_writes(fd, pipes) for fd in fds.iterdir()):
                yield int(pid)


def _writes(fd: Path, pipes: Set[str]) -> bool:
    """Whether an entry of /proc/PID/fd is the writing end of one of these pipes."""
    return str(fd.readlink()) in pipes and bool(fd.lstat().st_mode & stat.S_IWUSR)


def _watch(group: int) -> subprocess.Popen[bytes]:
    """Start a process that kills a process group when we are gone, even by SIGKILL: it reads a pipe that we hold."""
    return subprocess.Popen(
        ["sh", "-c", 'read -r _; kill -s KILL -- "-$0"', str(group)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0,
    )  # fmt: skip


class Child(Closing):
    """A running child process in a process group of its own.

    Use it as a context manager: leaving the block kills whatever is left of the group.
    """

    def __init__(
        self,
        argv: Sequence[Argument],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] | None = None,
        pass_fds: Sequence[int] = (),
        foreground: bool = False,
        die_with_parent: bool = False,
    ) -> None:
        """Start `argv`; `env` is added to the inherited environment; `stderr` None merges it into stdout.

        `foreground` keeps the child in our own process group, for a debugger at the user's terminal.
        `die_with_parent` lets nothing of the child's group outlive us, however we end.
        Raises UsageError where the program cannot be started.
        """
        self.argv = tuple(os.fspath(a) for a in argv)
        self.started = time.monotonic()
        self.foreground = foreground
        log.debug("run: %s", command(self.argv))
        try:
            self.popen = subprocess.Popen(
                self.argv,
                cwd=cwd,
                env={**os.environ, **env} if env is not None else None,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.STDOUT if stderr is None else stderr,
                bufsize=0,
                pass_fds=pass_fds,
                process_group=None if foreground else 0,
            )
        except FileNotFoundError as error:
            missing = error.filename if error.filename is not None else self.argv[0]
            message = f"cannot run {self.argv[0]}: no {missing} found; install it or mend the path"
            raise UsageError(message) from None
        except OSError as error:
            raise UsageError(f"cannot run {self.argv[0]}: {error.strerror}") from None
        self.pidfd = -1
        self._closed: set[int] = set()  # pipes that have come to their end
        self._interrupt = None  # what SIGINT did before
        self._watcher = None  # kills the group when we are gone
        try:
            # Waiting on a pidfd does not reap: the zombie keeps the group's id ours until `kill` has used it.
            self.pidfd = os.pidfd_open(self.popen.pid)
            if foreground:  # at a debugger's prompt Ctrl-C is the debugger's; the child would have inherited it before
                self._interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
            elif die_with_parent:
                self._watcher = _watch(self.popen.pid)
        except BaseException:  # Ctrl-C as well
            self.close()
            raise

    def close(self) -> None:
        """Kill what is left of the group, and let go of the pipes; once or more often."""
        self.kill()
        if self._interrupt is not None:
            signal.signal(signal.SIGINT, self._interrupt)
            self._interrupt = None
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1

    @property
    def pid(self) -> int:
        """Process id, which is also its process group's id."""
        return self.popen.pid

    def read(self, timeout: float | None) -> bytes | None:
        """The next bytes of standard output, at most `CHUNK`; b"" at its end, None after `timeout` silent seconds."""
        assert self.popen.stdout is not None
        if not readable(self.popen.stdout.fileno(), timeout):
            return None
        return os.read(self.popen.stdout.fileno(), CHUNK)

    def write(self, data: bytes) -> None:
        """Write all of `data` to standard input, which must be a pipe."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(data)

    def signal(self, number: int) -> None:
        """Send a signal to the process alone, not to its group; nothing where it has ended."""
        if self.popen.returncode is None:
            os.kill(self.popen.pid, number)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the process at most `timeout` seconds; whether it has ended. It stays to be reaped by `kill`."""
        return self.popen.returncode is not None or readable(self.pidfd, timeout)

    def kill(self) -> None:
        """Kill what is left of the process group, and reap the process."""
        if self.popen.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if self.foreground:
                self.popen.kill()
            else:
                os.killpg(self.popen.pid, signal.SIGKILL)
        if self._watcher is not None:  # gone before the group's id can be another's
            self._watcher.kill()
            self._watcher.communicate()
        self.popen.wait()
        if not self.foreground:
            self._kill_escaped()

    def _kill_escaped(self) -> None:
        """Kill those that left the group (setsid, setpgid) and still hold our pipes, as nearly all daemons do."""
        pipes = [pipe for pipe in (self.popen.stdout, self.popen.stderr) if pipe is not None and not pipe.closed]
        held = {
            str(Path(f"/proc/self/fd/{pipe.fileno()}").readlink()) for pipe in pipes if not hung_up(pipe.fileno())
        }
        for pid in writers(held) if held else ():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def ended(self, *, timed_out: bool = False) -> Ended:
        """The end of the process, which must have been killed; killing also reaps it."""
        code = self.popen.returncode
        assert code is not None
        return Ended(
            argv=self.argv,
            status=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            timed_out=timed_out,
            seconds=time.monotonic() - self.started,
        )

    def errors(self) -> bytes:
        """The bytes that are in the pipe of standard error now; b"" where there are none."""
        pipe = self.popen.stderr
        waiting = pipe is not None and pipe.fileno() not in self._closed and readable(pipe.fileno(), 0)
        return os.read(pipe.fileno(), CHUNK) if pipe is not None and waiting else b""

    def chunk(self, timeout: float | None) -> Chunk | None:
        """The child's next output, on either of its pipes, or its end; None after `timeout` seconds without output.

        A process that it left behind may hold the pipes open: its own end is the end, after what is in the pipes.
        """
        assert self.popen.stdout is not None
        poll = select.poll()
        streams = {self.popen.stdout.fileno(): Stream.OUTPUT}
        if self.popen.stderr is not None:
            streams[self.popen.stderr.fileno()] = Stream.ERRORS
        for fd in [*(fd for fd in streams if fd not in self._closed), self.pidfd]:
            poll.register(fd, select.POLLIN)
        ready = [fd for fd, _ in poll.poll(None if timeout is None else max(0.0, timeout) * 1000)]
        for fd in ready:
            if fd in streams:
                data = os.read(fd, CHUNK)
                if data:
                    return Chunk(streams[fd], data)
                self._closed.add(fd)
        if self.pidfd in ready and not any(fd in streams and fd not in self._closed for fd in ready):
            return Chunk(Stream.END, b"")
        return None if not ready else self.chunk(timeout)


def run(
    argv: Sequence[Argument],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout: float | None = None,
    merge: bool = False,
    final_signal: int | None = None,
) -> Completed:
    """Run `argv` to its end, or for `timeout` seconds; `merge` puts standard error into the output.

    `final_signal` is sent when the time is over; what the process prints within FINAL_SECONDS then is read, too.
    Never raises for a bad end: look at the result. Raises UsageError where the program cannot be started.
    """
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        source, output, errors = files
        source.write(stdin)
        source.seek(0)
        child = stack.enter_context(
            Child(argv, cwd=cwd, env=env, stdin=source, stdout=output, stderr=None if merge else errors)
        )
        timed_out = not child.wait(timeout)
        if timed_out and final_signal is not None:
            child.signal(final_signal)
            child.wait(FINAL_SECONDS)
        child.kill()
        ended = child.ended(timed_out=timed_out)
        for file in (output, errors):
            file.seek(0)
        return Completed(
            argv=ended.argv,
            status=ended.status,
            signal=ended.signal,
            timed_out=timed_out,
            seconds=ended.seconds,
            output=output.read(),
            errors=errors.read(),
        )
