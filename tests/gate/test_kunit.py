"""The KUnit tests of a tree in the gate's table."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest

from lkltest.errors import BuildError, UsageError
from lkltest.gate import kunit
from lkltest.gate.report import Verdict
from lkltest.host import process
from lkltest.kunit import build, memory
from lkltest.kunit.kernel import Options
from lkltest.liblkl import Silent
from lkltest.settings import Settings
from tests.kunit.conftest import Stub, stub
from tests.uml import refusing

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


SCRIPT = """
import sys
from pathlib import Path
from lkltest.gate import kunit
from lkltest.kunit import build
from lkltest.kunit.kernel import Options
from lkltest.uml import Uml
path = Path(sys.argv[1])
kunit.inspect = lambda _: Uml("uml-stub", path, "6.12.0", "Linux version 6.12.0", "x86-64")
row = kunit.tested(build.Built(path, path.parent / "kept", ()), Options(timeout=1.0))
print(row.verdict.name, row.detail, row.explanation, sep="|")
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is for x86-64")
@pytest.mark.parametrize("listed", [False, True])
def test_no_ptrace(stub: Stub, tmp_path: Path, listed: bool) -> None:
    """A host without ptrace() is to be mended, and no kernel boots; also with known cases."""
    uml = stub({"one": {"a": "pass"}})
    if listed:
        memory.cases_of(uml, tmp_path / "kept", Options())
    (tmp_path / "boots").unlink(missing_ok=True)
    env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LKLTEST_UML_FPSTATE": "auto"}
    argv = [sys.executable, refusing.__file__, "ptrace", sys.executable, "-c", SCRIPT, str(uml.path)]
    done = process.run(argv, env=env)
    assert done.ok, done.errors.decode()
    begin = "UNUSABLE|mend this machine first|uml-stub cannot run on this host: ptrace() is forbidden here (Operation"
    assert done.output.decode().startswith(begin), done.output.decode()
    assert not (tmp_path / "boots").exists()


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
