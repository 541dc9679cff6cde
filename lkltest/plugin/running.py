"""A test program's run, as the items of its points see it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

import pytest

from lkltest.errors import LkltestError, UnusableKernel, UsageError
from lkltest.host.closing import Closing
from lkltest.kernel import Kernel
from lkltest.plugin.artifacts import Artifacts
from lkltest.plugin.artifacts import command as lkltest_command
from lkltest.plugin.causes import CAUSE, Cause, first_line, kernel_of, record_loss
from lkltest.plugin.coverage import Collector
from lkltest.plugin.repeating import LOG
from lkltest.plugin.session import IMAGES, RESULT, STANDS_FOR, TRACE
from lkltest.program import Program
from lkltest.program.command import Launch
from lkltest.program.declaration import Arguments, Call, Timeouts, TreeProgram, read_timeout
from lkltest.program.results import End, Result, State
from lkltest.program.table import Declared
from lkltest.settings import Settings

if TYPE_CHECKING:
    from lkltest.program.series import Series


class Suite(Protocol):
    """The class of items that a run is for."""

    name: str
    path: Path
    program: Program
    mistake: str  # why its table could not be read; empty where it could

    @property
    def nodeid(self) -> str:
        """Its id in pytest."""

    @property
    def stash(self) -> pytest.Stash:
        """The values that plugins keep with it."""

    def source_on(self, kernel: Kernel) -> Path:
        """The C source of the program that runs on a kernel."""

    def selected(self, item: pytest.Item) -> frozenset[str] | None:
        """The points of an item's run that are selected; None for the whole program."""

    def points_on(self, kernel: Kernel) -> tuple[Declared, ...]:
        """The points that the program has on a kernel."""


RunArguments = Arguments | Generator[Arguments, Mapping[str, Result], None]


