"""Run a test program: yield its points as they come, end it when a timeout passes (a hang), gather the evidence."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

from lkltest import klog, tap
from lkltest.host import process
from lkltest.host.bounded_log import BoundedLog
from lkltest.host.closing import Closing
from lkltest.host.load import slowdown
from lkltest.host.process import Child, Ended, Stream
from lkltest.program import kselftest
from lkltest.program.command import Launch
from lkltest.program.complaint import with_stack
from lkltest.program.declaration import Timeouts
from lkltest.program.evidence import Evidence, Limited, Output, Timeout
from lkltest.program.memcheck import Memcheck, blame
from lkltest.program.naming import unique
from lkltest.program.point_result import from_point, with_surroundings
from lkltest.program.results import End, Result
from lkltest.program.status import is_signal
from lkltest.program.table import Declared
from lkltest.program.verdict import judge, lost, skip_reason

STACK = 2.0  # seconds that a program past its timeout has to print something of its threads' stacks
STACKS = 20.0  # seconds that it has for all of them
MOST_POINTS = 200_000  # of a foreign program, which may print them without end
SAID = 16 << 10  # bytes of a foreign program's standard error that are kept for a failed point
TAIL = 256 << 10  # bytes of the console that are searched for a stack or a panic


class Run(Closing):
    """A running test program; a context manager that leaves nothing of it behind.

    Nothing happens between two calls: the program's output is read while `result` or `end` waits for it.
    """

    def __init__(
        self,
        launch: Launch,
        child: Child,
        points: Sequence[Declared],
        timeouts: Timeouts,
        directory: Path,
        *,
        echo: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        """Take charge of `child`, which `launch` has started.

        `points` are expected of it, in this order; none: any points are right.

        The raw output, the console and the command are kept in `directory`; `echo` gets all output as it comes.
        """
        self.launch = launch
        self.child = child
        self.points = tuple(points)
        self.declared = {point.name: point.timeout for point in reversed(self.points)}  # in seconds
        self.timeouts = timeouts
        self.directory = directory
        self.echo = echo
        self.parser = tap.Parser(launch.dialect, excuse_skips=launch.excuse_skips)
        self.memcheck = Memcheck() if launch.memcheck else None
        self.errors: list[str] = []  # of memcheck's, since the last result
        self.results: dict[str, Result] = {}
        self.twins: dict[str, int] = {}  # how many points of a name that came before have come
        self.said = b""  # by a foreign program on standard error since its last result
        self.running: str | None = None  # the point that was announced last and has no result yet
        self.announces = False  # whether the program announces its points
        self.strays: list[str] = []  # results of the table's points that came without being announced
        self.order: deque[str] = deque()  # names of the points in the order in which they came
        self.timeout: Timeout | None = None  # that has passed
        self.slowdown = 1.0  # by how much timeouts grow, as this machine is busy
        self.evidence: Evidence | None = None  # of the finished run
        self._end: End | None = None
        with contextlib.ExitStack() as undo:
            undo.callback(child.close)
            directory.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # a full disk
                (directory / "command").write_bytes(os.fsencode(launch.command) + b"\n")
            self.output = undo.enter_context(BoundedLog(directory / "output.tap"))
            self.console = undo.enter_context(BoundedLog(directory / "console.log"))
            undo.pop_all()
        self.point_started = self.child.started  # or since the last sign of it, where none is announced
        self.elapsed = 0.0  # seconds that the point took whose result is being read
        self.measured = self.child.started  # when the point began whose time is taken

    def close(self) -> None:
        """Kill what is left of the program, and keep what it printed."""
        self.child.close()
        self.output.close()
        self.console.close()

    def result(self, name: str) -> Result:
        """Wait for the result of a point, or for the end of the program: then the point is lost."""
        while name not in self.results and self._end is None:
            self._pump()
        return self.results.get(name) or self._lost(name)

    def _lost(self, name: str) -> Result:
        end = self.end()
        assert self.evidence is not None
        return lost(name, self.evidence, end)

    def next_result(self) -> Result | None:
        """Wait for the next point of a program without a table; None at its end."""
        while self._end is None and not self.order:
            self._pump()
        return self.results[self.order.popleft()] if self.order else None

    @property
    def over(self) -> bool:
        """Whether the program has ended, or was killed when a timeout passed."""
        return self._end is not None

    @property
    def incomplete(self) -> str:
        """Words about what is missing in the directory; empty where nothing is."""
        problem = self.output.problem or self.console.problem
        return f" (incomplete: {problem})" if problem else ""

    @property
    def skipped(self) -> str | None:
        """Why the program skips all its points; None where it does not."""
        if self.evidence is not None and kselftest.is_skip(self.evidence):
            return kselftest.skip_reason(self.evidence)
        reason = self.parser.report.skip_all
        return None if reason is None else skip_reason(reason)

    def end(self) -> End:
        """Wait for the end of the program."""
        while self._end is None:
            self._pump()
        return self._end

    def _pump(self) -> None:
        """Wait for the next event, and handle it: output, the end, or a deadline that passes."""
        chunk = self.child.chunk(self._time_left())
        if chunk is None:
            self._kill_overdue()
        elif chunk.stream is Stream.OUTPUT:
            self._take(chunk.data)
        elif chunk.stream is Stream.ERRORS:
            self._hear(chunk.data)
        else:
            self._finish()
        # A program that prints without pause must not outlive its deadlines by never being silent.
        if self._end is None and chunk is not None and self._time_left() == 0:
            self._kill_overdue()
        if self._end is None and self.flooded:
            self._finish()

    @property
    def flooded(self) -> bool:
        """Whether a foreign program has printed more points than anyone reads."""
        return self.launch.foreign and len(self.results) > MOST_POINTS

    def _hear(self, data: bytes) -> None:
        """Take in standard error."""
        self.console.write(data)
        self.echo(data)
        if self.launch.foreign:
            self.said = (self.said + data)[-SAID:]

    def _take(self, data: bytes) -> None:
        # A foreign program says on standard error what belongs to a point that these bytes end, or to the next one.
        errors = self.child.errors() if self.launch.foreign else b""
        if errors:
            self._hear(errors)
        self.output.write(data)
        self.echo(data)
        before = len(self.results)
        self._read(self.memcheck.feed(data) if self.memcheck else [data])
        if len(self.results) > before:
            self.said = errors[-SAID:]

    def _read(self, pieces: Iterable[bytes | str]) -> None:
        """Take the program's own output, and memcheck's errors in it."""
        for piece in pieces:
            if isinstance(piece, str):
                self.errors.append(piece)
                continue
            for event in self.parser.feed(piece):
                self._note(event)

    def _note(self, event: tap.Event) -> None:
        match event:
            case tap.PointStarted(description=name):
                self.running = self._unique(name)
                self.announces = True
                self.measured = self.point_started = time.monotonic()
            case tap.PointSeen(depth=depth):
                self.point_started = time.monotonic()
                if not depth:
                    self.elapsed, self.measured = self.point_started - self.measured, self.point_started
            case tap.PointComplete(point=point, depth=0) if point.ok is not None:  # else it never ended
                name = self._unique(self._name(point))
                if self.points and self.announces and name != self.running and not self.launch.foreign:
                    # The program announces its points, but not this one: a test, or a child, wrote to its output.
                    self.strays.append(name)
                    return
                result = with_stack(from_point(point, name, self.elapsed), self.launch.program)
                if self.launch.foreign:
                    said = kselftest.since_begin(self.said) if self.launch.by_status else self.said
                    result = with_surroundings(result, point, said)
                self.results[name] = blame(result, self.errors)
                self.errors = []
                self.order.append(name)
                self.running = None

    def _name(self, point: tap.Point) -> str:
        """The name of a point; of a foreign program it is the same in each run, and never empty."""
        if not self.launch.foreign:
            return point.description
        return point.name or f"point-{len(self.results) + 1 if point.number is None else point.number}"

    def _unique(self, name: str) -> str:
        """The key of a point's result: its name, with a number where the name came before."""
        return unique(name, self.results, self.twins)

    def _limits(self) -> list[tuple[float, Timeout]]:
        """The deadlines, instants on the monotonic clock, each with the timeout that makes it."""
        limits = []
        declared = self.declared.get(self.running) if self.running is not None else None
        seconds = self.timeouts.point
        if declared is not None and seconds is not None:
            seconds = declared * (self.launch.timeout_factor or 1)
        if seconds is not None:
            timeout = Timeout(Limited.POINT, seconds, self.slowdown)
            limits.append((self.point_started + timeout.grown, timeout))
        if self.timeouts.program is not None:
            timeout = Timeout(Limited.PROGRAM, self.timeouts.program, self.slowdown)
            limits.append((self.child.started + timeout.grown, timeout))
        return limits

    def _time_left(self) -> float | None:
        limits = [moment for moment, _ in self._limits()]
        return max(0.0, min(limits) - time.monotonic()) if limits else None

    def _kill_overdue(self) -> None:
        """Ask for the stacks of all threads, wait a little for them, and kill the program."""
        self.slowdown = max(self.slowdown, slowdown())
        moment, timeout = min(self._limits(), key=itemgetter(0))
        if moment > time.monotonic() + 0.05:
            return
        self.timeout = timeout
        if self.launch.foreign:  # it would not know the question
            self._finish()
            return
        silence, whole = STACK * self.slowdown, STACKS * self.slowdown
        self.child.signal(process.SIGUSR2)
        self.child.signal(process.SIGCONT)  # it may have stopped itself
        asked = said = time.monotonic()
        # The clock decides: a flood is never silent.
        while (left := min(said + silence, asked + whole) - time.monotonic()) > 0:
            chunk = self.child.chunk(left)
            if chunk is None or chunk.stream is Stream.END:
                break
            if chunk.stream is Stream.OUTPUT:
                self.output.write(chunk.data)  # kept; it counts no more
            else:
                self.console.write(chunk.data)
                if b"\nlkltest: end " in self.console.tail(len(chunk.data) + 200):
                    break
                if b"lkltest: " in chunk.data:
                    said = time.monotonic()
        self._finish()

    def _finish(self) -> None:
        self.child.kill()
        self._read(self.memcheck.close() if self.memcheck else [])
        for event in self.parser.close(cut=self._is_cut()):
            self._note(event)
        self.output.close()
        self.console.close()
        self.evidence = self._evidence()
        self._end = self._judge(self.evidence)

    def _is_cut(self) -> bool:
        """Whether the program was killed, so that its last line may be half of one."""
        ended = self._ended()
        status = self._init_status()
        if ended.timed_out or (ended.signal is not None and not (status is not None and self._has_halted())):
            return True
        return (self.launch.by_status and is_signal(status)) or (self.launch.native and status is None)

    def _ended(self) -> Ended:
        return self.child.ended(timed_out=self.timeout is not None)

    def _init_status(self) -> int | None:
        """The exit status that a UML's init printed in its last line; None where it printed none.

        The UML itself ends with a status of its own (uml/guard.py): its kernel cannot pass on that of init.
        """
        if self.launch.by_status:
            return kselftest.init_status(self.console.tail(TAIL))
        told = re.findall(rb"^# exit (\d+)\r?$", self.output.tail(200), re.MULTILINE) if self.launch.native else []
        return int(told[-1]) if told else None

    def _has_halted(self) -> bool:
        """Whether the last thing that a UML's kernel said is that it halts."""
        return self.launch.native and klog.has_halted(self.console.tail(TAIL))

    def _evidence(self) -> Evidence:
        return Evidence(
            ended=self._ended(),
            output=Output.of(*(self.parser.reports or [self.parser.report])),
            points=tuple(point.name for point in self.points),
            foreign=self.launch.foreign,
            by_status=self.launch.by_status,
            complaints=kselftest.complaints(self.console.tail(TAIL)) if self.launch.by_status else (),
            flood=len(self.results) if self.flooded else 0,
            results=self.results,
            running=self.running,
            strays=tuple(self.strays),
            init_status=self._init_status(),
            halted=self._has_halted(),
            timeout=self.timeout,
            memcheck=tuple(self.errors),
            console=self.console.tail(TAIL),
            printed=self.output.tail(TAIL),
        )

    def _judge(self, evidence: Evidence) -> End:
        """The verdict, with the stack of a crash where the end is bad."""
        end = judge(evidence)
        if not end.problems:
            return end
        from lkltest.crash import symbolize

        stacks = symbolize.read(evidence.console, self.launch.program)
        end = judge(replace(evidence, stack=symbolize.blamed(stacks)))
        return replace(end, crash=symbolize.render(stacks))
