"""A strict reader of what programs of the harness print."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lkltest import tap
from lkltest.host import process

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
SHAPES = HERE / "shapes"
BOOT = HERE.parent.parent / "suites" / "boot" / "boot.c"

RESULT = re.compile(r"(ok|not ok) (\d+) (\w+)(?: # (SKIP|TODO) (.*))?")


@dataclass(frozen=True)
class Point:
    """One result, read as strictly as TAP 13 can be."""

    ok: bool
    name: str
    directive: str | None
    reason: str | None
    block: dict[str, Any]


@dataclass(frozen=True)
class Output:
    """The output of a program, and its end."""

    points: dict[str, Point]
    comments: list[str]
    bail_out: str | None
    status: int | None
    console: str


Build = Callable[..., Path]  # (name or source, *flags): the executable
Run = Callable[..., Output]  # (name or source, *arguments, flags=()): what it printed


def read(done: process.Completed) -> Output:
    """Read a program's output; any line that is not exactly what it may be fails the test."""
    text = done.output.decode()
    lines = text.split("\n")
    assert lines.pop() == ""
    assert lines.pop(0) == "TAP version 13"
    plan = re.fullmatch(r"1\.\.(\d+)", lines.pop(0))
    assert plan is not None
    points: dict[str, Point] = {}
    comments: list[str] = []
    bail_out = announced = None
    while lines:
        line = lines.pop(0)
        if line.startswith("# running "):
            announced = line.removeprefix("# running ")
        elif line.startswith("# "):
            comments.append(line.removeprefix("# "))
        elif line.startswith("Bail out! "):
            bail_out = line.removeprefix("Bail out! ")
            assert not lines
        else:
            match = RESULT.fullmatch(line)
            assert match is not None, line
            assert announced == f"{match[2]} {match[3]}"
            assert int(match[2]) == len(points) + 1
            end = lines.index("  ...")
            assert lines[0] == "  ---"
            assert all(line.startswith("  ") for line in lines[:end])
            block = yaml.safe_load("\n".join(lines[1:end]) + "\n")
            points[match[3]] = Point(match[1] == "ok", match[3], match[4], match[5], block)
            del lines[: end + 1]
    assert len(points) == int(plan[1]) or bail_out is not None
    parser = tap.Parser()
    parser.feed(done.output)
    parser.close()
    assert list(parser.report.problems) == [] or bail_out is not None
    return Output(points, comments, bail_out, done.status, done.errors.decode(errors="replace"))


def failed(output: Output) -> list[str]:
    """The names of the points that failed."""
    return [point.name for point in output.points.values() if not point.ok]


def run_planted(argv: Sequence[str | Path]) -> Output:
    """Run plant.c, which prints more than a pipe holds, and read its results only when its line is planted."""
    with process.Child(argv, stderr=process.PIPE) as child:
        assert child.popen.stderr is not None
        console = child.popen.stderr.fileno()
        output, errors = b"", b""
        while b"plant: done" not in errors and process.readable(console, 60) and (said := os.read(console, 4096)):
            errors += said
        while (chunk := child.chunk(60)) and chunk.stream is not process.Stream.END:
            if chunk.stream is process.Stream.OUTPUT:
                output += chunk.data
            else:
                errors += chunk.data
        child.kill()
        ended = child.ended()
    return read(process.Completed(**vars(ended), output=output, errors=errors))
