"""Plain points as JSON, many at once: making an object of each takes ten times as long as parsing them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from itertools import chain, repeat

from lkltest import expressions
from lkltest.tap.point import Run

# The keys of every such point; `json.describe_point` writes the same.
_OK, _NOT_OK = ', "ok": true, "description": "', ', "ok": false, "description": "'
_REST = ', "diagnostics": null, "raw_diagnostics": null, "duration": null, "comments": [], "points": [], "line": '
_IS_OK = f'", "directive": null, "reason": null, "passed": true{_REST}'
_IS_NOT_OK = f'", "directive": null, "reason": null, "passed": false{_REST}'
_BEGIN = '{"number": '
_BETWEEN = f",\n{_BEGIN}"

# Each byte as its kind: "!" what JSON escapes, "a" what neither ends a duration nor is stripped from the end of a line.
_LAST = set(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") - set(b"cs")  # sec, ms
_KINDS = bytes(
    ord("a") if byte in _LAST
    else ord("!") if byte in b'"\\' or (byte < 0x20 and byte != ord("\n")) or byte > 0x7E
    else byte if byte in b" \n"
    else ord(".")
    for byte in range(256)
)  # fmt: skip


@functools.cache
def _duration() -> re.Pattern[bytes]:
    return expressions.compile(rb"[\d. ](?:us|ms|sec|s)\n")


def is_plain(run: Run) -> bool:
    """Whether the points can be written as they are printed: nothing is escaped, stripped, or a duration."""
    data = run.data
    kinds = data.translate(_KINDS)
    if not run.bare or b"!" in kinds or b"  " in kinds:
        return False
    if kinds.count(b"a\n") == run.lines:
        return True
    return not (b" \n" in data or b" -\n" in data or _duration().search(data))


def write(run: Run) -> Iterator[str]:
    """Yield the objects of a plain run's points, some hundred at once, with commas between them."""
    text = run.data.decode("ascii").removesuffix("\n")
    spans = list(_spans(run))
    if not run.failed and text.count(" - ") == run.count:
        # Of each point its number, its name, and what is between them.
        lines = text[len("ok ") :].replace(" - ", _OK).split("\nok ")
        groups = [lines[start:stop] for start, stop in spans]
        digits = [len(str(run.first + start)) for start, _ in spans]
        # One dash each, behind the number.
        if all(
            all(map(str.startswith, group, repeat(_OK), repeat(at))) for group, at in zip(groups, digits, strict=True)
        ):
            for group, (start, _) in zip(groups, spans, strict=True):
                yield _write_dashed(group, run.line + start)
            return
    lines = text.split("\n")
    for start, stop in spans:
        yield _write(lines[start:stop], run.first + start, run.line + start)


def _spans(run: Run) -> Iterator[tuple[int, int]]:
    """The places where points begin and end whose numbers, and whose lines, differ in the last three digits only."""
    at = 0
    while at < run.count:
        stop = at + min(run.count - at, _left(run.first + at), _left(run.line + at))
        yield at, stop
        at = stop


def _left(number: int) -> int:
    """The count of numbers that from this one on have the same digits but for the last three, and as many of them."""
    end = 10 ** len(str(number)) if number < 1000 else number - number % 1000 + 1000
    return end - number


def _write_dashed(lines: list[str], line: int) -> str:
    """The objects of passed points, of which the number and the name are written."""
    thousand = str(line // 1000) if line >= 1000 else ""
    begin = line % 1000
    ends = (_ends() if thousand else _first_ends())[begin : begin + len(lines)]
    ends[-1] = ends[-1].removesuffix(_BETWEEN)
    parts = chain.from_iterable(zip(lines, repeat(_IS_OK + thousand), ends))
    return "".join(chain([_BEGIN], parts))


def _write(lines: list[str], first: int, line: int) -> str:
    """The objects of points whose numbers have the same number of digits."""
    ok = len(f"ok {first} ")
    objects = []
    for number, text in enumerate(lines, first):
        passed = text[0] == "o"
        name = text[ok:] if passed else text[ok + len("not ") :]
        before, after = (_OK, _IS_OK) if passed else (_NOT_OK, _IS_NOT_OK)
        objects.append(f'{{"number": {number}{before}{name.removeprefix("- ")}{after}{line + number - first}}}')
    return ",\n".join(objects)


@functools.cache
def _ends() -> list[str]:
    """The last digits of a line's number, and what is between its point and the next."""
    return [f"{number:03}}}{_BETWEEN}" for number in range(1000)]


@functools.cache
def _first_ends() -> list[str]:
    return [f"{number}}}{_BETWEEN}" for number in range(1000)]
