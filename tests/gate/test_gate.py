"""The gate judges a tree by what its makefile makes; the trees here are tiny, their `linux` is a copy of a real UML."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import cli, gate
from lkltest.errors import BuildError, Exit, UsageError
from lkltest.gate import Report, Row, Verdict, sources, suites
from lkltest.host import process
from lkltest.liblkl import Silent
from lkltest.settings import Settings
from lkltest.uml import Uml
from lkltest.uml import tree as kernel_tree
from lkltest.uml.console import Console
from tests.processes import gone

MAKEFILE = """\
VERSION = 6
PATCHLEVEL = 1
SUBLEVEL = 42
EXTRAVERSION = -patched
all:
	@echo "  CC      init/main.o"
	touch main.o
	cp "{uml}" linux
	{spoil}
defconfig:
	touch .config
mrproper:
	rm -f .config linux main.o
"""

Tree = Callable[[str], Path]


@pytest.fixture
def tree(tmp_path: Path, uml: Uml) -> Tree:
    """Make a tree whose build ends with a command of ours."""

    def make(spoil: str = "@true") -> Path:
        root = tmp_path / "tree"
        (root / "arch/um").mkdir(parents=True)
        (root / "arch/um/Makefile").touch()
        (root / "Kconfig").touch()
        (root / "Makefile").write_text(MAKEFILE.format(uml=uml.path, spoil=spoil))
        (root / "stale.o").write_bytes(b"built in place")
        return root

    return make


@pytest.fixture
def private(tmp_path: Path) -> Settings:
    """Settings with a cache of their own."""
    return replace(Settings.load({}, environment={}), cache=tmp_path / "cache", jobs=1)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty directory to build in."""
    directory = tmp_path / "place"
    directory.mkdir()
    return directory


