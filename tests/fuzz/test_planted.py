"""Bugs that are planted in front of a real kernel are found, minimized, reproduced and reported correctly."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lkltest.fuzz import findings
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.prog.text import parse_program
from lkltest.fuzz.repro.runner import Runner
from tests.fuzz.conftest import Planted

FOUND_WITHIN = 300.0  # seconds, on a loaded machine; a few seconds on an idle one


class Found(NamedTuple):
    """A finding's directory, read."""

    finding: dict[str, Any]
    calls: list[str]  # of the program, by name
    program: str
    stack: str
    reproducer: str  # empty where there is none


def hunt(planted: Planted, output: Path, scenario: str, seed: int = 1) -> Found:
    """Fuzz until there is a finding; there must be exactly one."""
    fuzzer = Fuzzer(
        planted.config, planted.description, planted.settings, output, seed=seed, workers=1, scenarios=(scenario,),
        minimize_seconds=300, reproduce_seconds=300,  # end much earlier, but for a machine that is very busy
    )

    def tick() -> None:
        if fuzzer.findings:
            fuzzer.stop.set()

    try:
        fuzzer.run(FOUND_WITHIN, tick, every=0.1)
    finally:
        fuzzer.close()
    places = [path for path in output.iterdir() if (path / "finding.json").is_file()]
    assert len(places) == 1, [json.loads((path / "finding.json").read_text()) for path in places]
    (place,) = places
    program = (place / "program.txt").read_text()
    constants = planted.description.headers.constants
    source = place / "reproducer.c"
    return Found(
        finding=json.loads((place / "finding.json").read_text()),
        calls=[call.name for call in parse_program(program, constants, planted.description.produces).calls],
        program=program,
        stack=(place / "stack.txt").read_text(),
        reproducer=source.read_text() if source.is_file() else "",
    )


