"""The verdict of the gate, for a terminal, a mail and `git bisect run`."""

from __future__ import annotations

import enum
import textwrap
from dataclasses import dataclass

from lkltest.errors import Exit

WIDTH = 76  # columns: fits into a mail, quoted once or twice
LINES = 12  # of what failed, that a mail can take


class Verdict(enum.Enum):
    """The outcome of one check."""

    PASSED = "passed"
    FAILED = "FAILED"
    LOST = "KERNEL LOST"  # it crashed, hung or went away
    NOT_BUILT = "DOES NOT BUILD"
    NOT_RUN = "not run"
    UNUSABLE = "CANNOT RUN HERE"  # this machine cannot run the kernel: that says nothing of the tree


@dataclass(frozen=True)
class Row:
    """One check of one kernel."""

    kernel: str  # "UML", "tools/lkl"
    check: str  # "builds", "linux is executable", "suites/uml"
    verdict: Verdict
    detail: str = ""  # a few words: "21 passed"
    explanation: str = ""  # lines on what failed, for below the table
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """Everything that the gate found out about one tree."""

    commit: str  # what `git describe` says of it; empty where git does not know it
    version: str  # the kernel's, by its makefile: "6.1.192"
    rows: tuple[Row, ...]

    @property
    def exit_code(self) -> Exit:
        """Bad for `git bisect run` where a test failed or a kernel was lost, to be skipped where one does not build.

        There is no verdict where this machine cannot run a kernel, and nothing is wrong with the others.
        """
        verdicts = {row.verdict for row in self.rows}
        if Verdict.LOST in verdicts:
            return Exit.KERNEL_LOST
        if Verdict.FAILED in verdicts:
            return Exit.FAILED
        if Verdict.UNUSABLE in verdicts:
            return Exit.USAGE
        return Exit.DOES_NOT_BUILD if Verdict.NOT_BUILT in verdicts else Exit.PASSED

    def text(self) -> str:
        """The report as plain text, for a mail."""
        parts = [f"lkltest gate: Linux {self.version}{f' ({self.commit})' if self.commit else ''}: {self.summary()}"]
        parts.append("\n".join(self.table()))
        parts += [explain(row) for row in self.rows if row.explanation]
        return "\n\n".join(parts) + "\n"

    def summary(self) -> str:
        """The whole verdict in a few words."""
        whole = all(row.verdict is Verdict.PASSED for row in self.rows)
        return {
            Exit.PASSED: "passed" if whole else "passed, as far as it was run",
            Exit.FAILED: "FAILED",
            Exit.USAGE: "no verdict: mend this machine first",
            Exit.KERNEL_LOST: "FAILED: the kernel was lost",
            Exit.DOES_NOT_BUILD: "DOES NOT BUILD",
        }[self.exit_code]

    def table(self) -> list[str]:
        """The lines of the table."""
        cells = [(row.kernel, row.check, row.verdict.value, row.detail, duration(row.seconds)) for row in self.rows]
        widths = [max(len(line[column]) for line in cells) for column in range(5)]
        return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
                for line in cells]  # fmt: skip


def duration(seconds: float) -> str:
    """A wall time as people write it; empty where nothing was timed."""
    if not seconds:
        return ""
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60} s"


def explain(row: Row) -> str:
    """The paragraph of a mail on a check that did not pass, below the table."""
    lines = row.explanation.rstrip().splitlines()
    more = [f"[{len(lines) - LINES} more lines]"] if len(lines) > LINES else []
    return f"{row.kernel}, {row.check}:\n" + textwrap.indent("\n".join([*lines[:LINES], *more]), "    ")
