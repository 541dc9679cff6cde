"""The lcov info file, which genhtml, diff-cover and CI services read."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from lkltest.coverage.summary import File, Summary
from lkltest.errors import UsageError

INFO = "lcov.info"  # the file's name where nobody gave it one


def render(summary: Summary, relative: bool = False) -> str:
    """The whole file, with the number of contexts for each line.

    Paths are absolute, as the debug information has them, or relative to the root of the kernel's sources.
    """
    named = (
        (summary.relative(path) if relative else path, _inside(path, summary.files[path]))
        for path in sorted(summary.files)
    )
    return "".join(f"{line}\n" for name, file in named for line in _record(name, file))


def write(summary: Summary, path: Path, relative: bool = False) -> None:
    """Write the file; raises UsageError where that cannot be done."""
    try:
        path.write_bytes(os.fsencode(render(summary, relative)))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; name another") from None


def _inside(path: str, file: File) -> File:
    """The file without lines behind its source's end, with which genhtml 2 would refuse it.

    A compiler may name a header's line and the file that includes it: 6 of the default kernel's 129,894 lines.
    """
    try:
        end = len(Path(path).read_bytes().splitlines())
    except OSError:
        return file  # nobody can look up its lines
    known = {name: start for name, start in file.starts.items() if start <= end}
    return File({line: contexts for line, contexts in file.lines.items() if line <= end},
                {name: file.functions[name] for name in known}, known)


def _record(path: str, file: File) -> Iterator[str]:
    """The lines of one source file."""
    yield "TN:"
    yield f"SF:{path}"
    functions = _functions(file)
    for start, names in functions:
        for name in names:
            yield f"FN:{start},{name}"
    for _, names in functions:
        for name in names:
            yield f"FNDA:{len(file.functions[name])},{name}"
    known = [name for _, names in functions for name in names]
    yield f"FNF:{len(known)}"
    yield f"FNH:{sum(1 for name in known if file.functions[name])}"
    for number in sorted(file.lines):
        yield f"DA:{number},{len(file.lines[number])}"
    share = file.share()
    yield f"LF:{share.lines}"
    yield f"LH:{share.hit}"
    yield "end_of_record"


def _functions(file: File) -> list[tuple[int, list[str]]]:
    """The functions of a file by their first lines, without those whose lines contradict them.

    lcov 2 takes a function to end where the next one begins, and refuses a whole file where a function is hit and
    none of its lines, or the other way round. Optimized code has a few such: parts of functions that are inlined where
    the debug information does not say so.
    """
    at: dict[int, list[str]] = {}
    for name in sorted(file.functions):
        at.setdefault(file.starts[name], []).append(name)
    starts, numbers = sorted(at), sorted(file.lines)
    while contradicting := [start for start, inside in _ranges(starts, numbers)
                            if any(file.lines[line] for line in inside) != any(file.functions[n] for n in at[start])]:
        starts.remove(contradicting[-1])  # its lines become those of the one before, which may agree by that
    return [(start, at[start]) for start in starts]


def _ranges(starts: Sequence[int], numbers: Sequence[int]) -> Iterator[tuple[int, Sequence[int]]]:
    """Each first line, and the numbers from it up to the next one."""
    ends = [bisect_left(numbers, start) for start in starts]
    for start, (begin, end) in zip(starts, pairwise([*ends, len(numbers)]), strict=True):
        yield start, numbers[begin:end]
