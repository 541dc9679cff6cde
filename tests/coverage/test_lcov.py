"""The lcov info file: each function agrees with its lines, as lcov 2 and genhtml 2 demand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lkltest.coverage import lcov
from lkltest.coverage.summary import File, Summary

Functions = dict[str, tuple[int, set[int]]]  # the first line of each, and the contexts that reach it


def render(path: Path, lines: dict[int, set[int]], functions: Functions) -> str:
    """The lcov file of one source."""
    file = File(lines, {name: hits for name, (_, hits) in functions.items()},
                {name: start for name, (start, _) in functions.items()})
    return lcov.render(Summary({str(path): file}, ("point",), ()))


def agrees(text: str) -> bool:
    """Whether each function is hit just if a line is, from its first one to the next function's: lcov 2's check."""
    starts = {name: int(start) for start, name in re.findall(r"^FN:(\d+),(.*)$", text, re.M)}
    hits = {name: int(number) for number, name in re.findall(r"^FNDA:(\d+),(.*)$", text, re.M)}
    lines = {int(line): int(number) for line, number in re.findall(r"^DA:(\d+),(\d+)$", text, re.M)}
    for start in starts.values():
        end = min((other for other in starts.values() if other > start), default=1 << 30)
        lines_hit = any(number for line, number in lines.items() if start <= line < end)
        if lines_hit != any(hits[name] for name in starts if starts[name] == start):
            return False
    return starts.keys() == hits.keys()


@pytest.mark.parametrize(("lines", "functions", "kept"), [
    ({3: {0}, 9: set()}, {"one": (3, {0}), "two": (9, set())}, {"one", "two"}),
    ({3: {0}, 9: {0}}, {"one": (3, {0}), "not_hit": (9, set())}, {"one"}),
    ({3: {0}, 9: set()}, {"one": (3, {0}), "no_line_hit": (9, {0})}, {"one"}),
    ({3: set(), 5: {0}}, {"one": (3, {0}), "inner": (5, set())}, {"one"}),
    ({3: set(), 5: {0}}, {"inlined": (3, set()), "copy": (3, {0})}, {"inlined", "copy"}),
    ({3: set(), 5: set(), 7: {0}}, {"one": (3, set()), "two": (5, {0}), "three": (7, set())}, {"one", "two"}),
], ids=["agree", "not hit", "no line hit", "one within another", "two at one line", "one after the other"])  # fmt: skip
def test_functions_that_contradict_their_lines_are_left_out(
    tmp_path: Path, lines: dict[int, set[int]], functions: Functions, kept: set[str]
) -> None:
    """All other functions, and all lines, are in the file, and what is there agrees."""
    text = render(tmp_path / "gone.c", lines, functions)
    assert set(re.findall(r"^FN:\d+,(.*)$", text, re.M)) == kept
    assert agrees(text)
    assert f"FNF:{len(kept)}\n" in text
    assert f"LF:{len(lines)}\n" in text


def test_lines_behind_the_end_of_a_source_are_left_out(tmp_path: Path) -> None:
    """A line that the source does not have is not in the file, nor is a function that begins there."""
    source = tmp_path / "short.c"
    source.write_text("1\n2\n3\n")
    text = render(source, {3: {0}, 4: {0}}, {"one": (3, {0}), "other": (4, {0})})
    assert re.findall(r"^DA:(.*)$", text, re.M) == ["3,1"]
    assert "FNF:1\n" in text
    assert "LF:1\n" in text
