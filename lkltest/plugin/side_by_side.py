"""The table of points by kernels in the terminal's summary, and the reasons of skips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lkltest.plugin import causes

if TYPE_CHECKING:
    import pytest

# The words for pytest's outcomes, the worst ones first.
LETTERS = {
    "error": "ERROR", "failed": "FAILED", "xfailed": "todo", "skipped": "skip", "xpassed": "ok!", "passed": "ok",
}  # fmt: skip
ROWS = 15  # of a table; -v prints them all
REASONS = 5  # of skips, the most frequent ones; -rs prints them all

Outcomes = Mapping[str, Mapping[str, str]]  # point -> kernel -> outcome of pytest


def write_table(reporter: pytest.TerminalReporter, outcomes: Outcomes, kernels: Sequence[str]) -> None:
    """Write the points by kernels; where there are more than ROWS, those that differ, and the counts of all."""
    every = len(outcomes) <= ROWS or reporter.verbosity > 0
    different = sorted((point for point, row in outcomes.items() if differs(row)), key=lambda p: severity(outcomes[p]))
    shown = list(outcomes) if every else different[:ROWS]
    lines = [["point", *kernels], *([point, *(cell(outcomes[point].get(k)) for k in kernels)] for point in shown)]
    if not every:
        lines.append([f"all {len(outcomes)} points", *(counts(outcomes, kernel) for kernel in kernels)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    stacked = reporter.isatty and sum(widths) + 2 * len(widths) > reporter._tw.fullwidth
    for line in lines[1:] if stacked else lines:
        text = "  ".join(f"{word:<{width}}" for word, width in zip(line, widths, strict=True))
        marked = differs(outcomes.get(line[0], {}))
        mark = "  <- differ" if marked else ""
        if stacked:
            each = ", ".join(f"{kernel} {word}" for kernel, word in zip(kernels, line[1:], strict=True))
            reporter.write_line(f" {line[0]}", bold=marked)
            reporter.write_line(f"    {each}{mark}", bold=marked)
        else:
            reporter.write_line(f" {text}{mark}".rstrip(), bold=marked)
    if not every:
        more = f"{len(different) - len(shown)} more differ, " if len(different) > len(shown) else ""
        reporter.write_line(f"{more}{len(outcomes) - len(different)} do not differ: -v prints each of them, --lkl-html "
                            "FILE writes a page")  # fmt: skip


def cell(outcome: str | None) -> str:
    """The word for an outcome; a dash for a point that the kernel's plan does not have."""
    return "-" if outcome is None else LETTERS.get(outcome, outcome)


def differs(row: Mapping[str, str]) -> bool:
    """Whether kernels differ at a point; that one's plan does not have it is no difference in what they do."""
    return len(set(row.values())) > 1


def severity(row: Mapping[str, str]) -> int:
    """The rank of a point's worst outcome, 0 for the worst of all."""
    order = list(LETTERS)
    return min(order.index(outcome) if outcome in LETTERS else 0 for outcome in row.values())


def counts(outcomes: Outcomes, kernel: str) -> str:
    """The outcomes of a kernel, counted: "1 FAILED, 12 skip, 230 ok"."""
    seen = Counter(LETTERS.get(row[kernel], row[kernel]) for row in outcomes.values() if kernel in row)
    words = dict.fromkeys([*LETTERS.values(), *seen])
    return ", ".join(f"{seen[word]} {word}" for word in words if word in seen)


def write_skips(reporter: pytest.TerminalReporter) -> None:
    """Write the most frequent reasons of skips, where pytest does not print them all (-rs) and is not to be quiet."""
    if reporter.verbosity < 0 or set(reporter.config.option.reportchars) & set("saA"):
        return
    skipped = [report.longrepr[2] for report in reporter.stats.get("skipped", ())
               if isinstance(report.longrepr, tuple) and causes.cause_of(report) is None]  # fmt: skip
    seen = Counter(str(reason).removeprefix("Skipped: ") for reason in skipped)
    if not seen:
        return
    reporter.section("skipped", "-")
    for reason, count in seen.most_common(REASONS):
        reporter.write_line(f"{count:>5}  {reason.splitlines()[0] if reason else ''}")
    rest = seen.total() - sum(count for _, count in seen.most_common(REASONS))
    if rest:
        reporter.write_line(f"{rest:>5}  for {len(seen) - REASONS} other reasons: -rs prints them all")
