"""A program on a pseudo-terminal of its own, such as a UML."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import re
import shlex
import signal
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lkltest import expressions
from lkltest.errors import KernelLost, UsageError
from lkltest.host.closing import Closing
from lkltest.host.load import Deadline
from lkltest.host.process import Ended, command, readable
from lkltest.klog import PANIC_PATTERN
from lkltest.uml.text import Plain, Unstamped

if TYPE_CHECKING:
    import pexpect

log = logging.getLogger(__name__)

CHUNK = 1 << 16  # bytes read at once
KEPT = 1 << 18  # characters kept of what nothing has matched yet, and of the last output
OVERLAP = 1 << 12  # characters of a pattern's match that may have come with earlier chunks
# Bytes typed before any has come back. A UML that has 3968 unread ones throttles its console, and up to 6.1 at least
# then never listens to it again: its line_throttle() takes the descriptor off epoll, and nothing puts it back.
AHEAD = 2048
# A UML that has filled its terminal waits for a SIGIO that may have come too early, when there was no room yet; the
# host sends no second one. So the UML is made to look again after this many seconds of silence, then more rarely.
STALL = (0.002, 0.25)
PROMPT = 30.0  # seconds to wait for something, where the caller does not say
ENDING = 60.0  # seconds that the end of the process may take, on the busiest machine
GRACE = 5.0  # seconds after a panic's message: by then it has ended, or never will
LAST_LINES = 20

PANIC = expressions.compile(f"{PANIC_PATTERN}\n")


class Panic(KernelLost):
    """The kernel panicked. `reason` is what it says of the cause."""

    def __init__(self, reason: str, console: str) -> None:
        super().__init__(f"the kernel panicked: {reason}\n{console}")
        self.reason = reason


class Console(Closing):
    """A running program on a pseudo-terminal, and what it has printed.

    All text is free of escape sequences, control characters and CR; what patterns are matched with is also free
    of the kernel's timestamps. It is bounded: of a flood only the end is kept. Use it as a context manager:
    leaving the block ends whatever is left.
    """

    def __init__(self, argv: Sequence[str], *, cwd: Path | None = None, guarded: bool = False) -> None:
        """Start `argv`, which is a `guarded` UML or any other program; raises UsageError where that cannot be done."""
        self.guarded = guarded
        self.argv = tuple(argv)
        self.started = time.monotonic()
        self.terminal = spawn(self.argv, cwd)
        self.ended: Ended | None = None
        self.received = 0  # bytes
        self.stall = STALL[0]  # seconds of silence until the next nudge
        self.text = ""  # what patterns are matched with
        self.seen = 0  # how much of `text` has been matched, or skipped before a match
        self.before = ""  # what the last match skipped
        self.shown = ""  # the last output, with timestamps
        self.plain = Plain()
        self.unstamped = Unstamped()
        self.panicked: float | None = None  # when the message of a panic came
        self.numbers = itertools.count(1)

    @property
    def pid(self) -> int:
        """Process id of what was started."""
        assert self.terminal.pid is not None
        return self.terminal.pid

    def expect(self, pattern: str, timeout: float = PROMPT) -> re.Match[str]:
        """Wait until something matches `pattern` (MULTILINE), and never look at it again.

        What came before the match is left in `before`.
        Raises Panic or KernelLost, with the last lines, where the kernel panics or ends first, or `timeout`
        seconds pass.
        """
        wanted = re.compile(pattern, re.MULTILINE)
        deadline = Deadline(timeout)
        start = self.seen
        while True:
            found = wanted.search(self.text, max(start, self.seen))
            if found:
                self.before = self.text[self.seen : found.start()]
                self.seen = found.end()
                return found
            searched = len(self.text)
            if not self.read(deadline.at) and self.over(deadline):
                self.lost(f"waiting for {pattern!r}", timeout)
            # In a flood it would take too long to look through everything again.
            flooded = len(self.text) - self.seen > KEPT
            start = searched - OVERLAP if flooded and len(self.text) >= searched else 0

    def read(self, deadline: float) -> bool:
        """Take in what has come, or comes until `deadline`; whether anything did."""
        import pexpect

        if self.panicked is not None:
            deadline = min(deadline, self.panicked + GRACE)
        if self.ended:
            return False
        while True:
            now = time.monotonic()
            try:
                data: Any = self.terminal.read_nonblocking(CHUNK, max(0.0, min(deadline - now, self.stall)))
            except pexpect.TIMEOUT:
                self.nudge()
                if time.monotonic() >= deadline:
                    return False
            except pexpect.EOF:
                self.take(b"", final=True)
                self.reap()
                return False
            else:
                self.stall = STALL[0]
                self.take(data)
                return True

    def over(self, deadline: Deadline) -> bool:
        """Whether nothing is to be waited for any more."""
        died = self.panicked is not None and time.monotonic() >= self.panicked + GRACE
        return self.ended is not None or died or deadline.passed()

    def nudge(self) -> None:
        """Have the guard tell the UML to look at its terminal again."""
        self.stall = min(2 * self.stall, STALL[1])
        if not self.guarded or not self.received:
            return  # there is no guard, or it may not be listening yet
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGUSR1)

    def take(self, data: bytes, *, final: bool = False) -> None:
        """Add to the text, and forget what is too old."""
        self.received += len(data)
        plain = self.plain.feed(data, final=final)
        self.shown += plain
        fresh = self.unstamped.feed(plain, final=final)
        tail = self.text[-OVERLAP:]
        self.text += fresh
        if self.panicked is None and PANIC.search(tail + fresh):
            self.panicked = time.monotonic()
        if len(self.text) > 2 * KEPT:
            self.seen = max(0, self.seen - (len(self.text) - KEPT))
            self.text = self.text[-KEPT:]
        if len(self.shown) > 2 * KEPT:
            self.shown = self.shown[-KEPT:]

    def lost(self, doing: str, timeout: float) -> None:
        """Raise the error for a kernel that did not do what it should have done."""
        if self.panicked is not None:
            reasons = PANIC.findall(self.text)
            raise Panic(reasons[-1] if reasons else "(its message is lost in later output)", self.panic_lines())
        what = self.ended.describe() if self.ended else f"the timeout of {timeout:g} s has passed"
        raise KernelLost(f"{what}, {doing}\n{self.last_lines()}")

    def last_lines(self) -> str:
        """The end of the output, for people."""
        lines = self.shown.splitlines()[-LAST_LINES:]
        return quote("the console's last lines:", lines) if lines else "the console printed nothing"

    def panic_lines(self) -> str:
        """The kernel's lines around its panic, for people: those that led to it come before, the stack after."""
        lines = self.shown.splitlines()
        at = max((index for index, line in enumerate(lines) if PANIC.search(line + "\n")), default=len(lines))
        return quote("the console around the panic:", lines[max(0, at - LAST_LINES // 2) : at + LAST_LINES])

    def send(self, line: str, timeout: float = PROMPT) -> None:
        """Type a line."""
        data = line.encode() + b"\n"
        self.paste(data, timeout, ahead=len(data))

    def paste(self, data: bytes, timeout: float = PROMPT, *, ahead: int = AHEAD) -> None:
        """Type `data` to a program that gives back what it reads, and take in what is printed meanwhile.

        At most `ahead` bytes are typed that have not come back yet. Raises KernelLost where not all could be typed
        in `timeout` seconds.
        """
        deadline = Deadline(timeout)
        fd = self.terminal.child_fd
        os.set_blocking(fd, False)
        begin = self.received
        left = memoryview(data)
        while left:
            if self.over(deadline):
                self.lost(f"typing {len(data):,} bytes, with {len(left):,} of them left", timeout)
            back = self.received - begin
            room = ahead + back - (len(data) - len(left))
            try:
                left = left[os.write(fd, left[: max(0, room)]) :]
            except BlockingIOError:
                room = 0
            except OSError:  # nobody holds the other end any more
                self.read(time.monotonic() + ENDING)
            if room <= 0:
                self.read(min(deadline.at, time.monotonic() + 0.01))

    def ask(self, question: str, timeout: float = PROMPT) -> str:
        """Type a line with a number in front and return the answer, which comes as "<NUMBER:ANSWER:NUMBER>".

        What else is printed, before, after, or on the same line, does not matter: the number tells them apart.
        """
        number = next(self.numbers)
        self.send(f"{number} {question}", timeout)
        self.expect(f"<{number}:", timeout)
        self.expect(f":{number}>", timeout)
        return self.before

    def shell(self, line: str, timeout: float = PROMPT) -> tuple[int, str]:
        """Run a line in the POSIX shell that is at its prompt; return its exit status and what it printed.

        The end is recognized by a mark that the typed line itself does not contain, so neither its echo nor a prompt in
        the output is taken for it.
        """
        begin, end = (f"lkltest-{next(self.numbers)}-{word}" for word in ("begin", "end"))
        marks = (f"echo '{mark[:4]}''{mark[4:]}'" for mark in (begin, end))
        self.send(f"{next(marks)}; eval {shlex.quote(line)}; {next(marks)} $?", timeout)
        self.expect(rf"{begin}\n", timeout)
        status = self.expect(rf"{end} (\d+)\n", timeout)[1]
        return int(status), self.before

    def wait(self, timeout: float = PROMPT) -> Ended:
        """Wait for its end; raises Panic, or KernelLost after `timeout` seconds."""
        deadline = Deadline(timeout)
        while self.read(deadline.at) or not self.over(deadline):
            pass
        if self.ended is None or self.panicked is not None:
            self.lost("waiting for the end", timeout)
        assert self.ended is not None
        return self.ended

    def close(self) -> None:
        """End whatever is left: the guard is asked to end the UML, and killed with its group if it does not."""
        if self.ended is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            self.reap()
        self.terminal.close()

    def reap(self) -> None:
        """Wait for the process, with force where that takes too long, and note how it ended."""
        if self.terminal.isalive():  # which reaps what has ended: only then is the number still its own
            self.end_by_force(os.pidfd_open(self.pid))
        self.terminal.isalive()
        self.ended = Ended(
            argv=self.argv,
            status=self.terminal.exitstatus,
            signal=self.terminal.signalstatus,
            timed_out=False,
            seconds=time.monotonic() - self.started,
        )

    def end_by_force(self, pidfd: int) -> None:
        """Wait for the process, and kill it where that takes too long."""
        try:
            if not readable(pidfd, ENDING):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
                readable(pidfd, None)
        finally:
            os.close(pidfd)


def quote(title: str, lines: Sequence[str]) -> str:
    """Lines of a console under a title; the longest are cut."""
    return "\n".join([title, *(f"  {line[:500]}" for line in lines)])


def spawn(argv: tuple[str, ...], cwd: Path | None) -> pexpect.spawn[str]:
    """Start a command on a new pseudo-terminal: the only place beside `lkltest.host.process` that starts one."""
    import pexpect

    log.debug("run on a terminal: %s", command(argv))
    try:
        # Python 3.12 warns of any fork where there are threads; the child of this one does nothing but exec.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            terminal = pexpect.spawn(argv[0], list(argv[1:]), cwd=cwd, echo=False, encoding=None)
    except (pexpect.ExceptionPexpect, OSError) as error:
        raise UsageError(f"cannot run {argv[0]} on a terminal: {error}") from None
    # Closing must not sleep: the process has been reaped by then.
    terminal.ptyproc.delayafterclose = 0  # type: ignore[attr-defined] # not in the published stubs
    return terminal
