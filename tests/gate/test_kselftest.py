"""The kselftests of a tree in the gate's table."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import gate
from lkltest.errors import BuildError, UsageError
from lkltest.gate import kselftest
from lkltest.gate.report import Verdict
from lkltest.kselftest import kernel
from lkltest.liblkl import Silent
from lkltest.settings import Settings
from lkltest.uml import Uml

MINI = Path(__file__).parents[1] / "kselftest/tree"
SELFTESTS = Path("tools/testing/selftests")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with three targets of those that suit a UML, each of one script; the last is known to fail on a UML."""
    tree = tmp_path / "linux"
    told = {"size:check": "ok 1 a point", "timers:check": "not ok 1 a point", "sigaltstack:sas": "Bail out!"}
    for full, status in told.items():
        target, _, name = full.partition(":")
        directory = tree / SELFTESTS / target
        directory.mkdir(parents=True)
        (directory / "Makefile").write_text(f"TEST_PROGS := {name}\ninclude ../lib.mk\n")
        (directory / name).write_text(f"#!/bin/sh\necho 'TAP version 13\n1..1\n{status}'\n")
        (directory / name).chmod(0o755)
    for name in ("lib.mk", "Makefile"):
        shutil.copy(MINI / SELFTESTS / name, tree / SELFTESTS)
    return tree


def test_kselftests_are_a_row(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uml: Uml) -> None:
    """Behind the kernel's build there is one row for all that suit a UML, whatever targets the user's own runs have."""
    monkeypatch.setenv("LKLTEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LKLTEST_KSELFTEST_TARGET", "size")
    monkeypatch.setattr(kernel, "build", lambda *_: uml)
    built, tested = kselftest.rows(tree, tmp_path, Settings.load({}), Silent())
    assert (built.verdict, built.check) == (Verdict.PASSED, "builds")
    assert tested.verdict is Verdict.FAILED
    assert tested.detail == "1 failed, 1 passed, 1 known to fail", tested.explanation
    assert tested.explanation.startswith("timers:check::program: a point: ")
    assert "sas" not in tested.explanation


@pytest.mark.parametrize(
    ("error", "verdict"), [(BuildError("no"), Verdict.NOT_BUILT), (UsageError("no"), Verdict.NOT_RUN)]
)
def test_no_kernel(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, verdict: Verdict
) -> None:
    """A kernel that does not build, or cannot be built here, has a row that says so, and no other."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(kernel, "build", refuse)
    settings = replace(Settings.load({}), cache=tmp_path / "cache")
    (row,) = kselftest.rows(tree, tmp_path, settings, Silent())
    assert (row.verdict, row.explanation) == (verdict, "no")


def test_a_tree_without_kselftests(tmp_path: Path) -> None:
    """It has a row that says so, and no verdict comes of it."""
    (row,) = kselftest.rows(tmp_path, tmp_path, replace(Settings.load({}), cache=tmp_path / "cache"), Silent())
    assert row.verdict is Verdict.NOT_RUN
    assert "no tools/testing/selftests/lib.mk" in row.explanation


@pytest.mark.parametrize("asked", [True, False])
def test_the_option_adds_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool) -> None:
    """With --kunit the table has the rows of KUnit and of the kselftests, without it neither."""
    for name in ("demand_tree", "commit", "version"):
        monkeypatch.setattr(gate, name, lambda _: "")
    monkeypatch.setattr(gate.sources, "copy", lambda *_: None)
    monkeypatch.setattr("lkltest.host.programs.demand", lambda *_: None)
    monkeypatch.setattr(gate, "try_uml", lambda *_: iter(()))
    for module in (gate.kunit, gate.kselftest):
        row = gate.Row(module.KERNEL, "builds", Verdict.PASSED)
        monkeypatch.setattr(module, "rows", lambda *_, row=row: iter([row]))
    settings = replace(Settings.load({}), cache=tmp_path / "cache")
    report = gate.run(tmp_path, tmp_path / "place", settings, Silent(), with_kunit=asked)
    assert [row.kernel for row in report.rows] == (["UML, KUnit", "UML, kselftest"] if asked else [])
