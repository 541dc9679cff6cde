"""The order in which failures are reproduced: what is certain and soon shown again comes first."""

from __future__ import annotations

from lkltest.fuzz.repro.report import Report, ReportType

CERTAIN = (ReportType.CRASH, ReportType.PANIC, ReportType.OVERRUN)  # types that a slow machine cannot cause
LATER, LAST = 3, 4  # ranks: of what is tried once more, and of the end of the queue


def rank_of(report: Report) -> int:
    """The rank of a new failure among those that wait: a lower one comes first."""
    return 0 if report.type in CERTAIN else 2 if report.type is ReportType.HANG else 1
