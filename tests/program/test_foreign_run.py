"""The run of a foreign program, by a clock and a child that a script moves."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lkltest.host.process import Chunk, Ended, Stream
from lkltest.program.command import Launch
from lkltest.program.declaration import Timeouts
from lkltest.program.evidence import Limited
from lkltest.program.results import State
from lkltest.program.run import Run

LAUNCH = Launch(("t",), Path("t"), foreign=True)


class Scripted:
    """A child that prints each text after its silence, in seconds of a clock of its own."""

    def __init__(self, *script: tuple[float, bytes]) -> None:
        self.script = list(script)
        self.now = self.started = 0.0
        self.said = b""  # on standard error, and not read yet

    def monotonic(self) -> float:
        """The time."""
        return self.now

    def chunk(self, timeout: float | None) -> Chunk | None:
        """The next output, if its silence is not longer than the timeout."""
        if not self.script:
            return Chunk(Stream.END, b"")
        silence, data = self.script.pop(0)
        if timeout is not None and silence > timeout:
            self.now += timeout
            self.script.insert(0, (silence - timeout, data))
            return None
        self.now += silence
        if data.startswith(b"err:"):
            self.said += data
            return self.chunk(timeout)
        return Chunk(Stream.OUTPUT, data)

    def errors(self) -> bytes:
        """The bytes that wait on standard error."""
        said, self.said = self.said, b""
        return said

    def ended(self, *, timed_out: bool) -> Ended:
        """The end of the program."""
        return Ended(("t",), None if timed_out else 0, 9 if timed_out else None, timed_out, self.now)

    def kill(self) -> None:
        """Nothing is left of it."""

    close = kill


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:  # noqa: ANN401 -- a function
    """Start a run of a scripted child, with a timeout of 3 seconds a point."""

    def start(*script: tuple[float, bytes]) -> Run:
        child: Any = Scripted(*script)
        monkeypatch.setattr("lkltest.program.run.time", SimpleNamespace(monotonic=child.monotonic))
        monkeypatch.setattr("lkltest.program.run.slowdown", lambda: 1.0)
        return Run(LAUNCH, child, (), Timeouts(program=100.0, point=3.0), tmp_path)

    return start


@pytest.mark.parametrize("points", [
    [b"ok 1\n", b"ok 2\n", b"ok 3\n", b"1..3\n"],
    [b"# Subtest: a\n    ok 1\n", b"    ok 2\n", b"    ok 3\n    1..3\n", b"ok 1 - a\n1..1\n"],
])  # fmt: skip
def test_the_timeout_counts_from_point_to_point(run: Any, points: list[bytes]) -> None:  # noqa: ANN401 -- a function
    """Points that come in time move the deadline, those inside subtests too, however long all take together."""
    assert run(*((2.0, point) for point in points)).end().problems == ()


def test_a_silence_is_measured_from_the_line_of_the_point(run: Any) -> None:  # noqa: ANN401 -- a function
    """The point that hangs has the whole timeout, though the one before it was not complete until then."""
    silent = run((2.0, b"1..2\nok 1\n"), (2.5, b"ok 2\n"))
    assert silent.end().problems == ()
    silent = run((2.0, b"1..2\nok 1\n"), (3.5, b"ok 2\n"))
    assert [problem.kind.value for problem in silent.end().problems] == ["timeout", "output"]
    assert (silent.timeout.of, silent.child.now) == (Limited.POINT, 5.0)


def test_noise_is_no_sign_of_life(run: Any) -> None:  # noqa: ANN401 -- a function
    """Output that is no point moves no deadline."""
    assert run(*[(1.0, b"noise\n")] * 9).end().lost is not None


def test_each_point_has_its_own_time(run: Any) -> None:  # noqa: ANN401 -- a function
    """A point that tells none took from the line of the point before to its own."""
    silent = run((1.0, b"1..3\nok 1 - a\n"), (2.0, b"ok 2 - b\n"), (0.5, b"ok 3 - c # time=7ms\n"))
    assert [silent.result(name).seconds for name in "abc"] == [1.0, 2.0, 0.007]


def test_standard_error_goes_to_the_failures_around_it(run: Any) -> None:  # noqa: ANN401 -- a function
    """Standard error is told with a failed point that it came before or behind, and not with a later one."""
    silent = run(
        (0.1, b"1..4\nok 1 - a\n"), (0.1, b"err: why b\n"), (0.1, b"not ok 2 - b\n"), (0.1, b"err: more\n"),
        (0.1, b"ok 3 - c\n"), (0.1, b"x\n"), (0.1, b"not ok 4 - d\n"),
    )  # fmt: skip
    assert "why b" in silent.result("b").message
    assert "more" in silent.result("b").message
    assert silent.result("c").message == ""
    assert "why b" not in silent.result("d").message
    assert silent.result("d").state is State.FAILED
