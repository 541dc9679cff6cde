"""KUnit cases as pytest items, on a kernel whose cases behave as planted."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import kcidb_io
import pytest

from lkltest import uml
from lkltest.host import process
from lkltest.uml import executable
from tests.kunit.conftest import Stub
from tests.uml import refusing

Pytest = Callable[..., pytest.RunResult]
SUITES = {
    "one": {"good": "pass", "crashes": "crash", "skipped": "skip", "slow_one": "slow"},
    "two words": {"several": "bad_parameter", "warns": "warn"},
}
# The stub is no ELF file. Workers are told so by this, too.
CONFTEST = """
from lkltest import uml
from lkltest.uml import Uml, executable

def inspect(path):
    return Uml("uml-stub", path, "6.12.0", "Linux version 6.12.0", "x86-64")

uml.inspect = executable.inspect = inspect
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A test file that declares KUnit tests, and the options of the kernel that has them."""
    monkeypatch.setenv("LKLTEST_CACHE", str(tmp_path / "cache"))
    for module in (uml, executable):
        monkeypatch.setattr(module, "inspect", executable.inspect)  # is as it was after the sessions in this process
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile("from lkltest import KUnit\nkunit = KUnit(timeout=1)\n")
    return [f"--uml={stub(SUITES).path}", "-p", "no:cacheprovider"]


@pytest.mark.parametrize("options", [[], ["-n", "2"]])
def test_an_item_a_case(inline: Pytest, suite: list[str], options: list[str]) -> None:
    """Each case is an item with its own result, in one process or several; a crash costs one."""
    result = inline(*suite, *options, "-rA")
    outcomes = result.parseoutcomes()
    assert {name: outcomes[name] for name in ("passed", "failed", "skipped")} == {
        "passed": 3, "failed": 3, "skipped": 1}  # fmt: skip
    result.stdout.fnmatch_lines_random([
        "PASSED *::one::good*", "FAILED *::one::crashes*CRASHED: Kernel panic*", "PASSED *::one::slow_one*",
        "FAILED *::two words::several*a paramet*", "SUBFAILED*::two words::several*",
    ])  # fmt: skip


BUSY = CONFTEST + """
import time
from pathlib import Path

def pytest_runtest_teardown(item):
    until = time.monotonic() + 30
    while item.name == "a" and not Path({said!r}).exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert Path({said!r}).exists(), "the kernel waits for a reader"
"""


def test_a_slow_hook_stops_no_kernel(
    pytester: pytest.Pytester, inline: Pytest, suite: list[str], stub: Stub, tmp_path: Path
) -> None:
    """The kernel runs on while the session is busy with something else, though it prints more than a pipe holds."""
    pytester.makeconftest(BUSY.format(said=str(tmp_path / "boots.said")))
    stub({"one": {"a": "pass", "b": "pass", "c": "chatty", "d": "pass"}})
    inline(*suite).assert_outcomes(passed=4)


def test_ci_files(pytester: pytest.Pytester, inline: Pytest, suite: list[str]) -> None:
    """The cases are in the files for kernel CI by their own names; one that loses its kernel says so."""
    inline(*suite, "--lkl-json=out.json", "--lkl-kcidb=out.kcidb")
    document = json.loads((pytester.path / "out.kcidb").read_text())
    kcidb_io.schema.V4_3.validate(document)
    statuses = {test["path"]: test["status"] for test in document["tests"]}
    assert statuses["kunit.one.good"] == "PASS"
    assert statuses["kunit.two_words.several"] == statuses["kunit.one.crashes"] == "FAIL"
    assert [build["architecture"] for build in document["builds"]] == ["um"]
    (file,) = json.loads((pytester.path / "out.json").read_text())["sub_groups"]
    one = next(group for group in file["sub_groups"] if group["name"] == "one")
    assert {"name": "crashes", "status": "ERROR"} in one["test_cases"]


def test_attributes_are_marks(inline: Pytest, suite: list[str]) -> None:
    """A slow case has the mark `slow`, also under --strict-markers; a case that is selected alone runs alone."""
    result = inline(*suite, "--strict-markers", "-m", "slow", "-v")
    result.assert_outcomes(passed=1, deselected=5)


def test_no_kernel(inline: Pytest, suite: list[str]) -> None:
    """Without a kernel the suite is one skipped item, which says what to pass."""
    result = inline(*suite[1:], "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*no kernel with KUnit: pass --lkl-kunit-tree*"])


def test_a_kernel_without_kunit(inline: Pytest, suite: list[str], tmp_path: Path) -> None:
    """A UML of the session that lacks KUnit is not booted for its cases: one skipped item names it."""
    other = tmp_path / "linux"
    other.write_text("#!/bin/sh\nexit 9\n")
    result = inline(f"--uml={other}", *suite[1:], "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"*no kernel with KUnit:*{other} lacks CONFIG_KUNIT*"])


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is for x86-64")
@pytest.mark.usefixtures("lean_sessions")
@pytest.mark.parametrize(("options", "strict"), [([], False), ([], True), (["-n", "1"], True)])
def test_no_ptrace(pytester: pytest.Pytester, suite: list[str], options: list[str], strict: bool) -> None:
    """The suite is one skipped item on a host that forbids ptrace(), with that reason, a failure under --lkl-strict."""
    words = [*suite, *options, *(["--lkl-strict"] if strict else []), "--lkl-uml-fpstate=auto"]
    env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    argv = [sys.executable, refusing.__file__, "ptrace", sys.executable, "-m", "pytest", *words]
    done = process.run(argv, cwd=pytester.path, env=env, merge=True)
    output = done.output.decode()
    assert done.status == strict, output
    assert f"= 1 {'failed' if strict else 'skipped'} in " in output
    assert "uml-stub cannot run on this host: ptrace() is forbidden here (Operation not permitted)" in output


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is for x86-64")
@pytest.mark.usefixtures("lean_sessions")
def test_none_asks_nothing(pytester: pytest.Pytester, suite: list[str]) -> None:
    """Under --lkl-uml-fpstate=none the kernel is run as it is, wherever ptrace() is forbidden."""
    env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    argv = [sys.executable, refusing.__file__, "ptrace", sys.executable, "-m", "pytest", *suite, "-k", "good",
            "--lkl-uml-fpstate=none"]  # fmt: skip
    done = process.run(argv, cwd=pytester.path, env=env, merge=True)
    assert "= 1 passed, " in done.output.decode(), done.output.decode()