@pytest.fixture
def suites_pass(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Have each suite pass at once; the list fills with the kernel, suite and options of each."""
    asked: list[tuple[str, ...]] = []

    def run(kernel: str, suite: str, options: list[str], place: Path) -> Row:
        assert place.is_dir()
        asked.append((kernel, suite, *options))
        return Row(kernel, f"suites/{suite}", Verdict.PASSED, "3 passed", seconds=1.5)

    monkeypatch.setattr(suites, "run", run)
    return asked


def state(root: Path) -> dict[Path, tuple[object, ...]]:
    """Everything about a tree that a build could change."""
    return {
        path: (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_mode)
        for path in [root, *root.rglob("*")]
        for status in [path.lstat()]
    }


def test_a_good_tree_passes(
    tree: Tree, place: Path, private: Settings, suites_pass: list[tuple[str, ...]], uml: Uml
) -> None:
    """A tree that builds is tested by three suites, and is left as it was."""
    root = tree("@true")
    before = state(root)
    report = gate.run(root, place, private, Silent())
    assert [(row.check, row.verdict) for row in report.rows] == [
        ("builds", Verdict.PASSED), ("linux is executable", Verdict.PASSED), ("suites/uml", Verdict.PASSED),
        ("suites/boot", Verdict.PASSED), ("suites/disk", Verdict.PASSED),
    ]  # fmt: skip
    assert report.exit_code == Exit.PASSED
    assert report.version == "6.1.42-patched"
    assert state(root) == before
    assert [asked[1] for asked in suites_pass] == ["uml", "boot", "disk"]
    assert uml.name.startswith("uml-")
    assert all("uml-" in asked for asked in suites_pass[1:])


@pytest.mark.parametrize(("spoil", "said"), [
    ("chmod -x linux", "linux is not executable: chmod +x"),
    ("rm linux", "make ended well, but left no file linux"),
    ("truncate -s 1000000 linux", "truncated"),
    ("echo text >linux; chmod +x linux", "linux is not an ELF file"),
])  # fmt: skip
@pytest.mark.usefixtures("suites_pass")
def test_a_bad_executable_fails(tree: Tree, place: Path, private: Settings, spoil: str, said: str) -> None:
    """A build that ends well but leaves no good executable is a failure, and nothing is booted."""
    report = gate.run(tree(spoil), place, private, Silent())
    assert [row.verdict for row in report.rows] == [Verdict.PASSED, Verdict.FAILED, Verdict.NOT_RUN]
    assert said in report.text()
    assert report.exit_code == Exit.FAILED


def test_a_tree_that_does_not_build(tree: Tree, place: Path, private: Settings) -> None:
    """A tree that does not compile is to be skipped by `git bisect run`, and the first error is in the report."""
    spoil = "@echo \"*** Default configuration is based on 'x'\"; echo 'main.c:7: error: no such thing'; exit 1"
    report = gate.run(tree(spoil), place, private, Silent())
    assert [row.verdict for row in report.rows] == [Verdict.NOT_BUILT]
    assert int(report.exit_code) == 125
    assert "main.c:7: error: no such thing" in report.text()
    assert "Default configuration" not in report.text()


def test_a_library_is_built_and_tested(
    tree: Tree, place: Path, private: Settings, suites_pass: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree with tools/lkl is also built as a library, with nothing left of UML's build in its way."""
    root = tree("@true")
    (root / "tools/lkl").mkdir(parents=True)
    (root / "tools/lkl/Makefile").touch()

    class Found:
        name = "lkl-6.1.42"

    def prepare(path: Path, settings: Settings, _progress: object) -> Found:
        assert settings.build
        assert (path / "Makefile").is_file()
        assert not (path.parents[1] / "linux").exists()
        return Found()

    monkeypatch.setattr(gate, "prepare", prepare)
    report = gate.run(root, place, private, Silent())
    assert [row.check for row in report.rows if row.kernel == "tools/lkl"] == ["builds", "suites/boot", "suites/disk"]
    assert suites_pass[-1][0] == "tools/lkl"

    def fail(*_: object) -> None:
        raise BuildError("lib/lkl.o: undefined reference", exit_code=Exit.DOES_NOT_BUILD)

    monkeypatch.setattr(gate, "prepare", fail)
    shutil.rmtree(place)
    place.mkdir()
    report = gate.run(root, place, private, Silent())
    assert report.exit_code == Exit.DOES_NOT_BUILD
    assert "tools/lkl, builds:\n    lib/lkl.o: undefined reference" in report.text()


@pytest.mark.parametrize("missing", ["Makefile", "Kconfig", "arch/um/Makefile"])
def test_not_a_kernel_tree(tree: Tree, place: Path, private: Settings, missing: str) -> None:
    """A directory that is no kernel tree is refused, and what it lacks is named."""
    root = tree("@true")
    (root / missing).unlink()
    with pytest.raises(UsageError, match=f"no {missing} in"):
        gate.run(root, place, private, Silent())


def test_files_without_git(tmp_path: Path) -> None:
    """Without git everything is copied that is not known to be built, links as links."""
    names = ["a.c", "sub/vmlinux.lds.S", "sub/b.o", "sub/.b.o.cmd", "c.ko", "lib.a", "vmlinux", ".gitignore", "m.mod"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("sub")
    assert kernel_tree.files(tmp_path) == [".gitignore", "a.c", "link", "sub/vmlinux.lds.S"]
    sources.copy(tmp_path, tmp_path / "copy")
    assert (tmp_path / "copy/link").is_symlink()
    assert (tmp_path / "copy/sub/vmlinux.lds.S").is_file()


def test_too_little_room(tree: Tree, place: Path, private: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that would not fit is not begun: what it needs is told, and where."""
    root = tree("@true")
    with (root / "large.c").open("wb") as file:
        file.truncate(800 << 20)
    usage = shutil.disk_usage(place)._replace(free=1 << 30)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UsageError, match=r"need 1,200 MB in .*, 1,024 MB are free: free some, .* TMPDIR"):
        gate.run(root, place, private, Silent())
    assert not list(place.iterdir())


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git: apt-get install git")
def test_files_by_git(tmp_path: Path) -> None:
    """With git, what is changed or new is copied, what is ignored or removed is not; the index stays as it is."""
    root = tmp_path / "tree"
    root.mkdir()
    git = ["git", "-C", str(root), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    for name in ("kept.c", "removed.c", ".gitignore"):
        (root / name).write_text("*.out\n")
    assert process.run([*git, "init", "-q"]).ok
    assert process.run([*git, "add", "."]).ok
    assert process.run([*git, "commit", "-q", "-m", "m"]).ok
    assert not kernel_tree.commit(root).endswith("+changes")
    (root / "removed.c").unlink()
    (root / "kept.c").write_text("changed")
    (root / "a new ü file.c").touch()
    (root / "ignored.out").touch()
    before = state(root)
    assert kernel_tree.files(root) == [".gitignore", "a new ü file.c", "kept.c"]
    assert re.fullmatch(r"[0-9a-f]{12}\+changes", kernel_tree.commit(root))
    assert state(root) == before


Judge = Callable[[str], tuple[Verdict, str, str]]


@pytest.fixture
def judgement(pytester: pytest.Pytester, inline: Callable[..., pytest.RunResult]) -> Judge:
    """The judgement of a real pytest on a file of tests."""

    def judge(test: str) -> tuple[Verdict, str, str]:
        pytester.makepyfile(test_it=test)
        result = inline("-q", "-p", "no:cacheprovider", "--junitxml=junit.xml")
        done = process.Ended(("pytest",), int(result.ret), None, timed_out=False, seconds=result.duration)
        return suites.judge(pytester.path / "junit.xml", done, f"{result.stdout}\n{result.stderr}")

    return judge


LOST = """from lkltest import uml
from lkltest.errors import KernelLost
def test_a(): raise KernelLost('killed by SIGSEGV\\nmore')
"""
# A point whose kernel was lost: the plugin records that, see lkltest.plugin.causes.
HUNG = """import pytest
def test_a(record_property):
    record_property("kernel_lost", "timeout")
    pytest.fail("killed in the point 'a': the point's timeout of 8 s has passed", pytrace=False)
"""
# A loss that was expected is a loss.
EXPECTED = """import pytest
def test_a(record_property):
    record_property("kernel_lost", "panic")
    pytest.xfail("known")
def test_b(): pass
"""
KNOWN = """import pytest
def test_a(): pytest.xfail("known")
def test_b(): pytest.xfail("known")
"""
# The plugin's own tests have their properties at the suite.
EXCUSED_LOSS = """import pytest
def test_a(record_testsuite_property):
    record_testsuite_property("test_a: kernel_lost", "panic")
    pytest.xfail("known")
"""
MIXED = """import pytest
def test_a(subtests):
    with subtests.test("one"): pytest.skip("no device")
    with subtests.test("two"): pytest.xfail("known")
def test_b(): pass
"""
SUBTESTS = """import pytest
def test_a(subtests):
    with subtests.test("one"): pass
    with subtests.test("two"): pytest.fail("no", pytrace=False)
def test_b(): pass
"""
# Words alone are no evidence: a test may fail over a text that quotes them.
QUOTED = "import pytest\ndef test_a(): pytest.fail('Kernel panic - not syncing: killed by SIGSEGV', pytrace=False)\n"


@pytest.mark.parametrize(("test", "verdict", "detail", "line"), [
    ("def test_a(): pass\n", Verdict.PASSED, "1 passed", ""),
    ("def test_a(): assert 1 == 2\ndef test_b(): pass\n", Verdict.FAILED, "1 failed, 1 passed", "test_a: "),
    ("class TestC:\n    def test_a(self): assert 1 == 2\n", Verdict.FAILED, "1 failed", "TestC::test_a: "),
    (SUBTESTS, Verdict.FAILED, "1 failed, 1 passed", "test_a: two: Failed: no"),
    (LOST, Verdict.LOST, "1 failed", "SIGSEGV"),
    (QUOTED, Verdict.FAILED, "1 failed", "SIGSEGV"),
    (HUNG, Verdict.LOST, "1 failed", "has passed"),
    (EXPECTED, Verdict.LOST, "1 passed, 1 known to fail", "test_a: the kernel was lost (panic)"),
    (EXPECTED.partition("def test_b")[0], Verdict.LOST, "1 known to fail", "test_a: the kernel was lost (panic)"),
    (KNOWN, Verdict.PASSED, "2 known to fail", ""),
    (EXCUSED_LOSS, Verdict.LOST, "1 known to fail", "a kernel was lost (panic)"),
    (MIXED, Verdict.PASSED, "1 passed, 1 known to fail", ""),
    ("import pytest\ndef test_a(): pytest.skip('get mkfs')\n", Verdict.NOT_RUN, "1 skipped", "get mkfs"),
    ("", Verdict.FAILED, "no test of it is for this kernel", "no tests ran"),
    ("syntax error\n", Verdict.FAILED, "pytest: exit status 2", "SyntaxError"),
])  # fmt: skip
def test_verdict_on_a_suite(judgement: Judge, test: str, verdict: Verdict, detail: str, line: str) -> None:
    """The report of pytest becomes one verdict; no result at all never passes."""
    found = judgement(test)
    assert found[:2] == (verdict, detail)
    assert line in found[2]
    assert "failed subtest" not in found[2]


def test_a_list_of_the_users_own_excuses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known failures of the user's own runs fail the gate."""
    (tmp_path / "suites/mine").mkdir(parents=True)
    (tmp_path / "suites/mine/test_mine.py").write_text("def test_bad(): assert 0\n")
    (tmp_path / "known.txt").write_text("test_bad  bug\n")
    monkeypatch.setenv("LKLTEST_KNOWN", str(tmp_path / "known.txt"))
    monkeypatch.setattr(suites, "directory", lambda: tmp_path / "suites")
    row = suites.run("linux", "mine", [], tmp_path)
    assert (row.verdict, row.detail) == (Verdict.FAILED, "1 failed")


def test_report_fits_into_a_mail() -> None:
    """The report is plain text without trailing blanks; long explanations are cut."""
    rows = (Row("UML", "builds", Verdict.PASSED, seconds=393.2),
            Row("UML", "suites/uml", Verdict.LOST, "1 failed, 20 passed", "\n".join(map(str, range(50))), 21.25))
    text = Report("v6.1-3-gabc", "6.1.3", rows).text()
    assert text.startswith("lkltest gate: Linux 6.1.3 (v6.1-3-gabc): FAILED: the kernel was lost\n")
    assert "UML  builds      passed                            6 min 33 s\n" in text
    assert "UML  suites/uml  KERNEL LOST  1 failed, 20 passed  21.2 s\n" in text
    assert "[38 more lines]" in text
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert "\x1b" not in text


def test_report_that_is_not_whole_says_so() -> None:
    """The first line says that suites were skipped: they have shown nothing."""
    rows = (Row("UML", "builds", Verdict.PASSED), Row("UML", "suites/disk", Verdict.NOT_RUN, "40 skipped", "get mkfs"))
    assert Report("", "6.1.3", rows).text().startswith("lkltest gate: Linux 6.1.3: passed, as far as it was run\n")
    assert Report("", "6.1.3", rows[:1]).text().startswith("lkltest gate: Linux 6.1.3: passed\n")


CANNOT = """import pytest
@pytest.fixture
def kernel(record_property):
    record_property("unusable", "no ptrace() here: allow it")
    pytest.skip("whatever it says")
def test_a(kernel): pass
def test_b(): pass
"""


def test_a_kernel_that_cannot_run_here_is_no_verdict(judgement: Judge) -> None:
    """The property of its tests, and no words of theirs, says that this machine has to be mended first."""
    assert judgement(CANNOT) == (Verdict.UNUSABLE, "mend this machine first", "no ptrace() here: allow it")


@pytest.mark.parametrize(("others", "code"), [
    ((), Exit.USAGE),
    ((Verdict.PASSED,), Exit.USAGE),
    ((Verdict.NOT_BUILT,), Exit.USAGE),
    ((Verdict.FAILED,), Exit.FAILED),
    ((Verdict.LOST,), Exit.KERNEL_LOST),
])  # fmt: skip
def test_the_machine_is_never_the_patch(others: tuple[Verdict, ...], code: Exit) -> None:
    """A kernel that cannot run here neither passes nor fails; what is wrong with another one is told all the same."""
    report = Report("", "6.1.3", tuple(Row("UML", "suites/uml", one) for one in (Verdict.UNUSABLE, *others)))
    assert report.exit_code is code
    assert ("mend this machine first" in report.text()) == (code is Exit.USAGE)


STATIC = r"""#include <stdio.h>
#include <stdlib.h>
int main(void) { puts("Linux version 6.1.42-patched (a@b) (gcc 12) #1 Mon Nov 23\nUser Mode Linux"); abort(); }
"""


def test_the_gate_on_a_machine_that_cannot_run_uml(
    tree: Tree, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No suite's failure is shown, the reason is, and the rest is not run."""
    source = tmp_path / "static.c"
    source.write_text(STATIC)
    assert process.run(["gcc", "-static", "-o", tmp_path / "static", source], timeout=60).ok
    monkeypatch.setenv("LKLTEST_UML_FPSTATE", "ptrace")  # which a static executable cannot be run with
    place = tmp_path / "place"
    place.mkdir()
    root = tree(f"cp {tmp_path / 'static'} linux")
    report = gate.run(root, place, replace(settings, cache=tmp_path / "cache"), Silent())
    assert report.exit_code is Exit.USAGE
    verdicts = [row.verdict for row in report.rows]
    assert verdicts == [Verdict.PASSED, Verdict.PASSED, Verdict.UNUSABLE, Verdict.NOT_RUN, Verdict.NOT_RUN]
    assert "the executable is static" in report.text()


@pytest.mark.usefixtures("suites_pass")
def test_command_line(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints the report, writes it where asked, and exits as the report says."""
    monkeypatch.setenv("LKLTEST_CACHE", str(tmp_path / "cache"))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    report = tmp_path / "report.txt"
    root = str(tree("chmod -x linux"))
    assert cli.main(["gate", "--tree", root, "--jobs", "1", "--report", str(report)]) == Exit.FAILED
    assert capsys.readouterr().out == report.read_text()
    assert cli.main(["gate", "--tree", "/nonexistent"]) == Exit.USAGE
    assert "no directory /nonexistent" in capsys.readouterr().err
    assert cli.main(["gate", "--tree", root, "--report", "/nonexistent/report"]) == Exit.USAGE
    assert "cannot write the report" in capsys.readouterr().err
    assert cli.main(["gate", "--tree", root, "--jobs", "many"]) == Exit.USAGE
    assert "gate: --jobs: cannot use 'many'" in capsys.readouterr().err
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(("number", "status"), [
    (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129),
], ids=["int", "term", "hup"])  # fmt: skip
def test_interrupted(tree: Tree, tmp_path: Path, number: int, status: int) -> None:
    """Ctrl-C or a CI server's SIGTERM in the middle of a build leaves no copy, no process and a sane terminal."""
    root = tree(f"echo $$$$ >{tmp_path}/pid; exec sleep 600")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = [f"TMPDIR={temporary}", f"LKLTEST_CACHE={tmp_path}/cache", "TERM=xterm"]
    argv = ["/usr/bin/env", *environment, sys.executable, "-m", "lkltest", "gate", "--tree", str(root)]
    with Console(argv) as console:
        before = termios.tcgetattr(console.terminal.child_fd)
        console.expect("building stock UML")
        deadline = time.monotonic() + 30
        while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
            console.read(time.monotonic() + 0.05)
        assert list(temporary.iterdir())
        os.kill(console.pid, number)
        assert console.wait().status == status
        assert termios.tcgetattr(console.terminal.child_fd) == before
    assert not list(temporary.iterdir())
    pid = int((tmp_path / "pid").read_text())
    assert gone(pid)
