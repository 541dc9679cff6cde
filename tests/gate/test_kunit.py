"""The KUnit tests of a tree in the gate's table."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.errors import BuildError, UsageError
from lkltest.gate import kunit
from lkltest.gate.report import Verdict
from lkltest.kunit import build
from lkltest.kunit.kernel import Options
from lkltest.liblkl import Silent
from lkltest.settings import Settings
from tests.kunit.conftest import Stub, stub

__all__ = ["stub"]


@pytest.mark.parametrize(
    ("how", "verdict", "detail"),
    [("pass", Verdict.PASSED, "2 passed"), ("fail", Verdict.FAILED, "1 passed, 1 FAILED"),
     ("crash", Verdict.LOST, "1 passed, 1 CRASHED")],
)  # fmt: skip
def test_cases(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, verdict: Verdict, detail: str
) -> None:
    """The cases are one row, which names those that did not pass."""
    uml = stub({"one": {"a": "pass", "b": how}})
    monkeypatch.setattr(kunit, "inspect", lambda _: uml)
    row = kunit.tested(build.Built(uml.path, tmp_path / "kept", ()), Options(timeout=1.0))
    assert (row.verdict, row.detail) == (verdict, detail)
    assert row.explanation.startswith("one.b: ") == (how != "pass")


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(BuildError("no"), Verdict.NOT_BUILT), (build.LostOptions("no"), Verdict.FAILED),
     (UsageError("no"), Verdict.NOT_RUN)],
)  # fmt: skip
def test_no_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, verdict: Verdict
) -> None:
    """A tree that does not build, loses options or has no KUnit has a row that says so, and no other."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(build, "build", refuse)
    (row,) = kunit.rows(tmp_path, Settings.load({}), Silent())
    assert (row.verdict, row.explanation) == (verdict, "no")
