"""The private copy of a tree's kselftests, and what can be wrong with a tree."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.errors import BuildError, UsageError
from lkltest.kselftest import kernel, programs, sources, tests
from lkltest.kselftest.tests import Selftest
from lkltest.liblkl import Silent
from lkltest.settings import Settings

TREE = Path(__file__).with_name("tree")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of kselftests, which a test may change."""
    return Path(shutil.copytree(TREE, tmp_path / "linux"))


@pytest.fixture
def cached(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a cache that no other test uses."""
    return replace(settings, cache=tmp_path / "cache")


def test_the_copy_follows_the_tree(tree: Path, cached: Settings) -> None:
    """Files that are new, changed or gone are so in the copy; what was built there stays, what the tree has not."""
    place = tree / sources.SELFTESTS / "mini"
    (place / "built").write_bytes(b"\x7fELF of a build in the tree")
    (place / "built").chmod(0o755)
    copied = sources.copy(tree, cached, Silent())
    mini = copied.selftests / "mini"
    assert sorted(path.name for path in mini.iterdir()) == sorted(
        path.name for path in place.iterdir() if path.name != "built"
    )
    (mini / "points").write_text("a program that was built")
    (place / "skips.c").unlink()
    (place / "new.c").write_text("int main(void) { return 0; }\n")
    (place / "silent.c").write_text("int main(void) { return 1; }\n")
    sources.copy(tree, cached, Silent())
    assert not (mini / "skips.c").exists()
    assert (mini / "new.c").exists()
    assert "return 1" in (mini / "silent.c").read_text()
    assert (mini / "points").exists()
    assert (mini / "silent.c").stat().st_mtime_ns == (place / "silent.c").stat().st_mtime_ns


def test_targets_are_listed(tree: Path, cached: Settings) -> None:
    """The tests of a target are those that its makefile tells, also when that has changed; nothing is built."""
    copied = sources.copy(tree, cached, Silent())
    assert [test.full for test in tests.listed(copied, "slow")] == ["slow:hangs"]
    makefile = tree / sources.SELFTESTS / "slow/Makefile"
    makefile.write_text(makefile.read_text().replace("hangs", "hangs more"))
    copied = sources.copy(tree, cached, Silent())
    assert [test.full for test in tests.listed(copied, "slow")] == ["slow:hangs", "slow:more"]
    (copied.selftests / "slow/Makefile").write_text("include ../lib.mk\nTEST_PROGS := $(wildcard *.sh)\n")
    assert tests.listed(copied, "slow") == ()
    (copied.selftests / "slow/new.sh").touch()
    assert [test.full for test in tests.listed(copied, "slow")] == ["slow:new.sh"]
    assert [test.full for test in tests.selected(copied, "mini:s*")] == [
        "mini:silent", "mini:skips", "mini:segfault", "mini:script.sh"]  # fmt: skip
    with pytest.raises(UsageError, match=r"no kselftests nothing in .*: see the directories of tools"):
        tests.listed(copied, "nothing")


def test_no_tree(tmp_path: Path, cached: Settings) -> None:
    """A directory without kselftests is refused with the next step."""
    with pytest.raises(UsageError, match=r"no tools/testing/selftests/lib\.mk in .*: pass --lkl-kselftest-tree"):
        sources.copy(tmp_path, cached, Silent())


def test_programs_that_do_not_build(tree: Path, cached: Settings) -> None:
    """The error for a library that the host lacks names its package; that for a wrong program, its line."""
    makefile = tree / sources.SELFTESTS / "needy/Makefile"
    makefile.write_text(makefile.read_text() + "LDLIBS := -lcap-ng-not-there\n")
    copied = sources.copy(tree, cached, Silent())
    with pytest.raises(programs.NotBuildable, match="needy:refused cannot be built statically here: cannot find -lcap"):
        programs.demand(copied, Selftest("needy", "refused"), cached)
    assert programs._package("cannot find -lcap") == " (on Debian and Ubuntu: apt-get install libcap-dev)"
    assert "libcap-dev" in programs._package("sys/capability.h: No such file or directory")
    with pytest.raises(BuildError, match=r"misspelt\.c:4:16: error: 'undeclared_name' undeclared"):
        programs.demand(copied, Selftest("mini", "misspelt"), cached)


def test_a_makefile_may_say_how_to_link(tree: Path, cached: Settings) -> None:
    """Programs are static, but for a test of how they are linked."""
    makefile = tree / sources.SELFTESTS / "mini/Makefile"
    makefile.write_text(makefile.read_text() + "$(OUTPUT)/points: LDLIBS := -pie -fPIE\n")
    copied = sources.copy(tree, cached, Silent())
    kinds = {}
    for name in ("points", "silent"):
        program = programs.demand(copied, Selftest("mini", name), cached)
        kinds[name] = b"/ld-linux" in program.read_bytes()[:4096]
    assert kinds == {"points": True, "silent": False}


def test_the_compilers_script_is_whole(tree: Path, cached: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed leaves no half of the script that links statically; one that cannot be run is made anew."""
    copied = sources.copy(tree, cached, Silent())
    script = copied.home / "static-cc"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "chmod", killed)
        with pytest.raises(KeyboardInterrupt):
            programs._compiler(copied, cached)
    assert not script.exists()
    programs._compiler(copied, cached)
    assert os.access(script, os.X_OK)
    script.chmod(0o644)
    programs._compiler(copied, cached)
    assert os.access(script, os.X_OK)


def test_options_are_merged(tree: Path, cached: Settings) -> None:
    """The kernel of a tree is asked for the options of all targets, modules built in, beside those of our init.

    Whichever of the suitable targets are chosen, it is the same kernel.
    """
    (tree / sources.SELFTESTS / "mini/config").write_text("CONFIG_VETH=m\nCONFIG_LOG_BUF_SHIFT=17\n")
    copied = sources.copy(tree, cached, Silent())
    wanted = kernel._wanted(copied, ["mini", "needy", "slow"])
    assert {name: wanted[name] for name in ("VETH", "LOG_BUF_SHIFT", "NO_SUCH_THING", "HOSTFS")} == {
        "VETH": "y", "LOG_BUF_SHIFT": "17", "NO_SUCH_THING": "y", "HOSTFS": "y"}  # fmt: skip
    (tree / sources.SELFTESTS / "mini").rename(tree / sources.SELFTESTS / "pidfd")
    (tree / sources.SELFTESTS / "slow").rename(tree / sources.SELFTESTS / "timers")
    copied = sources.copy(tree, cached, Silent())
    assert kernel._wanted(copied, ["pidfd"]) == kernel._wanted(copied, ["timers"])


def test_a_session_without_a_tree(inline: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    """Without a tree the declaration is one skipped item, which says what to pass."""
    pytester.makepyfile("from lkltest import Kselftest\n\nks = Kselftest()\n")
    result = inline("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*no kernel tree with kselftests: pass --lkl-kselftest-tree*"])


def test_a_choice_without_tests(
    inline: Callable[..., pytest.RunResult], pytester: pytest.Pytester, tree: Path, tmp_path: Path
) -> None:
    """A pattern that selects no test is refused with the place to look for names."""
    pytester.makepyfile("from lkltest import Kselftest\n\nks = Kselftest('mini:nothing*')\n")
    result = inline(f"--lkl-kselftest-tree={tree}", f"--lkl-cache={tmp_path / 'cache'}")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*no kselftest is mini:nothing*: see TEST_GEN_PROGS and TEST_PROGS in the makefile*"])
