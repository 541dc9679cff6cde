"""The kinds of problems, and which of them fail a stream."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lkltest.tap import Parser, ProblemKind

PAGE = Path(__file__).parents[2] / "docs" / "tap.md"
HUGE = "9" * 30
# A stream with a problem of each kind that fails it, in which no point is `not ok`.
FAILING = {
    ProblemKind.MISPLACED_PLAN: "ok 1\n1..2\nok 2\n",
    ProblemKind.HUGE_PLAN: f"1..{HUGE}\nok 1\n",
    ProblemKind.HUGE_NUMBER: f"1..1\nok {HUGE}\n",
    ProblemKind.MISSING_POINTS: "1..2\nok 1\n",
    ProblemKind.OUTSIDE_PLAN: "1..1\nok 1\nok 2\n",
    ProblemKind.DUPLICATE_NUMBER: "1..2\nok 1\nok 1\n",
    ProblemKind.AFTER_SKIP_ALL: "1..0 # SKIP no net\nok 1\n",
    ProblemKind.AFTER_BAIL_OUT: "1..2\nok 1\nBail out!\nok 2\n",
    ProblemKind.UNFINISHED_POINT: "KTAP version 1\n1..1\n    KTAP version 1\n    1..1\n    ok 1 inner\n",
    ProblemKind.NO_NUMBER: "KTAP version 1\n1..1\nok 1 one\nnot ok two\n",
    ProblemKind.MALFORMED_FAILURE: "TAP version 14\n1..1\nok 1\nnot ok: two\n",
    ProblemKind.LOST_FAILURE: "1..1\nok 1 one\n[    1.2] not ok 2 two\n",
    ProblemKind.LOST_HEAD: "[ 1.0]     KTAP version 1\n[ 1.1]     1..1\n[ 1.2]     ok 1 a\n[ 1.3] ok 1 b\n",
    ProblemKind.NOT_TAP: "TAP version 13\npragma +strict\n1..1\nnoise\nok 1\n",
}
OF_FILES = {ProblemKind.NO_TAP, ProblemKind.UNREADABLE}  # of files in which there is no stream


def kinds(page: str) -> dict[str, bool]:
    """The kinds in the table of the page, and whether they have the asterisk of those that fail a stream."""
    section = page.partition("\n## Problems\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?`)( \*)? \|", section, re.MULTILINE)
    return {name: bool(star) for names, star in rows for name in re.findall(r"`(.*?)`", names)}


def test_the_page_lists_every_kind_and_its_effect() -> None:
    """The table of docs/tap.md has the kinds of the parser, and an asterisk behind those that fail a stream."""
    assert kinds(PAGE.read_text()) == {kind.value: kind.fails for kind in ProblemKind}


@pytest.mark.parametrize("kind", [kind for kind in ProblemKind if kind.fails and kind not in OF_FILES])
def test_a_kind_that_fails_a_stream_does(kind: ProblemKind) -> None:
    """A stream with such a problem fails, also where all its points are ok."""
    parser = Parser()
    parser.feed(FAILING[kind].encode())
    parser.close()
    assert kind in [problem.kind for report in parser.reports for problem in report.problems]
    assert not parser.passed
    assert not any(report.counts.failed for report in parser.reports)
