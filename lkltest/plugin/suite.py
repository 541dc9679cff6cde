"""A test program as a pytest class, whose methods are its points."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from lkltest.errors import UsageError
from lkltest.kernel import Kernel
from lkltest.plugin.run_items import group
from lkltest.plugin.running import ProgramRun, RunArguments, printable
from lkltest.plugin.session import LAST, SELECTED
from lkltest.program import Program
from lkltest.program.table import Declared, read
from lkltest.settings import Settings

EXIT = "exit"  # the item of the program's own end
UNTABLED = "program"  # the only item of a program whose points are not known
FIXTURE = "lkltest_run"

# Names that mean something to Python or pytest in a class of tests, whatever stands there.
RESERVED = re.compile(rf"__\w+__|(setup|teardown)_(class|method)|pytestmark|{FIXTURE}")


class ProgramSuite(pytest.Class):
    """A declared test program: a class whose methods are its points.

    Being a class, it has class-scoped fixtures, one of which is the run, and pytest's own parametrization,
    selection and ordering apply to its points as to any test.
    """

    program: Program
    source: Path
    line: int  # of the declaration in the suite's file
    points: tuple[Declared, ...]
    models: dict[tuple[bool, frozenset[str] | None], list[pytest.Function]]  # items of the first point of each kind
    mistake: str = ""  # why its table could not be read: told by the one item that is left, for others can still run

    kernels: tuple[str, ...] = ("kernel",)  # the fixtures that a run takes besides those of the suite's function

    @classmethod
    def of(cls, parent: pytest.Module | pytest.Class, name: str, program: Program) -> Self:
        """Collect `program`, declared as `name` in `parent`."""
        suite: Self = cls.from_parent(parent, name=name)
        suite.complete(program)
        return suite

    def complete(self, program: Program) -> None:
        """Read the points of the declared program, and make the class of them."""
        self.program = program
        self.models = {}
        self._read_points()
        self.line = self._find_line()
        self.obj = self._make_class()

    def _read_points(self) -> None:
        self.source = self.path.parent / self.program.source
        try:
            self.points = read(self.source)
        except UsageError as error:
            self.points, self.mistake = (), str(error)

    def source_on(self, kernel: Kernel) -> Path:  # noqa: ARG002 -- a tree's own program differs from tree to tree
        """The C source of the program that runs on a kernel."""
        return self.source

    def points_on(self, kernel: Kernel) -> tuple[Declared, ...]:
        """The points that the program has on a kernel."""
        native = not kernel.linked
        return tuple(point for point in self.points if not (native and point.library))

    def selected(self, item: pytest.Item) -> frozenset[str] | None:
        """The points of an item's run that are selected; None where the program's end is, or it has no table."""
        names = item.config.stash.get(SELECTED, {}).get(group(item))
        if names is None or self.end in names or not self.points:
            return None
        return frozenset(point.name for point in self.points if attribute(point.name) in names)

    def place(self, name: str) -> tuple[str, int]:
        """The C file and line that declare a point."""
        line = next((point.line for point in self.points if point.name == name), 1)
        return str(self.source), line

    def funcnamefilter(self, name: str) -> bool:
        """Whether pytest takes a name for a test's: all points are tests, under any name."""
        return getattr(getattr(self.obj, name, None), "lkltest_point", False) is True

    def make_items(self, name: str, test: Callable[..., None]) -> list[pytest.Collector | pytest.Item] | None:
        """The items of a point; None for what is no point.

        pytest's hooks parametrize the first point only. The others run on the same kernels and images and take the
        same fixtures, so that asking for each, which takes most of a collection's time, would give the same.
        """
        if not self.funcnamefilter(name):
            return None
        kind = test.lkltest_native, getattr(test, "lkltest_only", None)  # type: ignore[attr-defined]
        if kind not in self.models:
            self.models[kind] = list(self._genfunctions(name, test))
            return [*self.models[kind]]
        return [self._like(model, name) for model in self.models[kind]]

    def _like(self, model: pytest.Function, name: str) -> pytest.Function:
        """An item of the point `name`, parametrized as another point's item is."""
        fixtures, callspec = model._fixtureinfo, getattr(model, "callspec", None)
        if callspec is None:
            return pytest.Function.from_parent(self, name=name, fixtureinfo=fixtures)
        return pytest.Function.from_parent(
            self, name=f"{name}[{callspec.id}]" if callspec.id else name, callspec=callspec, fixtureinfo=fixtures,
            keywords={callspec.id: True}, originalname=name,
        )  # fmt: skip

    def _make_class(self) -> type:
        tests = {attribute(name): test for name, test in self._make_tests().items()}
        return type(self.name, (), {**tests, FIXTURE: self._make_fixture()})

    def _make_tests(self) -> dict[str, Callable[..., None]]:
        """The functions of the points and of the end, or the one of a program without a table."""
        if not self.points and not self.mistake:
            return {UNTABLED: self._make_untabled()}
        return {**{point.name: self._make_point(point) for point in self.points}, self.end: self._make_point(None)}

    @property
    def ci_path(self) -> tuple[str, ...]:
        """The place of its points in a tree of all tests."""
        return ("lkltest", self.name)

    @property
    def end(self) -> str:
        """The name of the item of the program's own end."""
        return EXIT if all(point.name != EXIT for point in self.points) else f"{EXIT}#program"

    def _make_untabled(self) -> Callable[..., None]:
        return self._locate(_check_untabled, UNTABLED, native=False)

    def _make_point(self, point: Declared | None) -> Callable[..., None]:
        name = point.name if point else None
        native = self.program.native and not (point and point.library)

        def check(_: object, request: pytest.FixtureRequest, lkltest_run: ProgramRun) -> None:
            lkltest_run.check(name, request.node, last=request.node.stash[LAST])

        return self._locate(check, name or EXIT, native=native)

    def _find_line(self) -> int:
        """The line of the suite's file that declares the program."""
        text = self.path.read_text(encoding="utf-8", errors="replace")
        match = re.search(rf"^(?:def )?{re.escape(self.name)}\b", text, re.MULTILINE)
        return text.count("\n", 0, match.start()) + 1 if match else 1

    def _locate(self, function: Callable[..., None], name: str, *, native: bool) -> Callable[..., None]:
        """Let a function stand where the suite declares the program, so that pytest points there and not here."""
        code = function.__code__.replace(co_filename=str(self.path), co_firstlineno=self.line, co_name=name)
        located = types.FunctionType(code, function.__globals__, name, function.__defaults__, function.__closure__)
        located.lkltest_point = True  # type: ignore[attr-defined]
        located.lkltest_native = native  # type: ignore[attr-defined]
        return located

    def begin(
        self, kernel: Any, arguments: RunArguments, asked: pytest.Item, settings: Settings  # noqa: ANN401 -- a fixture's
    ) -> ProgramRun:
        """Prepare a run on a kernel for the item that asked for it first."""
        return ProgramRun(self, kernel, arguments, asked, group(asked)[1], settings)

    def _make_fixture(self) -> object:
        """The class-scoped fixture `lkltest_run`, which takes the fixtures that the suite's function names."""
        suite, case = self, self.program.case
        taken = [*self.kernels, *inspect.signature(case).parameters]
        wanted = [name for name in dict.fromkeys(taken) if name not in {"request", "lkltest_settings"}]

        def lkltest_run(
            _: object, request: Any, lkltest_settings: Settings, **fixtures: Any  # noqa: ANN401
        ) -> Iterator[ProgramRun]:
            """The run of the class's program on one kernel; the first of its points starts it."""
            given = {"request": request, "lkltest_settings": lkltest_settings, **fixtures}
            arguments = case(**{name: given[name] for name in inspect.signature(case).parameters})
            # Class-scoped, the request knows its class only; the item that asked for it first has the parameters too.
            asked = request._pyfuncitem
            with suite.begin(fixtures.get("kernel"), arguments, asked, lkltest_settings) as run:
                yield run

        names = ["_", "request", "lkltest_settings", *wanted]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind) for name in names]
        lkltest_run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return pytest.fixture(scope="class")(classmethod(lkltest_run))  # type: ignore[arg-type]

    def _getobj(self) -> type:
        return self._make_class()


def attribute(name: str) -> str:
    """The name of a point's item: the point's own, unless a class of tests cannot have it."""
    return f"{name}#point" if RESERVED.fullmatch(name) else name


def item_name(name: str) -> str:
    """The name of an item, which has what pytest's ids take for their own marks written otherwise."""
    plain = printable(name).replace("[", "(").replace("]", ")")
    return re.sub(":{2,}", ":", plain).strip(":") or "point"


def _check_untabled(
    _: object, request: pytest.FixtureRequest, lkltest_run: ProgramRun, subtests: pytest.Subtests
) -> None:
    """Run a program without a table of points as one item, with a subtest for each point that comes."""
    lkltest_run.check_all(request.node, subtests)
