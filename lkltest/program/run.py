"""One run of a test program, whose points are had one by one as they come."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path

from lkltest import tap
from lkltest.host import process
from lkltest.host.bounded_log import BoundedLog
from lkltest.host.closing import Closing
from lkltest.host.load import slowdown
from lkltest.host.process import Child, Ended, Stream
from lkltest.klog import last_lines, panic
from lkltest.program.declaration import Deadlines
from lkltest.program.launch import Launch
from lkltest.program.memcheck import Memcheck, blame
from lkltest.program.result import from_point
from lkltest.program.status import BAILED_OUT, explain
from lkltest.program.table import Declared
from lkltest.program.verdict import End, Result, State

STACK = 2.0  # seconds that a program past its deadline has to print something of its threads' stacks
STACKS = 20.0  # seconds that it has for all of them
TAIL = 256 << 10  # bytes of the console that are searched for a stack or a panic
UNFINISHED = ("missing-points", "unfinished-point")  # problems of the output that a table of points tells better


class Run(Closing):
    """A running test program; a context manager that leaves nothing of it behind.

    Nothing happens between two calls: the program's output is read while `result` or `end` waits for it.
    """

    def __init__(
        self,
        launch: Launch,
        child: Child,
        points: Sequence[Declared],
        deadlines: Deadlines,
        directory: Path,
        *,
        echo: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        """Take charge of `child`, which `launch` has started.

        `points` are expected of it, in this order; none: whatever comes is right.

        The raw output, the console and the command are kept in `directory`; `echo` gets all output as it comes.
        """
        self.launch = launch
        self.child = child
        self.points = tuple(points)
        self.declared = {point.name: point.deadline for point in reversed(self.points)}  # deadlines in seconds
        self.deadlines = deadlines
        self.directory = directory
        self.echo = echo
        self.parser = tap.Parser()
        self.memcheck = Memcheck() if launch.memcheck else None
        self.errors: list[str] = []  # of memcheck's, since the last result
        self.results: dict[str, Result] = {}
        self.running: str | None = None  # the point that was announced last and has no result yet
        self.announces = False  # whether the program announces its points
        self.strays: list[str] = []  # results of the table's points that came without being announced
        self.order: deque[str] = deque()  # names of the points in the order in which they came
        self.overdue: str | None = None  # which deadline has passed
        self.slowdown = 1.0  # by how much deadlines grow, as this machine is busy
        self._end: End | None = None
        with contextlib.ExitStack() as undo:
            undo.callback(child.close)
            directory.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # a full disk
                (directory / "command").write_text(launch.command + "\n")
            self.output = undo.enter_context(BoundedLog(directory / "output.tap"))
            self.console = undo.enter_context(BoundedLog(directory / "console.log"))
            undo.pop_all()
        self.point_started = self.child.started

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

    def next_result(self) -> Result | None:
        """Wait for the next point of a program without a table; None at its end."""
        while self._end is None and not self.order:
            self._pump()
        return self.results[self.order.popleft()] if self.order else None

    @property
    def over(self) -> bool:
        """Whether the program has come to its end, or was brought to it for its deadline."""
        return self._end is not None

    @property
    def incomplete(self) -> str:
        """Words about what is missing in the directory; empty where nothing is."""
        problem = self.output.problem or self.console.problem
        return f" (incomplete: {problem})" if problem else ""

    @property
    def skipped(self) -> str | None:
        """Why the program skips all its points; None where it does not."""
        reason = self.parser.report.skip_all
        return reason if reason is None or reason else "the program skips all its points"

    def end(self) -> End:
        """Wait for the end of the program."""
        while self._end is None:
            self._pump()
        return self._end

    def _pump(self) -> None:
        """Take what comes next: output, the end, or a deadline that passes."""
        chunk = self.child.chunk(self._time_left())
        if chunk is None:
            self._kill_overdue()
        elif chunk.stream is Stream.OUTPUT:
            self._take(chunk.data)
        elif chunk.stream is Stream.ERRORS:
            self.console.write(chunk.data)
            self.echo(chunk.data)
        else:
            self._finish()
        # A program that prints without pause must not outlive its deadlines by never being silent.
        if self._end is None and chunk is not None and self._time_left() == 0:
            self._kill_overdue()

    def _take(self, data: bytes) -> None:
        self.output.write(data)
        self.echo(data)
        self._read(self.memcheck.feed(data) if self.memcheck else [data])

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
                self.point_started = time.monotonic()
            case tap.PointComplete(point=point, depth=0) if point.ok is not None:  # else it never ended
                name = self._unique(point.description)
                if self.points and self.announces and name != self.running:
                    # Whoever announces its points has not printed this one: a test, or a child, wrote to its output.
                    self.strays.append(name)
                    return
                result = from_point(point, name, time.monotonic() - self.point_started)
                self.results[name] = blame(result, self.errors)
                self.errors = []
                self.order.append(name)
                self.running = None
                self.point_started = time.monotonic()

    def _unique(self, name: str) -> str:
        """The key of a point's result: a name that came before is told apart by a number."""
        candidates = itertools.chain([name], (f"{name}#{count}" for count in itertools.count(2)))
        return next(candidate for candidate in candidates if candidate not in self.results)

    def _limits(self) -> list[tuple[float, str]]:
        """The moments on the monotonic clock at which a deadline passes, each with its name."""
        limits = []
        grown = f" (made {self.slowdown:.1f} times as long: this machine is busy)" if self.slowdown > 1 else ""
        if self.deadlines.program is not None:
            text = f"the program's deadline of {self.deadlines.program:g} s has passed{grown}"
            limits.append((self.child.started + self.deadlines.program * self.slowdown, text))
        declared = self.declared.get(self.running) if self.running is not None else None
        seconds = self.deadlines.point
        if declared is not None and seconds is not None:
            seconds = declared * (self.launch.patience or 1)
        if seconds is not None:
            text = f"the point's deadline of {seconds:g} s has passed{grown}"
            limits.append((self.point_started + seconds * self.slowdown, text))
        return limits

    def _time_left(self) -> float | None:
        limits = [moment for moment, _ in self._limits()]
        return max(0.0, min(limits) - time.monotonic()) if limits else None

    def _kill_overdue(self) -> None:
        """Ask for the stacks of all threads, wait a little for them, and kill the program."""
        self.slowdown = max(self.slowdown, slowdown())
        moment, self.overdue = min(self._limits())
        if moment > time.monotonic() + 0.05:
            self.overdue = None
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
        self._end = self._judge()

    def _is_cut(self) -> bool:
        """Whether the program was killed, so that its last line may be half of one."""
        ended = self.child.ended(timed_out=self.overdue is not None)
        told = self._told_status()
        return self.overdue is not None or ended.signal is not None or (self.launch.native and told is None)

    def _judge(self) -> End:
        """The rule: pessimistic, and every way to end badly has a sentence of its own."""
        ended = self.child.ended(timed_out=self.overdue is not None)
        where = f"in the point {self.running!r}" if self.running else self._between()
        problems = []
        if self.overdue:
            problems.append(f"killed {where}: {self.overdue}")
        elif ended.signal is not None:
            problems.append(f"the program was {ended.describe()} {where}")
        elif (status := self._status(ended)) != 0 and not self._is_told(status):
            meaning = explain(status, self.parser.report.comments)
            problems.append(f"the program ended with exit status {status} {where}{meaning}")
        elif self.running:
            problems.append(f"the program ended with {ended.describe()} {where}, before its result")
        problems += self._contradictions()
        problems += [f"memcheck, {where}: {error}" for error in self.errors]
        if not problems:
            return End(ended.describe(), ended.seconds, ())
        from lkltest.crash import symbolize

        console = self.console.tail(TAIL)
        # A kernel tree's own program has the kernel print among its output.
        if message := panic(console) or panic(self.output.tail(TAIL)):
            problems[0] = f"{message} ({problems[0]})"
        crash = symbolize.explain(console, self.launch.program)
        return End(ended.describe(), ended.seconds, tuple(problems), crash, last_lines(console))

    def _status(self, ended: Ended) -> int | None:
        """The program's exit status, an init's as it told it."""
        told = self._told_status()
        return ended.status if told is None else told

    def _told_status(self) -> int | None:
        """The exit status of an init, which its kernel cannot pass on: the last line of its output; None without."""
        told = re.findall(rb"^# exit (\d+)\r?$", self.output.tail(200), re.MULTILINE) if self.launch.native else []
        return int(told[-1]) if told else None

    def _is_told(self, status: int | None) -> bool:
        """Whether the output says itself what a bad exit status stands for."""
        if status == 1:
            return any(result.state is State.FAILED for result in self.results.values())
        return status == BAILED_OUT and self.parser.report.bail_out is not None

    def _between(self) -> str:
        done = list(self.results)
        return f"after the point {done[-1]!r}" if done else "before its first point"

    def _contradictions(self) -> list[str]:
        """What the output itself says against the run: its plan, its problems, points that the table denies."""
        report = self.parser.report
        expected = [point.name for point in self.points]
        missing = [name for name in expected if name not in self.results and report.skip_all is None]
        problems = []
        if report.bail_out is not None:
            problems.append(f"bail out: {report.bail_out or 'no reason given'}")
        if not (report.finished and report.met) or report.broken:
            told = UNFINISHED if missing else ()
            listed = [problem for problem in report.noted.listed if problem.kind not in told]
            problems += [f"line {problem.line} of the output: {problem.message}" for problem in listed]
        if expected:
            problems += self._undeclared(self.declared)
        if missing:
            problems.append(f"{len(missing)} of {len(expected)} points have no result, first {missing[0]!r}")
        return problems

    def _undeclared(self, expected: Container[str]) -> list[str]:
        """What came as a result and is no item's: each of these that failed is told, for nothing else tells it."""
        came = [name for name in self.results if name not in expected]
        twice = [name for name in came if name.rpartition("#")[0] in expected]
        groups = {
            "points that its table does not declare": [name for name in came if name not in twice],
            "points that its table declares more than once": twice,
            "results that it did not announce, and which do not count": self.strays,
        }
        told = [f"{what}: {', '.join(names[:10])}" for what, names in groups.items() if names]
        failed = [result for name in came if (result := self.results[name]).state is State.FAILED]
        return told + [f"{result.name}: {result.message}" for result in failed[:10]]

    def _lost(self, name: str) -> Result:
        """The result of a point that the program did not live to tell."""
        end = self.end()
        if self.skipped is not None and not self.results and not end.problems:
            return Result(name, State.SKIPPED, self.skipped)
        cause = end.problems[0] if end.problems else f"the program ended with {end.how}"
        if name == self.running or (self.running is None and not self.results and name == self._first()):
            message = end.describe() or f"the program ended with {end.how}, without this point"
            return Result(name, State.LOST, message, cause=cause)
        return Result(name, State.LOST, f"not reached: {cause}", cause=cause, reached=False)

    def _first(self) -> str | None:
        return self.points[0].name if self.points else None
