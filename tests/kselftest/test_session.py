"""A small tree of kselftests, in a real UML: real programs, built by their own makefiles."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import kcidb_io
import pytest

from lkltest.settings import Settings
from lkltest.uml import Uml, default, find
from lkltest.uml.executable import CURE

TREE = Path(__file__).with_name("tree")
# Stands for the makefile of a kernel: its UML is the installed one, and kconfig drops what no kernel has.
MAKEFILE = """
defconfig:
\t@echo CONFIG_UML=y > $(O)/.config

olddefconfig:
\t@sed -i /NO_SUCH_THING/d $(O)/.config

linux:
\t@cp {linux} $(O)/linux; echo built >> $(O)/builds

headers:
\t@mkdir -p $(O)/usr/include/linux; echo '#define FROM_THE_TREE 1' > $(O)/usr/include/linux/version.h
"""


@pytest.fixture(scope="module")
def uml(settings: Settings) -> Uml:
    """LKLTEST_UML's UML, or the one that is installed."""
    if not settings.uml and default() is None:
        pytest.skip(f"no linux.uml on the PATH: {CURE}")
    return find(None, settings)


@pytest.fixture
def options(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, uml: Uml) -> list[str]:
    """The options of a session on a copy of the tree, which nothing may write to."""
    monkeypatch.setenv("LKLTEST_CACHE", str(pytester.path / "cache"))  # the copy of the tree is not to stay
    tree = pytester.path / "linux"
    shutil.copytree(TREE, tree)
    pytester.makepyfile(test_ks='from lkltest import Kselftest\n\nks = Kselftest("mini", "needy", "slow")\n')
    return [f"--lkl-kselftest-tree={tree}", f"--uml={uml.path}", "-rA"]


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The programs without which a kernel's build is refused, and none of which the builds here call."""
    for name in ("flex", "bison"):
        (tmp_path / name).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def make_kernel(tree: Path, makefile: str) -> None:
    """Let a tree of kselftests look like a whole kernel's."""
    (tree / "arch/um").mkdir(parents=True)
    (tree / "include/uapi").mkdir(parents=True)
    for name in ("Kconfig", "arch/um/Makefile"):
        (tree / name).touch()
    (tree / "Makefile").write_text(makefile)


def files(tree: Path) -> list[str]:
    """The names of all files of a tree."""
    return sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))


def test_each_kind_of_program(pytester: pytest.Pytester, options: list[str]) -> None:
    """Programs pass, fail, skip, crash, end their kernel and hang, each alone; in the second run points are items.

    The tree is left as it was.
    """
    before = files(pytester.path / "linux")
    first = pytester.runpytest_subprocess(*options, "--lkl-kcidb=out.kcidb", timeout=400)
    assert files(pytester.path / "linux") == before
    text = first.stdout.str()
    got = set(re.findall(r"^(PASSED|FAILED|SKIPPED) test_ks\.py::(\S+)::program", text, re.MULTILINE))
    assert got == {
        *(("PASSED", f"mini:{name}") for name in ("points", "silent", "script.sh")),
        *(("FAILED", f"mini:{name}") for name in ("fails", "segfault", "panics", "misspelt")),
        ("FAILED", "needy:crash"), ("FAILED", "slow:hangs"),
    }, text  # fmt: skip
    for reason in (
        "SKIPPED [[]1[]] test_ks.py:3: no device node", "*headerless cannot be built statically here: sys/no-such-hea*",
        "SKIPPED [[]1[]] test_ks.py:3: proves nothing, as the kernel lacks CONFIG_NO_SUCH_THING, which the kselfte*",
        "*misspelt.c:*undeclared_name*", "killed after the point 'starts': the program's timeout of 3 s has passed*",
        "*Kernel panic - not syncing: sysrq triggered crash*after the point 'lives')", "*exit status 139*SIGSEGV",
    ):  # fmt: skip
        first.stdout.fnmatch_lines_random([reason])


    document = json.loads((pytester.path / "out.kcidb").read_text())
    kcidb_io.schema.V4_3.validate(document)
    statuses = {test["path"]: test["status"] for test in document["tests"]}
    assert statuses["kselftest.mini.points.program.is_root"] == "PASS"
    assert statuses["kselftest.mini.script_sh.program"] == "PASS"
    assert statuses["kselftest.slow.hangs.program"] == "FAIL"

    second = pytester.runpytest_subprocess(*options, "-k", "points or fails or skips or segfault", timeout=400)
    line = r"^(PASSED|FAILED) test_ks\.py::mini:(\S+)::([^\n]*?)(?: - .*)?$"
    got = set(re.findall(line, second.stdout.str(), re.MULTILINE))
    assert got == {
        ("PASSED", "points", "has /proc"), ("PASSED", "points", "is root"), ("PASSED", "points", "exit"),
        ("PASSED", "points", "runs in its directory"), ("PASSED", "fails", "first"), ("FAILED", "fails", "second"),
        ("PASSED", "fails", "exit"), ("PASSED", "skips", "first"), ("PASSED", "segfault", "first"),
        ("FAILED", "segfault", "exit"),
    }  # fmt: skip
    second.stdout.fnmatch_lines_random([
        "SKIPPED [[]2[]] test_ks.py:3: no device node", "SKIPPED [[]1[]] test_ks.py:3: no device",
        "*expected 1, got 2*",
    ])  # fmt: skip