class ProgramRun(Closing):
    """One run of a suite's program on one kernel, started when the first of its items asks for a result."""

    def __init__(
        self,
        suite: Suite,
        kernel: Kernel | None,
        arguments: RunArguments,
        node: pytest.Item,
        parameters: str,
        settings: Settings,
    ) -> None:
        """Prepare the run; without a kernel where the program needs none.

        `arguments` is what the suite's function returned, or its generator; `parameters` are the run's in the ids
        of its items.
        """
        self.suite = suite
        self.kernel = kernel
        self.settings = settings
        self.judge = arguments if isinstance(arguments, Generator) else None
        self.arguments = _checked(suite, next(arguments, None) if isinstance(arguments, Generator) else arguments)
        self.parameters = parameters
        self.timeouts = _timeouts(suite, node, settings)
        self.artifacts = Artifacts(node.config, settings, f"{suite.nodeid}[{parameters}")
        self.scratch = self.artifacts.path / "root"  # of a UML
        noted = self.artifacts.path / "coverage" if kernel is None or kernel.linked else self.scratch / "root"
        self.coverage = Collector(node.config, settings, kernel, noted, suite.nodeid, parameters)
        self.run: Series | None = None
        self.broken = ""  # why the program could not even be started
        self.good = True  # nothing has failed so far
        self.finished = False

    def close(self) -> None:
        """End the program, and keep the files for looking into a failure."""
        if self.run is not None:
            self.run.close()
            self.coverage.collect(self.run.launch.program)
        shutil.rmtree(self.scratch, ignore_errors=True)
        if self.judge is not None:
            self.judge.close()
        if self.run is not None:
            if not self.good:
                self._pack_images()
            self.artifacts.wanted = not self.good or not self.run.over or self.run.launch.trace is not None
        self.artifacts.close()

    @property
    def images(self) -> list[Path]:
        """The directories of the images that the program is given."""
        return self.suite.stash.get(IMAGES, [])

    def _pack_images(self) -> None:
        """Keep the program's disk images as it has left them."""
        for directory in self.images:
            for image in sorted(filter(Path.is_file, directory.iterdir())):
                self.artifacts.pack(image)

    def check(self, name: str | None, item: pytest.Item, *, last: bool) -> None:
        """Wait for the result of a point, or of the end (None), and let the item pass, fail or skip with it.

        The `last` item of a run answers for the program's end too, where that end is bad.
        """
        item.stash[CAUSE] = None
        run = self._started(item)
        result = run.result(name) if name is not None else None
        problem = self._finish(run) if name is None or last else ""
        if problem:
            item.stash[STANDS_FOR] = self._blamed(run, name)
        self._blame(item, run, result, problem)
        if result is not None:
            item.stash[RESULT] = result
            item.user_properties.extend(result.properties.items())
            if result.log:
                item.add_report_section("call", LOG, result.log)
            if result.bad:
                self._fail(result.message if problem in result.message else f"{result.message}\n\n{problem}")
        if problem:
            self._fail(problem)
        if result is not None:
            self._conclude(result, item)

    @staticmethod
    def _blamed(run: Series, name: str | None) -> str | None:
        """The point whose failure an item shows beside its own, as the program has ended badly in it.

        The end ("") where it has ended badly between points; None where that is the item's own failure.
        """
        if run.running is not None:
            return run.running if run.running != name else None
        return "" if name is not None else None

    def _blame(self, item: pytest.Item, run: Series, result: Result | None, problem: str) -> None:
        """Note on an item why it fails, where that is how the program ended, or that what it needs is not there."""
        if result is not None and result.state is State.FAILED and not result.reached and not problem:
            # Other programs may have a point of this name.
            run_id = self.suite.nodeid + (f"[{self.parameters}" if self.parameters else "")
            line = f"the point {result.need!r} of {run_id} failed, which these need"
            item.stash[CAUSE] = Cause(kernel_of(item), line)
            return
        lost = result is not None and result.state is State.LOST and bool(result.cause)
        end = run.end() if problem or lost else None
        if end is None or not (end.problems or lost):
            return  # it has ended well: what is wrong is the item's own
        line = first_line(result.cause if result is not None and lost else str(end.problems[0]))
        self._record_loss(item, end)
        own = bool(problem) or (result is not None and result.reached)
        failed = result.message if result is not None and result.bad and not lost else ""
        # Each run has a text of its own: another program may end in the same words.
        text = f"{failed}{end.describe()}\nartifacts: {self.artifacts.path}" if own else ""
        item.stash[CAUSE] = Cause(kernel_of(item), line, text, own=own)

    def check_all(self, item: pytest.Item, subtests: pytest.Subtests) -> None:
        """Run a program without a table: each point that comes is a subtest, the end is the item's own result."""
        run = self._started(item)
        count = 0
        while (result := run.next_result()) is not None:
            count += 1
            self._show(result, item, subtests)
        problem = self._finish(run)
        if problem:
            self._record_loss(item, run.end())
        if not problem and run.skipped is not None:
            self._conclude(Result("program", State.SKIPPED, run.skipped), item)
        if problem or not (count or run.launch.by_status):
            self._fail(problem or "the program printed no test point")

    def _show(self, result: Result, item: pytest.Item, subtests: pytest.Subtests) -> None:
        """Show the result of a point as a subtest of an item."""
        item.stash[RESULT] = result
        with subtests.test(msg=printable(result.name)):
            if result.bad:
                self._fail(result.message + (f"\n\n{result.log}" if result.log else ""))
            self._conclude(result, item)
        del item.stash[RESULT]

    def _record_loss(self, item: pytest.Item, end: End) -> None:
        """Record on an item how the kernel was lost, if it was."""
        if end.lost is not None and self.kernel is not None:
            record_loss(item, end.lost.value)

    def _conclude(self, result: Result, item: pytest.Item) -> None:
        """Let an item skip, or fail as expected, with the result of a point that is not bad."""
        if result.state is State.SKIPPED:
            if self.settings.strict:
                self._fail(f"skipped, which --lkl-strict forbids: {result.message}")
            pytest.skip(result.message or "the program says no reason")
        if result.state is State.TODO:
            if item.config.option.runxfail:
                self._fail(result.message)
            pytest.xfail(result.todo or "todo")

    def _started(self, item: pytest.Item) -> Series:
        """The run, started by the first call."""
        again = bool(self.broken)
        if self.run is None and not again:
            try:
                self.run = self._start(item)
            except UnusableKernel:
                raise  # a skip: see `causes.note`
            except (LkltestError, OSError) as error:
                self.broken = str(error)
        if self.run is None:
            line = first_line(self.broken)
            item.stash[CAUSE] = Cause(kernel_of(item), line, "" if again else self.broken, own=not again)
            self._fail(f"not reached: {line}" if again else self.broken, artifacts=False)
        return self.run

    def _start(self, item: pytest.Item) -> Series:
        """Compile the program, and start it."""
        if self.suite.mistake:
            raise UsageError(self.suite.mistake)
        launch, points = self._prepare()
        launch = self.coverage.attach(launch)
        if launch.trace:
            item.user_properties.append((TRACE, str(launch.trace)))
        timeouts = _grown(self.timeouts, launch)
        foreign = launch.foreign or isinstance(self.suite.program, TreeProgram)  # it takes no arguments of ours
        alone = foreign or launch.foreground or launch.native or launch.trace is not None
        from lkltest.program.series import Series

        return Series(
            launch, points, timeouts, self.artifacts.path, wanted=None if foreign else self.suite.selected(item),
            restarts=0 if alone else self.settings.restarts, echo=_echo(item, self.settings),
        )  # fmt: skip

    def _prepare(self) -> tuple[Launch, Sequence[Declared]]:
        """Compile the program; return its command and its points."""
        from lkltest.program.launch import prepare

        assert self.kernel is not None
        source = self.suite.source_on(self.kernel)
        launch = prepare(self.suite.program, source, self.kernel, self.arguments, self.settings, self.scratch)
        return launch, self.suite.points_on(self.kernel)

    def _finish(self, run: Series) -> str:
        """Wait for the program's end, and let the suite judge the disks that it left; return the problems of both."""
        end = run.end()
        if self.finished:
            return end.describe()
        self.finished = True
        if end.problems:
            return end.describe()
        if self.judge is None or not run.whole:  # a part of the points leaves behind what no judge expects
            return ""
        try:
            self.judge.send(run.run.results)
        except StopIteration:
            return ""
        except (AssertionError, LkltestError) as error:
            return str(error)
        except Exception:
            self.good = False
            raise
        return f"{self.suite.name} yields more than once: a suite's function yields its program's arguments once"

    def _fail(self, message: str, *, artifacts: bool = True) -> NoReturn:
        self.good = False
        if artifacts and self.run is not None:
            message += f"\n{self._keep_program(self.run.launch)}"
            message += f"\nartifacts: {self.artifacts.path}{self.run.incomplete}"
        pytest.fail(message, pytrace=False)

    def _keep_program(self, launch: Launch) -> str:
        """Keep the executable; return the lines that say how to run it by hand."""
        self.artifacts.keep(launch.program, "program")
        kept, given = self.artifacts.path, launch.by_hand(self.artifacts.path / "program")
        again = launch.by_hand(kept / "program", dict.fromkeys(self.images, kept))
        unpack = f"\nunpack:    {lkltest_command('unpack', kept)}" if again != given else ""
        return f"{unpack}\nby hand:   {again}"


