"""Plain points as JSON, many at once: making an object of each takes ten times as long as parsing them."""

from __future__ import annotations

import functools
import re

from lkltest.tap.point import Run

# The keys of every such point; `json.describe_point` writes the same.
_OK, _NOT_OK = ', "ok": true, "description": "', ', "ok": false, "description": "'
_REST = ', "diagnostics": null, "raw_diagnostics": null, "duration": null, "comments": [], "points": [], "line": '
_IS_OK = f'", "directive": null, "reason": null, "passed": true{_REST}'
_IS_NOT_OK = f'", "directive": null, "reason": null, "passed": false{_REST}'

# ASCII that JSON does not escape.
_PLAIN = bytes(set(range(0x20, 0x7F)) - set(b'"\\')) + b"\n"


@functools.cache
def _duration() -> re.Pattern[bytes]:
    return re.compile(rb"[\d. ](?:us|ms|sec|s)\n")


def is_plain(run: Run) -> bool:
    """Whether the points can be written as they are printed: nothing is escaped, stripped, or a duration."""
    data = run.data
    if not run.bare or data.translate(None, _PLAIN) or b"  " in data or b" \n" in data or b" -\n" in data:
        return False
    return b"s\n" not in data or _duration().search(data) is None


def write(run: Run) -> str:
    """The objects of a plain run's points, with commas between them."""
    lines = run.data.decode("ascii").split("\n")[:-1]
    pieces = []
    at = 0
    while at < len(lines):  # points whose numbers have as many digits
        digits = len(str(run.first + at))
        end = min(len(lines), 10**digits - run.first)
        pieces += _write(lines[at:end], run.first + at, run.line + at, digits)
        at = end
    return ",\n".join(pieces)


def _write(lines: list[str], first: int, line: int, digits: int) -> list[str]:
    """The objects of points whose numbers have the same number of digits."""
    ok, not_ok = digits + len("ok  "), digits + len("not ok  ")
    dashed = ok + len("- ")
    if {text[ok:dashed] for text in lines} == {"- "} and {text[0] for text in lines} == {"o"}:
        rows = zip(range(first, first + len(lines)), lines, range(line, line + len(lines)), strict=True)
        return [f'{{"number": {number}{_OK}{text[dashed:]}{_IS_OK}{at}}}' for number, text, at in rows]
    objects = []
    for number, text in enumerate(lines, first):
        name = text[ok:] if text[0] == "o" else text[not_ok:]
        before, after = (_OK, _IS_OK) if text[0] == "o" else (_NOT_OK, _IS_NOT_OK)
        objects.append(f'{{"number": {number}{before}{name.removeprefix("- ")}{after}{line + number - first}}}')
    return objects
