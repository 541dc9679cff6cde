"""Kernels that cannot run the smallest program, and hosts that cannot run a kernel: told once, for all items."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.program import trial
from lkltest.settings import Settings
from tests.plugin.conftest import PROGRAMS, Pytest

# A real liblkl that crashes while it boots, for it has too little memory; one that hangs before it says anything.
CRASHES = ("--lkl-mem=1M",)
HANGS = ("--lkl-wrapper=sh -c 'exec sleep 1000'", "--lkl-timeout=2")


@pytest.fixture
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A UML, linked statically, that panics at its first process."""
    path = tmp_path_factory.mktemp("stub") / "linux"
    assert process.run(["gcc", "-static", "-o", path, PROGRAMS / "stub_uml.c"], timeout=60).ok
    return path


# A way to run a UML that an executable without a dynamic linker leaves no host.
UNUSABLE = "--lkl-uml-fpstate=ptrace"
REASON = "uml-6.1.77-stub cannot run on this host: ptrace() cannot be interposed: the executable is static"


def paragraph(result: pytest.RunResult) -> list[str]:
    """The lines of the section on what was not reached."""
    text = "\n".join(result.outlines)
    return re.split(r"\n=+ [^\n]*=\n", re.split(r"\n=+ not reached =+\n", text)[1])[0].splitlines()


@pytest.mark.parametrize(("options", "line"), [
    (CRASHES, "not reached: .*killed by SIGABRT in the point 'start_kernel'.*"),
    (HANGS, "not reached: killed before its first point: the program's timeout of 2 s has passed.*"),
])
@pytest.mark.parametrize("more", [[], ["-n", "2"]], ids=["alone", "shared"])
def test_a_kernel_that_does_not_boot_is_told_once(
    suite: Pytest, options: tuple[str, ...], line: str, more: list[str]
) -> None:
    """A liblkl that crashes or hangs while it boots fails its items with one paragraph, with evidence, in one trial."""
    result = suite("good fails", *options, *more, "-p", "no:cacheprovider")
    result.assert_outcomes(failed=10)
    told = paragraph(result)
    assert re.fullmatch(line, told[0])
    assert re.fullmatch(r"  10 items of the kernel lkl-\S+, first and last:", told[1])
    assert len(told) <= 46
    assert sum(one.startswith("by hand:   ") for one in result.outlines) == 1
    assert not any("FAILURES" in one for one in result.outlines)
    assert sum(one.startswith("FAILED ") for one in result.outlines) == 1


def test_workers_try_a_kernel_once(suite: Pytest, tmp_path: Path) -> None:
    """Under -n 2 one worker boots the kernel, and the other takes over what it has seen."""
    tried = tmp_path / "tried"
    suite("good fails", "-n", "2", f"--lkl-wrapper=sh -c 'echo >>{tried}; exec sleep 1000'", "--lkl-timeout=2")
    assert tried.read_text().count("\n") == 1


@pytest.mark.parametrize(("deaths", "failed"), [(3, False), (4, True)])
def test_a_kernel_that_dies_in_one_of_several_starts_is_tried(
    suite: Pytest, tmp_path: Path, deaths: int, failed: bool
) -> None:
    """A start that a signal ends fails one item; three more are made before the whole kernel is given up for it."""
    marks = " || ".join(f"mkdir {tmp_path}/died{number} 2>/dev/null" for number in range(deaths))
    result = suite("good", f"""--lkl-wrapper=sh -c '({marks}) && kill -SEGV $$; exec "$@"' sh""")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == (sum(outcomes.values()) if failed else 1)
    assert ("a later start was good" in result.stdout.str()) is not failed
    assert "SIGSEGV" in result.stdout.str()


