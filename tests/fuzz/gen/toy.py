"""A small program in Python in the place of a kernel: its lines are traced, and its comparisons are told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from lkltest.fuzz.gen.engine import Engine
from lkltest.fuzz.gen.generator import Batch, EncodedProgram
from lkltest.fuzz.lang.describe import Description, join
from lkltest.fuzz.lang.headers import Argument, Headers, Signature
from lkltest.fuzz.prog.ctype import CType
from lkltest.fuzz.prog.reach import Comparison, Reach
from lkltest.fuzz.prog.values import Call, Fill, Pointer, Raw

INT = CType("int", 4, signed=True)
LONG = CType("int", 8)
BYTES = CType("pointer", 8, target=CType("void"), const=True)
if TYPE_CHECKING:
    from _typeshed import TraceFunction

OTHERS = tuple(f"other{n}" for n in range(5))  # calls that lead nowhere
STEPS = (7, 4, 1, 6, 3)  # to be made in this order
MAGICS = (0x4C4B4C31, 0xDEADBEEF, 0x10DE5EED)

SCENARIOS = {"toy": {"weight": 1, "start": ["open"], "body": ["step", "feed", *OTHERS]}}


def describe_toy() -> Description:
    """The toy's calls, as a kernel's are described."""
    shapes = {
        "open": {"flags": INT}, "step": {"fd": INT, "kind": INT}, "feed": {"fd": INT, "data": BYTES, "len": LONG},
        **{name: {"value": INT} for name in OTHERS},
    }
    calls = {
        name: Signature(name, number, tuple(Argument(key, type) for key, type in arguments.items()))
        for number, (name, arguments) in enumerate(shapes.items(), 1)
    }
    annotations = {
        "open": {"flags": "int(0, 7)", "produces": "file"}, "step": {"fd": "fd(file)", "kind": "int(0, 7)"},
        "feed": {"fd": "fd(file)", "data": "data(16, 16)", "len": "size(data)"},
        **{name: {"value": "int(0, 3)"} for name in OTHERS},
    }
    data: dict[str, dict[str, Any]] = {"types": {}, "structs": {}, "calls": annotations, "left_out": {}}
    return join(Headers(calls, tuple(calls), {}, {}, {}), data)


class Machine:
    """The program under test: it forgets everything after each program."""

    def __init__(self, tell: Callable[[int, int], None]) -> None:
        self.tell = tell  # of two numbers that are compared
        self.opened = 0
        self.stage = 0
        self.reached: set[str] = set()

    def same(self, a: int, b: int) -> bool:
        """Compare two numbers as an instrumented program does."""
        self.tell(a, b)
        return a == b

    def call(self, call: Call) -> None:
        """Make a call."""
        match call.name:
            case "open":
                self.opened += 1
            case "step" if self.opened:
                self.step(call.args[1])
            case "feed" if self.opened:
                self.feed(call.args[1])

    def step(self, kind: object) -> None:
        """Take a step, if it is the next one. Each has lines of its own."""
        if self.stage == 0 and kind == STEPS[0]:
            self.stage = 1
        elif self.stage == 1 and kind == STEPS[1]:
            self.stage = 2
        elif self.stage == 2 and kind == STEPS[2]:
            self.stage = 3
        elif self.stage == 3 and kind == STEPS[3]:
            self.stage = 4
        elif self.stage == 4 and kind == STEPS[4]:
            self.reached.add("five steps")

    def feed(self, value: object) -> None:
        """Look at the header of some bytes."""
        data = b""
        match value:
            case Pointer(Raw(given)):
                data = given
            case Pointer(Fill(size, byte)):
                data = bytes([byte]) * size
        if not self.same(int.from_bytes(data[0:4], "little"), MAGICS[0]):
            return
        if not self.same(int.from_bytes(data[4:8], "big"), MAGICS[1]):
            return
        if self.same(int.from_bytes(data[8:12], "little"), MAGICS[2]):
            self.reached.add("three magics")


class Toy:
    """Runs batches on fresh machines, as a worker runs them on a kernel."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.reached: set[str] = set()
        self.programs = 0

    def run(self, batch: Batch) -> list[Reach]:
        """Run a batch; the edges that it asks for."""
        found = []
        for number, program in enumerate(batch.programs):
            reach = Reach(number)
            self.one(program, reach, batch)
            if reach.calls or reach.comparisons:
                found.append(reach)
        self.programs += len(batch.programs)
        return found

    def one(self, program: EncodedProgram, reach: Reach, batch: Batch) -> None:
        """Run a program."""
        compared: list[Comparison] = []
        machine = Machine(lambda a, b: compared.append(Comparison(4, a, b)) if a != b else None)
        for index, encoded in enumerate(program.calls):
            compared.clear()
            edges = traced(machine.call, encoded.call)
            if not batch.every:
                edges = edges - self.seen if batch.wanted is None else edges & batch.wanted
            self.seen |= edges
            if edges:
                reach.calls[index] = frozenset(edges)
            if batch.compare and compared:
                reach.comparisons[index] = list(compared)
        self.reached |= machine.reached

    def fuzz(self, engine: Engine, goal: str, most: int) -> int:
        """Let an engine fuzz until the machine reaches a goal; the number of programs, at most `most`."""
        while goal not in self.reached and self.programs < most:
            batch = engine.batch(32)
            engine.learn(batch, len(batch.programs), self.run(batch), ())
        return self.programs


def traced(function: Callable[[Call], None], call: Call) -> set[int]:
    """The pairs of lines of this file that follow each other in a call."""
    edges = set()
    before = 0

    def trace(frame: FrameType, event: str, _argument: object) -> TraceFunction | None:
        nonlocal before
        if frame.f_code.co_filename != __file__:
            return None
        if event == "line":
            edges.add(before * 1000 + frame.f_lineno)
            before = frame.f_lineno
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        function(call)
    finally:
        sys.settrace(outer)
    return edges