def _checked(suite: Suite, arguments: object) -> Arguments:
    """The value that a suite's function gave, if it can be the arguments of a program."""
    given = arguments.arguments if isinstance(arguments, Call) else arguments
    if isinstance(given, Sequence) and not isinstance(given, str) and all(isinstance(word, str) for word in given):
        return arguments if isinstance(arguments, Call) else given
    pytest.fail(
        f"the function {suite.name} in {suite.path} gives {given!r}: it has to return, or yield once, "
        "the list of its program's arguments, such as [\"disk=/tmp/image\"]", pytrace=False
    )


def _timeouts(suite: Suite, node: pytest.Item, settings: Settings) -> Timeouts:
    """The nearest of: the mark lkl_timeout, the declaration, the settings."""
    mark, problem = node.get_closest_marker("lkl_timeout"), ""
    try:
        marked = lkl_timeout(*mark.args, **mark.kwargs) if mark else {}
    except (TypeError, ValueError) as error:
        problem = str(error)
    if problem:
        pytest.fail(f"the mark lkl_timeout cannot be read: {problem}", pytrace=False)
    return Timeouts(
        program=marked.get("program") or suite.program.timeout or settings.timeout,
        point=marked.get("point") or suite.program.point_timeout or settings.point_timeout,
    )


def lkl_timeout(program: object = None, point: object = None) -> dict[str, float]:
    """The timeouts that the mark of this name sets by its arguments."""
    given = {"program": program, "point": point}
    return {name: read_timeout(name, value) for name, value in given.items() if value is not None}


def _grown(timeouts: Timeouts, launch: Launch) -> Timeouts:
    """The timeouts of a program that a tool slows down."""
    if launch.timeout_factor is None:
        return Timeouts(None, None)
    grown = [limit and limit * launch.timeout_factor for limit in (timeouts.program, timeouts.point)]
    return Timeouts(*grown)


def printable(name: str) -> str:
    """The name of a point, which may hold anything, for a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)


def _echo(item: pytest.Item, settings: Settings) -> Callable[[bytes], None]:
    """The stream on which --lkl-passthrough shows raw output: pytest's own terminal, past its capturing."""
    reporter = item.config.pluginmanager.getplugin("terminalreporter")
    capture = item.config.pluginmanager.getplugin("capturemanager")
    if not (settings.passthrough or settings.gdb) or reporter is None:
        return lambda _: None

    def echo(data: bytes) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write(data.decode(errors="backslashreplace"), flush=True)

    return echo
