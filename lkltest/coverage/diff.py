"""Two runs compared, and a patch with what tests reach of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lkltest.coverage.summary import Summary


def functions(old: Summary, new: Summary) -> Iterator[str]:
    """The functions that only one of two runs reaches: "+ fs/open.c: do_sys_open"."""
    before, after = _reached(old), _reached(new)
    for mark, names in (("-", before - after), ("+", after - before)):
        for path, name in sorted(names):
            yield f"{mark} {path}: {name}"
    lost, won = len(before - after), len(after - before)
    yield f"{won} functions more, {lost} less; lines: {old.total().hit} -> {new.total().hit}"


def _reached(summary: Summary) -> set[tuple[str, str]]:
    return {
        (summary.relative(path), name)
        for path, file in summary.files.items()
        for name, contexts in file.functions.items()
        if contexts
    }


def unreached(summary: Summary, patch: str) -> tuple[list[str], int]:
    """The lines that a patch (`git diff`) adds and no test reaches, as "fs/open.c:120"; and how many are reached.

    Only lines on which an instrumented block begins are known.
    """
    missed, reached = [], 0
    for path, line in added(patch):
        found = [file.lines[line] for file in summary.find(path) if line in file.lines]
        if any(found):
            reached += 1
        elif found:
            missed.append(f"{path}:{line}")
    return missed, reached


def added(patch: str) -> Iterator[tuple[str, int]]:
    """The lines that a unified diff adds: file and number."""
    path, number, left = "", 0, 0  # `left`: lines that the hunk still has of the new file
    for text in patch.splitlines():
        if left <= 0 and (found := re.match(r"\+\+\+ (?:b/)?([^\t]+)", text)):
            path = found[1]
        elif found := re.match(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", text):
            number, left = int(found[1]), int(found[2] or 1)
        elif left > 0 and not text.startswith(("-", "\\")):
            if text.startswith("+"):
                yield path, number
            number, left = number + 1, left - 1