def test_crash_on_three_calls(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash that takes three calls in order, with certain results, is minimized to these."""
    monkeypatch.setenv("PLANTED", "crash")
    found = hunt(planted, tmp_path, "files")
    assert found.finding["kind"] == "crash"
    assert found.finding["signature"][0] == "planted_crash"
    assert found.calls == ["umask", "getcwd", "fdatasync"], found.program
    assert (found.finding["times"], found.finding["of"]) == (10, 10)
    assert "planted_crash" in found.stack
    assert "planted.c" in found.stack
    assert findings.CONFIRMED in found.reproducer
    for name in found.calls:
        assert f"lkl_sys_{name}" in found.reproducer


def test_hang(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that never returns, and that no signal interrupts, is a hang with the stack of where it stands."""
    monkeypatch.setenv("PLANTED", "hang")
    found = hunt(planted, tmp_path, "files")
    assert found.finding["kind"] == "hang"
    assert found.finding["signature"][0] == "planted_hang"
    assert found.calls == ["getcwd"], found.program
    assert found.finding["times"] == 10
    assert "planted_hang" in found.stack
    assert findings.CONFIRMED in found.reproducer  # it was seen in planted_hang() again
    assert "lkl_sys_getcwd" in found.reproducer


def test_warning(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning on the console is blamed on the call that printed it, and on the place that it names."""
    monkeypatch.setenv("PLANTED", "warning")
    found = hunt(planted, tmp_path, "files")
    assert found.finding["kind"] == "console"
    assert found.finding["title"].startswith("WARNING: CPU: 0 PID: 1 at fs/planted.c:7 planted_warning")
    assert found.finding["signature"] == ["planted_warning"]
    assert found.calls == ["fallocate"], found.program
    assert found.finding["times"] == 10
    assert "planted.c" in found.stack  # where it was printed
    assert "lkl_sys_fallocate" in found.reproducer


def test_errno(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result of -5000 is no errno."""
    monkeypatch.setenv("PLANTED", "errno")
    found = hunt(planted, tmp_path, "files")
    assert found.finding["kind"] == "errno"
    assert found.finding["title"] == "getcwd returned -5000, which is no errno of a system call"
    assert found.calls == ["getcwd"], found.program
    assert found.finding["times"] == 10
    assert "lkl_sys_getcwd" in found.reproducer


@pytest.mark.parametrize(("bug", "title"), [
    ("overrun", "the kernel reached past the end of a buffer of its caller"),
    ("underrun", "read wrote before the start of a buffer of its caller"),
])
def test_buffer(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: str, title: str
) -> None:
    """A byte written past the end of a buffer, or before its start, is an overrun."""
    monkeypatch.setenv("PLANTED", bug)
    found = hunt(planted, tmp_path, "proc")
    assert found.finding["kind"] == "overrun"
    assert found.finding["title"].startswith(title)
    assert found.finding["signature"][0] == ("planted_write" if bug == "overrun" else "read")
    assert found.calls[-1] == "read"
    assert len(found.calls) == 2, found.program  # one to open what is read
    assert found.finding["times"] == 10


def test_structure(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A structure that the kernel fills has its very size: a byte behind it is an overrun."""
    monkeypatch.setenv("PLANTED", "stat")
    found = hunt(planted, tmp_path, "files")
    assert found.finding["kind"] == "overrun"
    assert found.finding["signature"][0] == "planted_write"
    assert found.calls[-1] == "newfstat"
    # No call is one too many: one opens what is looked at, and one may make just that before.
    paths = re.findall(r'"(.*?)"', found.program)
    assert found.calls[:-1] in (["openat"], ["mkdirat", "openat"]), found.program
    assert len(set(paths)) == 1, found.program
    assert found.finding["times"] == 10


def test_history(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash that takes calls of several programs becomes one program of just these."""
    monkeypatch.setenv("PLANTED", "history")
    found = hunt(planted, tmp_path, "files")
    assert found.finding["kind"] == "crash"
    assert found.calls == ["getcwd"] * 3, found.program
    assert found.finding["times"] == 10
    assert found.reproducer.count("lkl_sys_getcwd") == 3


def test_quiet(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a planted bug, the same chain finds nothing."""
    monkeypatch.delenv("PLANTED", raising=False)
    fuzzer = Fuzzer(
        planted.config, planted.description, planted.settings, tmp_path, seed=1, workers=1, scenarios=("files",)
    )
    try:
        fuzzer.run(FOUND_WITHIN, lambda: None, programs=2000)
    finally:
        fuzzer.close()
    assert fuzzer.progress.programs >= 2000
    assert not list(tmp_path.iterdir())


def test_what_is_not_reproduced_in_time_is_kept(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without time for reproduction, a crash is a finding with the programs that its kernel ran, which fail again."""
    monkeypatch.setenv("PLANTED", "history")
    fuzzer = Fuzzer(
        planted.config, planted.description, planted.settings, tmp_path, seed=1, workers=1, scenarios=("files",),
        reproduce_seconds=0,
    )
    try:
        fuzzer.run(FOUND_WITHIN, lambda: fuzzer.stop.set() if fuzzer.findings else None, every=0.1)
    finally:
        fuzzer.close()
    (finding,) = fuzzer.findings.values()
    assert (finding.kind, finding.examined) == ("crash", False)
    history = findings.programs(tmp_path / finding.name / findings.HISTORY, planted.description)
    with Runner(planted.config, planted.description) as runner:
        report = runner.run(history).report
    assert report is not None
    assert report.name == finding.name


def memory() -> int:
    """The resident memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def children() -> set[int]:
    """The child processes of this process, zombies included."""
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_many_crashes(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 crashes in a row leave no process, no descriptor, no memory, and no file outside of the output."""
    monkeypatch.setenv("PLANTED", "always")
    elsewhere = tmp_path / "tmp"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(elsewhere)
    wanted = int(os.environ.get("LKLTEST_CRASHES", "300"))
    fuzzer = Fuzzer(
        planted.config, planted.description, planted.settings, tmp_path / "output", seed=1, workers=2,
        scenarios=("files",), minimize_seconds=5,
    )
    before = None
    processes, descriptors = children(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- names are enough

    def tick() -> None:
        nonlocal before
        if before is None and fuzzer.progress.lost >= 20:  # when all that is loaded once is loaded
            before = memory()
        if fuzzer.progress.lost >= wanted:
            fuzzer.stop.set()

    try:
        fuzzer.run(wanted * 2.0, tick, every=0.05)
        assert fuzzer.progress.lost >= wanted
        assert before is not None
        assert memory() - before < 50 << 20
        assert children() == processes
        assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208
    finally:
        fuzzer.close()
    (finding,) = fuzzer.findings.values()
    assert finding.kind == "crash"
    assert finding.count > wanted / 2
    assert not list(elsewhere.iterdir())
