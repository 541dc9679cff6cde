"""The oracle raises a kernel's failures, except for known ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.errors import PropertyFailed
from lkltest.fuzz import findings
from lkltest.fuzz.hypothesis.oracle import Oracle
from lkltest.fuzz.hypothesis.profiles import Profile
from lkltest.fuzz.hypothesis.strategies import programs
from lkltest.fuzz.prog.values import Call, Out, Pointer, Program
from tests.fuzz.conftest import Planted

GETCWD = Program((Call("getcwd", (Pointer(Out(100)), 100)),))


def test_failure_is_raised(planted: Planted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A failure names the result and the program, which can be replayed; a known one is not raised."""
    monkeypatch.setenv("PLANTED", "errno")
    said = r"(?s)getcwd returned -5000.*on a fresh kernel:\n\ngetcwd\(&out"
    with Oracle(planted.config, planted.description, {}) as oracle, pytest.raises(PropertyFailed, match=said) as caught:
        oracle.run(GETCWD)
    (tmp_path / PropertyFailed.program).write_text(caught.value.files[PropertyFailed.program])
    assert findings.programs(tmp_path / PropertyFailed.program, planted.description) == [GETCWD]
    assert caught.value.name.startswith("errno-getcwd")
    with Oracle(planted.config, planted.description, {"errno-get*": "planted"}) as oracle:
        ran = oracle.run(GETCWD)
        assert ran.known is not None
        assert ran.returned[0] == -5000


def test_property_fails(planted: Planted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hypothesis finds a planted bug by itself, and shrinks the program to the one call."""
    monkeypatch.setenv("PLANTED", "errno")
    monkeypatch.chdir(tmp_path)
    said = r"(?s)getcwd returned -5000.*\n\ngetcwd\([^\n]*\n\n"
    with Oracle(planted.config, planted.description, {}) as oracle, pytest.raises(AssertionError, match=said):
        Profile("some", 2000, fixed=True).check("planted", programs(planted.description, ["files"]), oracle.run)
