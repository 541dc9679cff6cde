"""The terminal's summary says briefly what differs between kernels, and why tests were skipped."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from lkltest.plugin import side_by_side

KERNELS = ["lkl-4.9.0", "uml-6.1"]


class Reporter:
    """A terminal that keeps its lines."""

    def __init__(self, verbosity: int = 0, reportchars: str = "fE", columns: int = 0) -> None:
        self.lines: list[str] = []
        self.isatty = columns > 0
        self._tw = SimpleNamespace(fullwidth=columns)
        self.verbosity = verbosity
        self.config = SimpleNamespace(option=SimpleNamespace(reportchars=reportchars))
        self.stats: dict[str, list[Any]] = {}

    def write_line(self, text: str, **_: bool) -> None:
        """Keep it."""
        self.lines.append(text)

    def section(self, title: str, _: str) -> None:
        """Keep its title."""
        self.lines.append(f"[{title}]")


def table(outcomes: dict[str, dict[str, str]], verbosity: int = 0) -> list[str]:
    """The lines of a table."""
    reporter = Reporter(verbosity)
    side_by_side.write_table(reporter, outcomes, KERNELS)  # type: ignore[arg-type]
    return reporter.lines


def rows(number: int, *outcomes: str) -> dict[str, dict[str, str]]:
    """Points of which each kernel has these outcomes."""
    return {f"t.py::p{n}::{'-'.join(outcomes)}": dict(zip(KERNELS, outcomes, strict=True)) for n in range(number)}


def test_a_short_table_has_every_point() -> None:
    """Up to fifteen points each have a row, in their order; a point of one kernel's plan only is no difference."""
    lines = table(rows(2, "passed", "passed") | rows(1, "skipped", "failed") | {"t.py::own": {"uml-6.1": "passed"}})
    assert [line.split() for line in lines] == [
        ["point", *KERNELS], ["t.py::p0::passed-passed", "ok", "ok"], ["t.py::p1::passed-passed", "ok", "ok"],
        ["t.py::p0::skipped-failed", "skip", "FAILED", "<-", "differ"], ["t.py::own", "-", "ok"],
    ]  # fmt: skip


def test_a_table_without_room_has_the_outcomes_below_the_points() -> None:
    """On a terminal that is narrower than the table each point has its outcomes on the line below it."""
    reporter = Reporter(columns=40)
    side_by_side.write_table(reporter, rows(1, "skipped", "failed"), KERNELS)  # type: ignore[arg-type]
    assert reporter.lines == [" t.py::p0::skipped-failed", "    lkl-4.9.0 skip, uml-6.1 FAILED  <- differ"]


def test_a_long_table_has_what_differs_and_counts() -> None:
    """Of two thousand points those that differ are shown, failures first, fifteen at most; the rest is counted."""
    many = rows(2000, "passed", "passed") | rows(20, "passed", "skipped") | rows(3, "passed", "failed")
    lines = table(many)
    assert len(lines) == 1 + 15 + 1 + 1
    assert [line.split()[1:] for line in lines[1:5]] == [["ok", "FAILED", "<-", "differ"]] * 3 + [
        ["ok", "skip", "<-", "differ"]]  # fmt: skip
    assert lines[-2].split("  ")[0] == " all 2023 points"
    assert "2023 ok" in lines[-2]
    assert "3 FAILED, 20 skip, 2000 ok" in lines[-2]
    assert lines[-1].startswith("8 more differ, 2000 do not differ: -v prints each")


def test_what_is_marked_is_seen() -> None:
    """Two outcomes that are marked as different have different words."""
    for one, other in itertools.combinations(("error", "failed", "xfailed", "skipped", "xpassed", "passed"), 2):
        words = table(rows(1, one, other))[-1].split()
        assert words[-2:] == ["<-", "differ"]
        assert words[1] != words[2]


def test_verbose_prints_each_point() -> None:
    """Under -v the table has every row."""
    assert len(table(rows(2000, "passed", "passed"), verbosity=1)) == 2001


def test_where_nothing_differs_there_are_only_counts() -> None:
    """A passing run on two kernels ends with three lines."""
    lines = table(rows(500, "passed", "passed"))
    assert [line.split()[0] for line in lines] == ["point", "all", "500"]


def skipped(*reasons: str) -> list[Any]:
    """Reports of skipped tests."""
    return [SimpleNamespace(longrepr=("a.py", 1, f"Skipped: {reason}")) for reason in reasons]


@pytest.mark.parametrize(("verbosity", "reportchars", "told"), [(0, "fE", 1), (-1, "fE", 0), (0, "s", 0), (1, "A", 0)])
def test_frequent_reasons_of_skips_are_told(verbosity: int, reportchars: str, told: int) -> None:
    """Without -rs the five most frequent reasons are printed with their numbers; with it, or quiet, they are not."""
    reporter = Reporter(verbosity, reportchars)
    reporter.stats["skipped"] = skipped(*["run as root"] * 26, *"abcdefg")
    side_by_side.write_skips(reporter)  # type: ignore[arg-type]
    assert len(reporter.lines) == told * 7
    if told:
        assert reporter.lines[:2] == ["[skipped]", "   26  run as root"]
        assert reporter.lines[-1] == "    3  for 3 other reasons: -rs prints them all"
