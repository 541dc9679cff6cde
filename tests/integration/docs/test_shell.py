"""The commands of the documentation: run in a prepared directory, or at least parsed by the program that they call."""

from __future__ import annotations

import configparser
import fnmatch
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lkltest import cli
from lkltest.host import process
from tests.integration.docs import prepared
from tests.integration.docs.pages import ROOT, blocks, commands, words
from tests.integration.docs.terminal import Terminal

# Commands that are not run here, as patterns, each with the reason. Those of pytest, lkltest, make and tox are still
# taken by the program itself: pytest collects, lkltest parses its arguments, make and tox say what they would do.
NOT_RUN = {
    "make run-tests*": "runs all suites: CI itself does",
    "make check*": "this test is a part of it",
    "make docs*": "make check builds the site",
    "make .venv/ready*": "makes the environment that runs this test",
    ". .venv/bin/activate": "enters the environment that runs this test",
    "pytest suites*": "make run-tests runs the suites",
    "pytest tests*": "make check runs the tests",
    ".venv/bin/pytest *": "make check runs the tests, make run-tests the suites",
    "git bisect run *": "builds a kernel for each step",
    "tox *": "sets up environments of its own",
    "pre-commit install": "writes into the checkout's git directory; tests/test_docs.py checks the configuration",
    ".venv/bin/python scripts/pictures.py": "draws for minutes",
    "lkltest build*": "builds kernels: make check has built the only one that it needs",
    "lkltest gate *": "builds kernels",
    "lkltest kunit *": "builds kernels",
    "lkltest fuzz --time 1h *": "fuzzes for an hour",
    "lkltest fuzz --corpus *": "fuzzes for ten minutes, on an instrumented kernel",
    "lkltest fuzz --scheduler *": "fuzzes for ten hours, on several machines",
    "lkltest corpus min *": "runs on an instrumented kernel, which make check does not build",
    "lkltest corpus cov *": "runs on an instrumented kernel, which make check does not build",
    "make -C tools/lkl *": "builds a kernel",
    "make ARCH=um *": "builds a kernel",
    "scripts/config *": "a program of a kernel tree",
    "dask *": "serves until it is stopped; tests/fuzz/test_campaign.py starts both",
    "pip install *": "downloads",
    "diff-cover *": "is installed by the command before it",
    "genhtml *": "is in a package that nothing here needs: the comment names it",
    "kill -USR2 PID": "PID is the reader's; tests/harness sends the signal",
    "unshare *": "a failed point prints it with its words filled in; suites/net runs it",
    "linux mem=64M *": "boots a root of the reader's own",
}
# Commands of pytest that cannot even collect here: pytest takes their options, and no more.
NOT_COLLECTED = {
    "*--lkl-build*": "collecting builds the kernel",
    "pytest suites/kunit *": "collecting builds a kernel with KUnit, or boots it",
    "pytest suites/kselftest *": "collecting reads the kselftests of a whole kernel tree",
    "*--lkl-wrapper*": "collecting takes a compiler for another machine",
}

SHELL = [(block, command) for block in blocks("sh") for command in commands(block)]
ALL = sorted({command for _, command in SHELL})


def listed(command: str, table: Iterable[str]) -> bool:
    """Whether a command is in a table."""
    return any(fnmatch.fnmatch(command, pattern) for pattern in table)


TAKEN = [command for command in ALL if listed(command, NOT_RUN)]
RUN = sorted({block.page for block, command in SHELL if command not in TAKEN})


def taken_by(program: str, *, but: Iterable[str] = ()) -> list[str]:
    """The commands of a program that are not run."""
    return [command for command in TAKEN if words(command)[0] == program and not listed(command, but)]


@pytest.mark.parametrize("table", [NOT_RUN, NOT_COLLECTED], ids=["not run", "not collected"])
def test_no_reason_is_left_over(table: dict[str, str]) -> None:
    """Each pattern of the tables stands for a command that is in the documentation."""
    assert [pattern for pattern in table if not fnmatch.filter(ALL, pattern)] == []


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_commands_run(page: Path, terminal: Terminal, request: pytest.FixtureRequest) -> None:
    """Each command of a page that is not in the table ends with exit status 0, in the page's prepared directory."""
    if page.stem in prepared.PAGES:
        prepared.PAGES[page.stem](terminal, request)
    for block, command in SHELL:
        if block.page == page and command not in TAKEN:
            done = terminal.run(command)
            assert done.status == 0, f"{block}: {command}\n{done.output.decode()}"


