"""The parser of the Test Anything Protocol in all its dialects."""

from __future__ import annotations

from lkltest.tap.dialect import Dialect
from lkltest.tap.events import (
    BailedOut,
    CommentSeen,
    Event,
    PlanSeen,
    PointComplete,
    PointSeen,
    PointStarted,
    ProblemSeen,
    StreamEnded,
    StreamStarted,
    UnknownSeen,
    VersionSeen,
)
from lkltest.tap.parser import Parser
from lkltest.tap.point import Point
from lkltest.tap.problem import Problem, ProblemKind
from lkltest.tap.report import Counts, Report

__all__ = [
    "BailedOut",
    "CommentSeen",
    "Counts",
    "Dialect",
    "Event",
    "Parser",
    "PlanSeen",
    "Point",
    "PointComplete",
    "PointSeen",
    "PointStarted",
    "Problem",
    "ProblemKind",
    "ProblemSeen",
    "Report",
    "StreamEnded",
    "StreamStarted",
    "UnknownSeen",
    "VersionSeen",
]
