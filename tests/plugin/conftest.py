"""Fixtures of the plugin's tests: pytest run on a suite of programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

PROGRAMS = Path(__file__).parent / "programs"

Pytest = Callable[..., pytest.RunResult]


@pytest.fixture
def suite(
    pytester: pytest.Pytester, liblkl: Liblkl, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Pytest:
    """Run pytest on a suite of the named programs, in a directory of its own."""
    monkeypatch.setenv("LKLTEST_CACHE", str(settings.cache))  # pytester moves the home directory

    def run(programs: str, *arguments: str) -> pytest.RunResult:
        lines = ["from lkltest import Program"]
        # From where they are, so that each is compiled once and not in each test.
        lines += [f"{name} = Program({str(PROGRAMS / name) + '.c'!r})" for name in programs.split()]
        pytester.makepyfile(test_suite="\n".join(lines))
        return pytester.runpytest_subprocess(
            f"--lkl={liblkl.path}", *arguments, timeout=300
        )

    return run
