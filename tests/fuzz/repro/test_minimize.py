"""Programs are minimized, and fail still."""

from __future__ import annotations

from collections.abc import Callable

from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.text import print_program
from lkltest.fuzz.prog.values import Program, Ref
from lkltest.fuzz.repro.minimize import SearchDeadline, minimize, minimize_list


def test_minimizing_keeps_what_the_failure_needs(
    description: Description, parse: Callable[[str], Program]
) -> None:
    """Calls that are not needed go, results are renumbered, arguments become simpler and buffers short."""
    program = parse(
        'getpid()\nr0 = openat(AT_FDCWD, "f1", O_RDWR|O_CREAT|O_NONBLOCK|O_TRUNC, 0644)\nr1 = dup(r0)\ngetuid()\n'
        'r2 = dup(r1)\nwrite(r2, &b"abcdefghijklmnopqrstuvwxyz", 26)\nclose(r0)\n'
    )
    tried: list[Program] = []

    def fails(candidate: Program) -> bool:
        """A file that is open, by any descriptor, and at least one byte."""
        tried.append(candidate)
        opened = {"openat"} & {call.name for call in candidate.calls}
        return bool(opened) and any(
            call.name == "write" and isinstance(call.args[0], Ref) and call.args[2] != 0 for call in candidate.calls
        )

    small = minimize(program, description, fails, SearchDeadline(20))
    assert print_program(small) == 'r0 = openat(0, "f1", 2048, 0)\nwrite(r0, &fill(1, 0x0), 1)\n'
    assert len(tried) < 100


def test_minimizing_stays_within_the_description(description: Description, parse: Callable[[str], Program]) -> None:
    """A command never becomes another one, which might take another structure."""
    program = parse("ioctl(0, TCGETS, &out(512))\n")
    small = minimize(program, description, lambda _: True, SearchDeadline(20))
    assert description.fits(small.calls[0])


def test_minimize_list_finds_a_minimum() -> None:
    """No single item can be dropped from the result."""
    assert minimize_list(range(100), lambda kept: {7, 42, 93} <= set(kept), SearchDeadline(20)) == [7, 42, 93]
