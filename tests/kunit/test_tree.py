"""A vanilla tree's own KUnit tests, against what its own kunit.py says of them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lkltest.host import process
from lkltest.host.progress import Bar
from lkltest.kunit import build, kernelci
from lkltest.kunit.kernel import Options, list_cases
from lkltest.kunit.results import Result, Status
from lkltest.kunit.spread import spread
from lkltest.settings import Settings
from lkltest.uml.executable import inspect

PLANTED = Path(__file__).with_name("planted.c")
TREES = [Path(each) for each in os.environ.get("LKLTEST_KERNEL_TREES", "").split(os.pathsep) if each]

pytestmark = pytest.mark.skipif(
    not (os.environ.get("LKLTEST_SLOW") and TREES),
    reason="builds kernels (5 minutes each): set LKLTEST_SLOW=1, and LKLTEST_KERNEL_TREES to the trees (a:b)",
)


def leaves(group: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The innermost results of a document in KernelCI's shape, by their names."""
    for case in group["test_cases"]:
        yield (*path, case["name"]), case["status"]
    for inner in group["sub_groups"]:
        yield from leaves(inner, (*path, inner["name"]))


def run(tree: Path, options: Options, jobs: int = 1, **request: Any) -> tuple[build.Built, list[Result]]:  # noqa: ANN401
    """Build a tree's kernel, and run all of its cases."""
    with Bar() as bar:
        built = build.build(build.Request(tree, **request), Settings.load({}), bar)
    uml = inspect(built.linux)
    cases = list_cases(uml, options)
    return built, list(spread(uml, cases, cases, jobs, options, {}))


@pytest.mark.parametrize("everything", [False, True], ids=["default", "alltests"])
@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
def test_as_kunit_py(tree: Path, everything: bool, tmp_path: Path) -> None:
    """In one kernel and in two, the cases and their results are those that the tree's kunit.py has of that kernel."""
    built, results = run(tree, Options(), everything=everything)
    tool, written = tree / "tools/testing/kunit/kunit.py", tmp_path / "theirs.json"
    shutil.copy(built.linux, tmp_path / "linux")
    argv = [sys.executable, str(tool), "exec", "--build_dir", str(tmp_path), f"--json={written}"]
    process.run(argv, cwd=tree, env={"PYTHONDONTWRITEBYTECODE": "1"})
    theirs = dict(leaves(json.loads(written.read_text())))
    suites = {case.case.suite for case in results}
    empty = {path for path in theirs if len(path) == 1 and path[0] not in suites}  # a suite without cases
    assert all(theirs.pop(path) == "SKIP" for path in empty)
    for found in (results, run(tree, Options(), 2, everything=everything)[1]):
        assert dict(leaves(json.loads(kernelci.write(found, "")))) == theirs


def test_planted(tmp_path: Path) -> None:
    """Under KASAN, each planted case is blamed alone, and all others have the results that they have without it."""
    tree = tmp_path / "tree"
    shutil.copytree(TREES[0], tree, symlinks=True)
    shutil.copy(PLANTED, tree / "lib/kunit")
    with (tree / "lib/kunit/Makefile").open("a") as makefile:
        makefile.write("obj-y += planted.o\n")
    configuration = tmp_path / "kunitconfig"
    configuration.write_text("CONFIG_KUNIT=y\nCONFIG_KASAN=y\n")
    _, results = run(tree, Options(timeout=5.0), kunitconfigs=(str(configuration),))
    bad = {result.case.name: result.status for result in results if result.status.bad}
    assert bad == {
        "planted_null": Status.CRASHED, "planted_loop": Status.HUNG, "planted_failure": Status.FAILED,
        "planted_sleep": Status.HUNG, "planted_broken_list": Status.CRASHED, "planted_overrun": Status.FAILED,
        "planted_parameters": Status.FAILED, "planted_bug": Status.CRASHED, "planted_interrupts_off": Status.HUNG,
        "planted_flood": Status.HUNG, "planted_halt": Status.CRASHED, "planted_restart": Status.CRASHED,
        "planted_silent_restart": Status.CRASHED, "planted_never_runs": Status.FAILED,
    }  # fmt: skip
    assert {result.case.name: result.status for result in results}["planted_skip"] is Status.SKIPPED
