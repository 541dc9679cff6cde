"""The directory of artifacts: what is in it can be copied, and it does not grow without end."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.plugin import retention
from lkltest.settings import Settings
from tests.plugin.conftest import PROGRAMS, Pytest

SUITE = """
from lkltest import Program

@Program({program!r}, native=False)
def writes(image):
    return [f"disk={{image.path}}"]
"""


@pytest.fixture
def huge(
    pytester: pytest.Pytester, liblkl: Liblkl, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Run a program that fails on an image of 2 TiB."""
    monkeypatch.setenv("LKLTEST_CACHE", str(settings.cache))

    def run(*arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_huge=SUITE.format(program=str(PROGRAMS / "writes.c")))
        return pytester.runpytest_subprocess(f"--lkl={liblkl.path}", "-k", "ext4-2t]", *arguments, timeout=300)

    return run


def runs(root: Path) -> list[str]:
    """The runs that are kept."""
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def pasted(result: pytest.RunResult, label: str) -> list[str]:
    """The words of a command that a failure names."""
    line = next(line for line in result.outlines if line.startswith(label))
    return shlex.split(line.removeprefix(label))


def test_artifacts_of_a_huge_disk_can_be_copied(
    huge: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    """A plain cp takes less than 100 MB; the commands of the failure, pasted, find the disk as it was left."""
    result = huge()
    result.assert_outcomes(passed=2, failed=1, deselected=result.parseoutcomes()["deselected"])
    root = pytester.path / "lkltest-artifacts"
    apparent = sum(path.stat().st_size for path in root.rglob("*"))
    assert apparent < 100_000_000  # or the copy would fill the disk
    assert process.run(["cp", "-r", "--sparse=never", str(root), "copy"], cwd=pytester.path).ok
    room = sum(path.stat().st_blocks * 512 for path in (pytester.path / "copy").rglob("*"))
    assert room < 100_000_000
    assert b"beyond_1_tib: \"nothing\"" in next(root.glob("*/output.tap")).read_bytes()
    assert process.run(pasted(result, "unpack:    ")).ok
    again = process.run(pasted(result, "by hand:   "), timeout=60)
    assert b"beyond_1_tib: \"left by the program\"" in again.output
    assert b"ok 1 looks" in again.output


def test_an_image_that_cannot_be_kept_costs_no_result(
    huge: Callable[..., pytest.RunResult], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is told at the end of the session, by a worker's as well; everything else is as it was."""
    programs = pytester.mkdir("bin")
    tar = programs / "tar"
    tar.write_text("#!/bin/sh\necho 'tar: -: No space left on device' >&2\nexit 2\n")
    tar.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    for arguments in ((), ("-n1",)):
        result = huge(*arguments)
        assert (result.parseoutcomes()["passed"], result.parseoutcomes()["failed"]) == (2, 1)
        result.stdout.fnmatch_lines(["artifacts: ext4-2t.img is not kept: tar: -: No space left on device; *"])
    assert {"output.tap", "console.log"} <= {path.name for path in pytester.path.glob("lkltest-artifacts/*/*")}
    assert not list(pytester.path.glob("lkltest-artifacts/*/*.img*"))


def test_packing_by_gzip_is_said(
    huge: Callable[..., pytest.RunResult], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without zstd the end of the session says once what is used instead, and how to get it."""
    programs = pytester.mkdir("bin")
    for directory in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(directory).glob("*"):
            if program.name != "zstd":
                (programs / program.name).unlink(missing_ok=True)
                (programs / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(programs))
    result = huge()
    said = [line for line in result.outlines if "packed by gzip" in line]
    assert said == ["artifacts: disk images are packed by gzip, which is slower and larger: zstd not found: "
                    "apt-get install zstd"]
    assert len(list(pytester.path.glob("lkltest-artifacts/*/*.img.tar.gz"))) == 2


def test_the_oldest_runs_are_removed(suite: Pytest, pytester: pytest.Pytester) -> None:
    """Beyond the number that is allowed; each that goes is named, and those of another session stay."""
    root = pytester.path / "lkltest-artifacts"
    suite("fails")
    (oldest,) = runs(root)
    lock = os.open(root / oldest, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    result = suite("crashes exits floods", "--lkl-point-timeout=0.5", "--lkl-artifacts-runs=2")
    kept = runs(root)
    assert [name.split("-")[1] for name in kept] == ["fails", "floods"]
    result.stdout.fnmatch_lines([
        f"artifacts: {root}/test_suite.py-crashes-* is removed: only the newest 2 runs and * are kept*",
        f"artifacts: {root}/test_suite.py-exits-* is removed: *",
    ])
    os.close(lock)
    suite("exits", "--lkl-artifacts-runs=1")
    assert [name.split("-")[1] for name in runs(root)] == ["exits"]


def test_the_room_is_bounded(suite: Pytest, pytester: pytest.Pytester) -> None:
    """The directory takes no more than it may; nothing of the results is lost by that."""
    result = suite("fails crashes", "--lkl-artifacts-size=1M")
    result.assert_outcomes(passed=4, failed=4)
    root = pytester.path / "lkltest-artifacts"
    assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) <= 1 << 20
    result.stdout.fnmatch_lines(["artifacts: * is removed: only the newest 100 runs and 1 MiB are kept *"])


def test_an_unpacked_image_counts_by_its_data(tmp_path: Path) -> None:
    """Unpacking an image of 2 TiB among the artifacts removes no other run."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        retention.mark(tmp_path / name)
    with (tmp_path / "new" / "disk.img").open("wb") as file:
        file.truncate(2 << 40)
    assert retention.trim(tmp_path, 1 << 20, 10) == []
    assert retention.trim(tmp_path, 1 << 20, 1) == ["old"]


def test_git_ignores_artifacts(suite: Pytest, pytester: pytest.Pytester) -> None:
    """Artifacts are ignored by git, also in a repository that says nothing about them."""
    suite("fails")
    assert process.run(["git", "init", "-q"], cwd=pytester.path).ok
    told = process.run(["git", "status", "--porcelain"], cwd=pytester.path)
    assert told.ok
    assert b"test_suite.py" in told.output
    assert b"artifacts" not in told.output


def test_a_directory_of_the_users_keeps_what_is_his(suite: Pytest, pytester: pytest.Pytester) -> None:
    """--lkl-artifacts may name one with other things: these are neither removed nor hidden from git."""
    (pytester.mkdir("mine") / "precious").mkdir()
    suite("fails", "--lkl-artifacts=mine", "--lkl-artifacts-runs=0")
    assert os.listdir(pytester.path / "mine") == ["precious"]  # noqa: PTH208 -- names
    shutil.rmtree(pytester.path / "mine")
    suite("fails", "--lkl-artifacts=mine")
    assert (pytester.path / "mine" / ".gitignore").exists()
