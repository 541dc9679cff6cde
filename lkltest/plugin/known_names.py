"""The names of a program's points that the last run has left in pytest's cache."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Sequence

import pytest

from lkltest.plugin.artifacts import file_name
from lkltest.program.tap_program import TapProgram


def key(nodeid: str, program: TapProgram) -> str:
    """The place in the cache for the points of a program that was declared with this id."""
    words = repr([nodeid, *map(str, program.wrapper), *map(str, program.argv)])
    return f"lkltest/points/{file_name(nodeid)[-80:]}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


def recall(config: pytest.Config, place: str) -> tuple[str, ...]:
    """The names of the last run; none where there was no run, or there is no cache (-p no:cacheprovider)."""
    cache = getattr(config, "cache", None)
    names = cache.get(place, None) if cache is not None else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ()
    return tuple(dict.fromkeys(names))


def remember(config: pytest.Config, place: str, names: Sequence[str]) -> None:
    """Keep the names for the next run; a cache that cannot be written to costs that run its items, and nothing else."""
    cache = getattr(config, "cache", None)
    if cache is None or not names:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pytest.PytestCacheWarning)
        cache.set(place, list(names))


def merged(before: Sequence[str], came: Iterable[str]) -> list[str]:
    """The names that came, and behind them those of earlier runs, which one that was cut short must not forget."""
    return list(dict.fromkeys([*came, *before]))