def test_nothing_is_prepared_in_vain() -> None:
    """Each prepared directory is that of a page with commands that run."""
    assert set(prepared.PAGES) <= {page.stem for page in RUN}


@pytest.mark.parametrize("command", taken_by("pytest", but=NOT_COLLECTED))
def test_pytest_takes_the_command(
    command: str, home: Path, inline: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options, their combination and values are right, and tests are selected."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LKLTEST_VARIANT", "fast")
    monkeypatch.chdir(home / "linux")
    arguments = [*selected(command), "--collect-only", "-q", "-p", "no:cacheprovider"]
    if "tests" in command:  # they load pytester, and cannot be collected within a test of it
        told = process.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, merge=True, timeout=600)
        assert told.ok, told.output.decode()
    else:
        ours = ("-W", "ignore::pytest.PytestAssertRewriteWarning", f"-c{ROOT}/pyproject.toml")
        assert inline(*arguments, *ours).ret == 0


def selected(command: str) -> list[str]:
    """The words of a command of pytest; of all suites or tests some, where nothing selects from them."""
    found = [os.path.expandvars(word) for word in words(command)[1:]]
    narrow = {} if "-k" in found else {"suites": "suites/boot", "suites/": "suites/boot", "tests": "tests/tap"}
    return [f"{ROOT}/{narrow.get(word, word)}" if word.startswith(("suites", "tests")) else word for word in found]


BISECTED = [part for command in taken_by("sh") for part in words(command)[2].split(" && ")]


def test_only_lkltest_is_bisected_by_a_shell() -> None:
    """The next test takes all commands that are given to a shell."""
    assert {words(command)[0] for command in BISECTED} == {"lkltest"}


@pytest.mark.parametrize("command", taken_by("lkltest") + BISECTED)
def test_lkltest_takes_the_command(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's own parser accepts the arguments."""
    name = words(command)[1]
    monkeypatch.setattr(f"lkltest.cli.{name}.run", lambda _: 0)
    assert cli.main(words(command)[1:]) == 0


OPTIONS_ONLY = [command for command in taken_by("pytest") if listed(command, NOT_COLLECTED)]


@pytest.mark.usefixtures("lean_sessions")
@pytest.mark.filterwarnings("ignore::pytest.PytestAssertRewriteWarning")
@pytest.mark.parametrize("command", OPTIONS_ONLY)
def test_pytest_takes_the_options(
    command: str, home: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The options are there, and take these values."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "linux")
    pytester.parseconfig(*selected(command))


@pytest.mark.parametrize("command", [each for each in taken_by("make") if each.startswith("make run-tests")])
def test_run_tests_passes_its_variables_on(command: str) -> None:
    """The tests and the kernels of the command line are in the call of pytest that `make` would make."""
    given = [word for word in words(command)[1:] if "=" in word]
    told = process.run(["make", "--dry-run", *words(command)[1:]], cwd=ROOT, merge=True, timeout=60)
    assert told.ok, told.output.decode()
    assert all(word.partition("=")[2] in told.output.decode() for word in given)


@pytest.mark.parametrize("command", [each for each in taken_by("make") if each.startswith(("make check", "make docs"))])
def test_make_has_the_target(command: str) -> None:
    """`make` knows how it would make the target."""
    assert process.run(["make", "--dry-run", *words(command)[1:]], cwd=ROOT, merge=True, timeout=60).ok


@pytest.mark.parametrize("command", taken_by("tox"))
def test_tox_has_the_environments(command: str) -> None:
    """Each environment that is named is defined in tox.ini, and has a description."""
    ini = configparser.ConfigParser()
    ini.read(ROOT / "tox.ini")
    names = [re.sub(r"^py3\d+$", "py{311,312,313,314}", name) for name in words(command)[2].split(",")]
    assert words(command)[1] == "-e"
    assert all(ini.get(f"testenv:{name}", "description") for name in names)
