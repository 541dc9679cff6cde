"""The examples in C and Python: test files are run by pytest, with the programs that they name, other code executed.

Examples with a title are files of the sessions that test_sessions.py runs.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from lkltest import cc
from lkltest import liblkl as kernels
from lkltest.fuzz import KernelConfig, describe, parse_program
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from tests.integration.docs.pages import PAGES, ROOT, Block, blocks
from tests.integration.docs.terminal import Terminal

BOOTING = """
#include <lkltest.h>
POINT(start_kernel) { lkltest_start_kernel(); }
LKLTEST_POINTS = { LKLTEST_LIBRARY(start_kernel) };
int main(int argc, char **argv) { return lkltest_main(argc, argv); }
"""
SERVER = "#!/bin/sh\necho listening\nexec sleep 600\n"
MY_IMAGE = "import pytest\n@pytest.fixture\ndef my_image(tmp_path):\n    return tmp_path\n"
NO_NETWORK = ("privilege", "/dev/net/tun", "unshare")  # of the reasons for which a namespace cannot be had


def example(page: str) -> Block:
    """The only example of a page in Python that has no title."""
    (block,) = [each for each in blocks("python", pages=[ROOT / "docs" / f"{page}.md"]) if not each.title]
    return block


@pytest.fixture
def run_pytest(terminal: Terminal) -> Callable[..., str]:
    """Run pytest on a page's example; return what it prints."""

    def run(page: str, *arguments: str, name: str = "test_example.py") -> str:
        terminal.write(name, example(page).text)
        done = terminal.run(" ".join(["pytest", "-q", "-rs", "-p", "no:cacheprovider", name, *arguments]))
        told = done.output.decode()
        assert done.status == 0, told
        return told

    return run


def test_architecture(run_pytest: Callable[..., str], terminal: Terminal) -> None:
    """The suite's file runs the page's program, and the disk suite's on an image."""
    shutil.copytree(ROOT / "suites" / "disk", terminal.path / "suites" / "disk", ignore=shutil.ignore_patterns("*.py"))
    shutil.copy(ROOT / "suites" / "need.h", terminal.path / "suites")
    (program,) = blocks("c", pages=[ROOT / "docs" / "architecture.md"])
    terminal.write("suites/disk/boot.c", program.text)
    selected = "'boot or (start_kernel and fast-ext4])'"
    assert "4 passed" in run_pytest("architecture", "-k", selected, name="suites/disk/test_example.py")


def test_net(run_pytest: Callable[..., str], terminal: Terminal) -> None:
    """The program runs beside a server in a network namespace, where this machine has one."""
    terminal.write("mine.c", BOOTING)
    terminal.write("bin/my-server", SERVER, 0o755)
    terminal.environment["PATH"] = f"{terminal.path / 'bin'}:{terminal.search_path}"
    told = run_pytest("net")
    assert "2 passed" in told or any(reason in told for reason in NO_NETWORK), told


def test_tree(run_pytest: Callable[..., str], terminal: Terminal) -> None:
    """A kernel without tests of its own skips the program."""
    terminal.write("conftest.py", MY_IMAGE)
    assert "has no tests of its own" in run_pytest("tree")


def test_kselftest(run_pytest: Callable[..., str], terminal: Terminal) -> None:
    """The declared targets of a tree are items."""
    tests = terminal.path / "tree" / "tools" / "testing" / "selftests"
    shutil.copytree(ROOT / "tests" / "kselftest" / "tree", terminal.path / "tree")
    for target in ("timers", "futex/functional"):
        shutil.copytree(tests / "mini", tests / target)
    shutil.copy(tests / "lib.mk", tests / "futex")
    told = run_pytest("kselftest", "--collect-only", "--lkl-kselftest-tree=tree")
    assert "timers" in told
    assert "futex/functional" in told


def test_kunit(run_pytest: Callable[..., str]) -> None:
    """Without a kernel that has KUnit the declaration is a skip that says so."""
    assert "KUnit" in run_pytest("kunit")


def test_uml(run_pytest: Callable[..., str], terminal: Terminal, uml: object) -> None:  # noqa: ARG001
    """The console of a UML answers as the page says."""
    for name in ("conftest.py", "init.c"):
        shutil.copy(ROOT / "suites" / "uml" / name, terminal.path)
    with (terminal.path / "conftest.py").open("a") as file:
        file.write("\n\n@pytest.fixture\ndef disk(tmp_path):\n    (tmp_path / 'disk').write_bytes(bytes(1 << 20))\n"
                   "    return tmp_path / 'disk'\n")
    assert "1 passed" in run_pytest("uml")


def test_crashes(liblkl: Liblkl, settings: Settings, terminal: Terminal) -> None:
    """The stack of a crash comes from its raw log."""
    program = cc.compile(ROOT / "docs" / "examples" / "crash.c", liblkl, settings)
    died = process.run([program], timeout=120)
    assert died.signal
    terminal.write("log", died.errors.decode(errors="replace"))
    terminal.write("example.py", example("crashes").text)
    done = terminal.run("python example.py")
    assert done.ok
    assert "point_writes_to_a_bad_address" in done.output.decode()


def test_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default kernel is asked for with arguments that it takes; it is not built."""
    built = create_autospec(kernels.default)
    monkeypatch.setattr(kernels, "default", built)
    exec(example("kernels").text, {})
    built.assert_called_once()


def test_tap(capsys: pytest.CaptureFixture[str]) -> None:
    """The points of a stream are printed."""
    exec(example("tap").text, {"data": b"1..1\nok 1 - name\n"})
    assert capsys.readouterr().out == "1 True name\n"


def test_fuzzing(liblkl: Liblkl, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program runs on a kernel, and its calls succeed."""
    monkeypatch.setattr(kernels, "default", lambda _: liblkl)
    names: dict[str, object] = {}
    exec(example("fuzzing").text, names)
    assert names["outcome"] == 1
    assert names["results"][1] == 3  # type: ignore[index]  # bytes that were written


def test_coverage(shared: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """The edges of a program's calls are printed."""
    kernel = kernels.find(shared)
    description = describe(kernel, settings)
    program = parse_program("getpid()\n", description.headers.constants, description.produces)
    config = KernelConfig.make(kernel, settings, description.shapes)
    exec(example("coverage").text, {"config": config, "programs": description.encode(program), "count": 1})
    assert re.fullmatch(r"0 \d+ \[\d+\]\n", capsys.readouterr().out)


def test_each_example_has_a_test() -> None:
    """No page has an example without a title that no test above executes."""
    tests = {name.removeprefix("test_").replace("_", "-") for name in vars(sys.modules[__name__])}
    assert [each for each in blocks("python", "c", pages=PAGES) if not each.title and each.page.stem not in tests] == []