def test_what_suits_no_uml(pytester: pytest.Pytester, options: list[str]) -> None:
    """By default the tests that no UML can pass are skipped with the reason, and no other test of their target is."""
    selftests = pytester.path / "linux/tools/testing/selftests"
    for target, names in {"timers": "posix_timers posix_others pass", "exec": "execveat executes"}.items():
        (selftests / target).mkdir()
        (selftests / target / "Makefile").write_text(f"TEST_GEN_PROGS := {names}\ninclude ../lib.mk\n")
    pytester.makepyfile(test_ks="from lkltest import Kselftest\n\nks = Kselftest()\n")
    listed = pytester.runpytest_inprocess(*options, "--collect-only", "-q").stdout.str()
    assert set(re.findall(r"test_ks\.py::(\S+)", listed)) == {
        "timers:posix_timers", "timers:posix_others::program", "timers:pass::program",
        "exec:execveat", "exec:executes::program",
    }  # fmt: skip
    skipped = pytester.runpytest_inprocess(*options, "-k", "posix_timers or execveat")
    skipped.assert_outcomes(skipped=2, deselected=3)
    skipped.stdout.fnmatch_lines_random(["SKIPPED*it waits for time in user mode*", "SKIPPED*hostfs has not*"])
    named = pytester.runpytest_inprocess(*options, "--lkl-kselftest-target=timers", "--collect-only", "-q").stdout.str()
    assert "timers:posix_timers::program" in named


def test_no_list_excuses_a_lost_kernel(pytester: pytest.Pytester, options: list[str]) -> None:
    """A listed kselftest may fail, but neither panic, nor hang, nor make its kernel complain, in any run."""
    mini = pytester.path / "linux/tools/testing/selftests/mini"
    (mini / "complains.sh").write_text("#!/bin/sh\necho 'BUG: it is planted' >/dev/kmsg\nsleep 1\nexit 1\n")
    (mini / "complains.sh").chmod(0o755)
    (mini / "Makefile").write_text((mini / "Makefile").read_text().replace("script.sh", "script.sh complains.sh"))
    (pytester.path / "known.txt").write_text("mini:*  bug\nmini:*::*  bug\nslow:*  bug\nslow:*::*  bug\n")
    lost = {"mini:panics", "mini:complains.sh", "slow:hangs"}
    for _ in range(2):
        selected = "panics or hangs or segfault or fails or complains"
        result = pytester.runpytest_subprocess(*options, "--lkl-known=known.txt", "-k", selected, timeout=300)
        text = result.stdout.str()
        assert set(re.findall(r"^FAILED test_ks\.py::([^:]+:[^:]+)::", text, re.MULTILINE)) == lost, text
        assert "XFAIL test_ks.py::mini:segfault::" in text


def test_the_kernel_of_the_tree(
    pytester: pytest.Pytester, options: list[str], uml: Uml, tools: None, tmp_path: Path  # noqa: ARG001 -- is there
) -> None:
    """Without --uml the kernel and the headers are the tree's own, built once, with the options of the targets."""
    tree = pytester.path / "linux"
    make_kernel(tree, MAKEFILE.format(linux=uml.path))
    source = tree / "tools/testing/selftests/mini/points.c"
    source.write_text(f"#include <linux/version.h>\n#ifndef FROM_THE_TREE\n#error\n#endif\n{source.read_text()}")
    makefile = tree / "tools/testing/selftests/lib.mk"
    makefile.write_text(makefile.read_text() + "CFLAGS += -isystem $(OUTPUT)/../../../../usr/include\n")
    before = files(tree)
    cache = tmp_path / "cache"
    for _ in range(2):
        words = [f"--lkl-cache={cache}", "-k", "mini and points or needy and refused"]
        result = pytester.runpytest_subprocess(options[0], *words, timeout=400)
        assert result.ret == 0, result.stdout.str()
    assert files(tree) == before
    (built,) = cache.glob("kselftest/*/kernels/*/build")
    assert (built / "builds").read_text() == "built\n"
    config = (built / ".config").read_text()
    assert "CONFIG_HOSTFS=y" in config
    assert "NO_SUCH_THING" not in config


def test_a_kernel_that_does_not_build(
    pytester: pytest.Pytester, options: list[str], tools: None, tmp_path: Path  # noqa: ARG001 -- is there
) -> None:
    """A kernel that does not build is tried once, and the tests say so together."""
    tree = pytester.path / "linux"
    broken = "@echo built >> $(O)/builds; echo kernel/fork.c:1: error: planted; false"
    makefile = MAKEFILE.format(linux="").replace("@cp  $(O)/linux; echo built >> $(O)/builds", broken)
    make_kernel(tree, makefile)
    words = [f"--lkl-cache={tmp_path / 'cache'}", "-k", "silent or skips"]
    result = pytester.runpytest_subprocess(options[0], *words, timeout=400)
    result.assert_outcomes(failed=2, deselected=10)
    result.stdout.fnmatch_lines(["*error: planted*"])
    (builds,) = tmp_path.glob("cache/kselftest/*/kernels/*/build/builds")
    assert builds.read_text() == "built\n"
