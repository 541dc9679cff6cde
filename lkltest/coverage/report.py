"""Reports on coverage for a terminal: a table by directory, bounds that were missed, differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lkltest.coverage.summary import Share, Summary
from lkltest.errors import UsageError


def table(summary: Summary, depth: int = 2) -> Iterator[str]:
    """Lines, hit and share of each directory, worst first, and of all."""
    rows = [*summary.directories(depth).items()]
    width = max([len("directory"), *(len(name) for name, _ in rows)])
    rule = "-" * (width + 28)
    yield f"{'directory':<{width}}  {'lines':>8}  {'hit':>8}  {'share':>6}"
    yield rule
    for name, share in rows:
        yield _row(name, share, width)
    yield rule
    yield _row("TOTAL", summary.total(), width)
    if summary.silent:
        yield (f"{len(summary.silent)} runs have left nothing, first {summary.silent[0]}: they ended before their "
               "start, or what runs them changes the environment")
    for root in summary.roots:
        if not Path(root).is_dir():
            yield f"the kernel's sources in {root} are not there any more: genhtml needs them, and HTML pages lack them"
    if summary.strays:
        yield f"{summary.strays} addresses are not known as instrumented ones, and are left out"


def _row(name: str, share: Share, width: int) -> str:
    return f"{name:<{width}}  {share.lines:>8}  {share.hit:>8}  {share.percent:>5.1f}%"


def untouched(summary: Summary, count: int) -> Iterator[str]:
    """The largest source files of which nothing was reached, with their lines."""
    shares = {path: file.share() for path, file in summary.files.items()}
    empty = sorted((path for path, share in shares.items() if not share.hit), key=lambda path: -shares[path].lines)
    for path in empty[:count]:
        yield f"{shares[path].lines:>8}  {summary.relative(path)}"


def missed(summary: Summary, bounds: Iterable[tuple[str, float]]) -> list[str]:
    """A sentence for each bound that the share is under.

    Raises UsageError for a directory that has no line in the data: its bound would hold of nothing.
    """
    told = []
    for directory, bound in bounds:
        share = summary.below(directory) if directory else summary.total()
        if not share.lines:
            raise UsageError(f"--lkl-cov-fail-under {directory or 'TOTAL'}={bound:g}: no instrumented line there; "
                             "name a directory as it is in the kernel's sources, such as fs/ext4")
        if share.percent < bound:
            told.append(f"coverage of {directory or 'all'} is {share.percent:.2f}%, less than {bound:g}%")
    return told


def contexts_of(summary: Summary, place: str) -> list[str]:
    """The contexts that reach FILE:LINE; raises UsageError where there is no such line."""
    name, _, number = place.rpartition(":")
    files = summary.find(name) if name and number.isdigit() else []
    if not files:
        raise UsageError(f"no instrumented line of {name or place!r}: name a line as fs/open.c:120")
    found = [file.lines[int(number)] for file in files if int(number) in file.lines]
    if not found:
        near = _nearest([line for file in files for line in file.lines], int(number))
        raise UsageError(f"no basic block begins at {place}: the nearest line where one does is {near}")
    return sorted({summary.contexts[context] for contexts in found for context in contexts})


def _nearest(numbers: Sequence[int], number: int) -> int:
    return min(numbers, key=lambda one: abs(one - number))
