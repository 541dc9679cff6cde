"""Fields that producers write into descriptions, comments and YAML blocks: durations, kunit's attributes."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping

from lkltest import expressions

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "m": 60.0}
_LONGEST = 1e15  # of any unit
_KEYS = {"duration_us": 1e-6, "time_us": 1e-6, "duration_ms": 1e-3, "duration": 1.0, "time": 1.0}  # of YAML blocks


@functools.cache
def _suffix() -> re.Pattern[str]:
    """`# time=3.61ms` of node-tap, tape and vitest, `in 12ms` of bats."""
    return re.compile(r"\s*(?:# time=(\d+(?:\.\d+)?)(us|ms|sec|s|m|)|(?<=\s)in (\d+(?:\.\d+)?) ?(us|ms|sec|s))$")


@functools.cache
def _attribute() -> re.Pattern[str]:
    return expressions.compile(r"(?:(\S+)\.)?(\w+): (\S.*)$")


def split_duration(description: str) -> tuple[str, float | None]:
    """Split a duration from the end of a description; give both, the duration in seconds."""
    if not description.endswith(("s", "sec", "m")):
        return description, None  # most have none: this is cheaper than the pattern
    match = _suffix().search(description[-40:])
    if match is None:
        return description, None
    value, unit = (match[1], match[2]) if match[1] else (match[3], match[4])
    return description[: len(description) - len(match[0])], float(value) * _UNITS[unit]


def duration(diagnostics: Mapping[str, object]) -> float | None:
    """Find the seconds that a YAML block says; a negative, infinite or huge number is no duration."""
    for key, unit in _KEYS.items():
        value = diagnostics.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST:
            return value * unit
    return None


def suite_attribute(comment: str) -> dict[str, str]:
    """Read an attribute of a kunit suite: `module: list_sort`."""
    match = _attribute().match(comment)
    return {match[2]: match[3]} if match and not match[1] and match[2] in ("module", "speed", "is_init") else {}


def test_attributes(comments: Iterable[str], name: str) -> dict[str, str]:
    """Read the attributes of a kunit test among its comments: `list_sort_a.speed: slow`."""
    matches = filter(None, map(_attribute().match, comments))
    return {match[2]: match[3] for match in matches if match[1] == name}
