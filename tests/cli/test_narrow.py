"""The commands on a terminal of 40 columns."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from lkltest.cli import overview
from lkltest.cli.doctor import fold
from lkltest.cli.fuzz import status
from lkltest.host import process
from lkltest.settings import Settings


@pytest.mark.parametrize(("columns", "lines"), [("40", range(20, 40)), ("120", range(8, 11))])
def test_next_steps_fit_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str, lines: range
) -> None:
    """Each line of `lkltest` alone fits; where a purpose has no room beside its command, it is below."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(overview, "first", lambda _: ("pytest suites/", "run the suites"))
    overview.show(Settings.load({}, environment={}))
    told = capsys.readouterr().out.splitlines()
    assert max(map(len, told)) <= int(columns)
    assert len(told) in lines


def test_a_folded_command_can_be_copied() -> None:
    """A command that has no room on one line is one that a shell takes; no word of it is broken."""
    words = ["pytest", "/a/long/path/of/the/suites/", "--uml=/usr/bin/linux.uml", "--lkl=/x"]
    lines = fold(" ".join(words), 28)
    assert len(lines) > 2
    assert max(map(len, lines)) <= 29  # the path alone, and its backslash
    script = "\n".join(["printf '%s\\n' \\", *lines])
    assert process.run(["sh", "-c", script]).output.decode().split() == words


def test_folded_prose_is_prose() -> None:
    """A sentence that has no room on one line gets no backslashes."""
    assert fold("needs a kernel tree: --lkl PATH", 20) == ["needs a kernel tree:", "--lkl PATH"]


def test_a_narrow_live_line_shows_findings() -> None:
    """The first 40 columns of the fuzzer's live line have the time, the findings and the speed."""
    progress = SimpleNamespace(programs=1_200_000, calls=9_000_000, corpus=0)
    fuzzer: Any = SimpleNamespace(
        progress=progress, seconds=600.0, findings=dict.fromkeys("abc"), counts=dict, edges=20_000, corpus=None,
        waiting=0, images=None,
    )
    assert status(fuzzer, 3600.0)[:40] == "600/3600 s  3 findings  2,000 programs/s"
