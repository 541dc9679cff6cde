from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.cli import main
from lkltest.errors import UsageError
from lkltest.fuzz import findings
from lkltest.fuzz.lab import Lab
from lkltest.fuzz.shrink import Patience, fewest, shrink
from lkltest.fuzz.triage import rate
from lkltest.fuzz.values import Program
from lkltest.kernel import Setup
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

HARMLESS = 'r0 = openat(AT_FDCWD, "f0", O_RDWR|O_CREAT, 0644)\nfchmod(r0, 0600)\n'
DEADLY = 'r0 = openat(AT_FDCWD, "f0", O_RDWR|O_CREAT, 0644)\nwrite(r0, 8, 5)\n'


def test_what_is_no_finding_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is not there, and a directory without a finding, are the user's mistakes."""
    assert main(["replay", str(tmp_path / "nothing")]) == 2
    assert "name a directory that lkltest fuzz wrote" in capsys.readouterr().err
    with pytest.raises(UsageError, match="is no finding"):
        findings.load(tmp_path)


@pytest.mark.parametrize(("text", "status", "says"), [(HARMLESS, 0, "nothing failed"), (DEADLY, 1, "SIGSEGV")])
def test_replay_says_whether_it_fails(
    liblkl: Liblkl, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, status: int, says: str
) -> None:
    """The command's exit status is 1 where the program still fails, 0 where it does not."""
    path = tmp_path / "program.txt"
    path.write_text(text)
    assert main(["replay", "--lkl", str(liblkl.path), str(path)]) == status
    assert says in capsys.readouterr().out


def test_a_finding_is_written_whole(
    lab: Lab, setup: Setup, settings: Settings, parse: Callable[[str], Program], tmp_path: Path
) -> None:
    """Its directory has the program, the stack, the kernel, and a C program that was seen to fail."""
    program = parse(DEADLY)
    failure = lab.run([program]).failure
    assert failure is not None
    result = rate([program], failure, lab, complete=True)
    finding = findings.save(
        tmp_path, result, setup=setup, settings=settings, description=lab.description, seed="1"
    )
    place = tmp_path / finding.name
    assert (finding.kind, finding.rate, finding.reproducer) == ("crash", "10 of 10", True)
    assert findings.load(place) == finding
    assert findings.programs(place, lab.description) == [program]
    source = (place / "reproducer.c").read_text()
    assert 'lkl_sys_openat(LKL_AT_FDCWD, "f0", LKL_O_CREAT|LKL_O_RDWR, 0644)' in source
    assert (place / "stack.txt").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == [finding.name]


def test_shrinking_keeps_what_the_failure_needs(parse: Callable[[str], Program]) -> None:
    """Calls that are not needed go, results are renumbered, arguments become simpler."""
    program = parse(
        'getpid()\nr0 = openat(AT_FDCWD, "f1", O_RDWR|O_CREAT|O_TRUNC, 0644)\nr1 = dup(r0)\ngetuid()\n'
        'write(r1, &b"abc", 3)\nclose(r0)\n'
    )
    tried: list[Program] = []

    def fails(candidate: Program) -> bool:
        tried.append(candidate)
        names = [call.name for call in candidate.calls]
        return "dup" in names and "write" in names and names.index("dup") < names.index("write")

    small = shrink(program, fails, Patience(20))
    assert [call.name for call in small.calls] == ["dup", "write"]
    assert small == parse("r0 = dup(0)\nwrite(r0, &fill(3, 0), 0)\n") or small.calls[1].args[0] == parse(
        "r0 = dup(0)\nclose(r0)\n").calls[1].args[0]
    assert len(tried) < 60


def test_fewest_finds_a_minimum() -> None:
    """No single item can be taken from what is left."""
    assert fewest(range(100), lambda kept: {7, 42, 93} <= set(kept), Patience(20)) == [7, 42, 93]
