from __future__ import annotations

import re
from pathlib import Path

import pytest

from lkltest.fuzz import html
from lkltest.fuzz.fuzzer import Fuzzer
from tests.fuzz.conftest import Planted


def test_report_shows_what_was_reached_and_found(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page has a field for each call and errno, names what was never called, and shows findings with programs."""
    monkeypatch.setenv("PLANTED", "errno")
    fuzzer = Fuzzer(
        planted.config, planted.description, planted.settings, tmp_path, seed=1, workers=1, scenarios=("files",),
        minimize_seconds=300, reproduce_seconds=300,  # end much earlier, but for a machine that is very busy
    )
    try:
        fuzzer.run(300.0, lambda: fuzzer.stop.set() if fuzzer.findings else None, every=0.1)
        page = html.write(fuzzer, tmp_path).read_text()
        counts = fuzzer.counts()
    finally:
        fuzzer.close()
    assert page.count("<rect") == len(counts)
    assert re.search(r"<title>openat: success [\d,]+</title>", page)
    assert re.search(r"Never made: .*\bsocket\b", page)
    assert "getcwd returned -5000" in page
    assert "<pre>getcwd(" in page
    files = {f"errno-getcwd/{path.name}" for path in (tmp_path / "errno-getcwd").iterdir()}
    assert set(re.findall('href="([^"]+)"', page)) == files > {"errno-getcwd/reproducer.c", "errno-getcwd/stack.txt"}
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page