def test_a_start_that_died_once_is_tried_in_the_next_session(
    suite: Pytest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel is not remembered as good where a later start was needed."""
    monkeypatch.setenv("LKLTEST_CACHE", str(tmp_path / "cache"))
    for number in range(2):
        dies_once = f"mkdir {tmp_path}/{number} 2>/dev/null && kill -SEGV $$"
        result = suite("good", f"""--lkl-wrapper=sh -c '{dies_once}; exec "$@"' sh""")
        assert "a later start was good" in result.stdout.str()


def test_a_crash_at_boot_leaves_its_evidence(suite: Pytest, pytester: pytest.Pytester) -> None:
    """The stack has names, and console, program and the whole report are kept."""
    result = suite("good", *CRASHES)
    assert any(re.match(r" +#\d+ +panic +kernel/panic.c:\d+", line) for line in paragraph(result))
    (kept,) = (pytester.path / "lkltest-artifacts").glob("trial-*")
    assert {"program", "command", "console.log", "report.txt"} <= {path.name for path in kept.iterdir()}
    assert "start_kernel" in (kept / "report.txt").read_text()


def test_a_failed_trial_is_tried_again(suite: Pytest) -> None:
    """A trial that failed once may go well in the next session, and the other way round."""
    assert suite("good", *CRASHES).ret == 1
    suite("good").assert_outcomes(passed=4, skipped=1, xfailed=1)
    assert suite("good", *CRASHES).ret == 1


def test_a_trial_that_passed_costs_nothing_again(
    suite: Pytest, liblkl: Liblkl, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A kernel is tried once, until its file, or what it is started with, is another."""
    monkeypatch.setenv("LKLTEST_CACHE", str(tmp_path / "cache"))
    trials = tmp_path / "cache" / "trials"
    suite("good", "--collect-only")
    assert not trials.exists()
    suite("good", "-k", "getpid")
    (first,) = (path for path in trials.iterdir() if path.is_file())
    before = first.stat().st_mtime_ns
    suite("good", "-k", "getpid", "--lkl-cc=gcc")
    assert first.stat().st_mtime_ns == before
    suite("good", "-k", "getpid", "--lkl-mem=80M")
    assert len([path for path in trials.iterdir() if path.is_file()]) == 2
    assert trial.identity(liblkl, settings) == trial.identity(liblkl, settings)


def test_a_trial_that_does_not_compile_is_told(suite: Pytest, tmp_path: Path) -> None:
    """Items run on a kernel whose trial could not begin, and the end of the session has the reason."""
    compiler = tmp_path / "picky-cc"
    refusal = 'case "$*" in *trial.c*) echo "error: no trials" >&2; exit 1;; esac'
    compiler.write_text(f'#!/bin/sh\n{refusal}\nexec gcc "$@"\n')
    compiler.chmod(0o755)
    result = suite("good", "-k", "getpid", f"--lkl-cc={compiler}")
    assert result.ret == 0
    result.stdout.re_match_lines([r"kernel lkl-\S+: not tried before its tests: .*trial\.c.*", ".*error: no trials"])


def test_a_debugger_sees_the_crash(suite: Pytest) -> None:
    """Under a tool the programs run whatever their kernel does: nobody could look into a crash at boot otherwise."""
    result = suite("good", *CRASHES, "--lkl-valgrind")
    result.stdout.re_match_lines([r"_+ good\.start_kernel.*"])


def test_a_uml_that_panics_is_told_once(
    pytester: pytest.Pytester, inline: Pytest, stub: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A UML that panics at its first process ends in one paragraph with its console; JUnit has a case an item."""
    monkeypatch.setenv("LKLTEST_CACHE", str(settings.cache))
    pytester.makepyfile(test_suite=f"from lkltest import Program\nmany = Program({many(pytester.path, 200)!r})\n")
    # Another kernel has nothing to do with it: there is no liblkl here that could be compiled against.
    result = inline(f"--uml={stub}", "-k", "uml", "--junitxml=junit.xml")
    result.assert_outcomes(failed=201, deselected=201)
    told = paragraph(result)
    reason = r"not reached: Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b .*"
    assert re.fullmatch(reason, told[0])
    assert "userspace - ptrace set fp regs failed, errno = 14" in told
    assert len(result.outlines) < 60
    cases = list(ET.parse(pytester.path / "junit.xml").iter("testcase"))
    assert len(cases) == 201
    assert all("Kernel panic" in (case.find("failure").get("message") or "") for case in cases)  # type: ignore[union-attr]


def many(directory: Path, count: int = 600) -> str:
    """A program with many points."""
    table = ", ".join(f"LKLTEST(p{number})" for number in range(count))
    points = "".join(f"POINT(p{number}) {{ }}\n" for number in range(count))
    source = directory / "many.c"
    source.write_text(f"#include <lkltest.h>\n{points}LKLTEST_POINTS = {{ {table} }};\n"
                      "int main(int argc, char **argv) { return lkltest_main(argc, argv); }\n")
    return str(source)


Session = Callable[..., pytest.RunResult]


@pytest.fixture
def both(suite: Pytest, stub: Path) -> Session:
    """Run pytest on a program, on a liblkl that works and a UML that this host cannot run."""

    def run(*arguments: str) -> pytest.RunResult:
        return suite("good", f"--uml={stub}", UNUSABLE, *arguments)

    return run


def test_what_the_host_cannot_run_is_skipped(both: Session) -> None:
    """The items of such a kernel are skips; the reason stands in the header and in the summary, once each."""
    result = both()
    result.assert_outcomes(passed=4, skipped=1 + 6, xfailed=1)
    assert result.ret == 0
    reasons = [line for line in result.outlines if REASON in line]
    assert len(reasons) == 2
    assert reasons[0].startswith(f"kernel uml-6.1.77-stub: {REASON}")
    assert reasons[1].startswith(REASON)
    result.stdout.re_match_lines([r"  6 items skipped, first and last:"])
    assert not any("side by side" in line for line in result.outlines)


def test_what_the_host_cannot_run_fails_strictly(both: Session) -> None:
    """--lkl-strict forbids these skips too, with the same one paragraph."""
    result = both("--lkl-strict", "-k", "uml")
    result.assert_outcomes(failed=6, deselected=6)
    assert result.ret == 1
    assert len([line for line in paragraph(result) if REASON in line]) == 1
    assert not any("FAILURES" in line for line in result.outlines)


def test_the_reason_is_a_property_in_junit(both: Session, pytester: pytest.Pytester) -> None:
    """The JUnit file tells a host that cannot run a kernel from other skips: the gate reads it."""
    both("--junitxml=junit.xml")
    root = ET.parse(pytester.path / "junit.xml").getroot()
    names = [case.get("name", "") for case in root.iter("testcase")]
    values = {one.get("name", ""): one.get("value") for one in root.iter("property")}
    assert {name: bool(values.get(f"{name}: unusable")) for name in names} == {name: "uml" in name for name in names}
