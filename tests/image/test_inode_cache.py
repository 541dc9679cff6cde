"""The btrfs suite's judge, where the host's checker refuses the inode cache of older kernels."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from lkltest.host import programs
from lkltest.image import MissingTool, load, make, shipped
from lkltest.image.disk import Disk
from lkltest.image.recipe import Recipe

SUITE = Path(__file__).parents[2] / "suites" / "disk" / "test_btrfs.py"

# The words of btrfs-progs 6.14 on a disk that Linux 4.9 has written.
CACHE = """\
[5/8] checking fs roots
root 5 inode 18446744073709551604 errors 802000, deprecated free inode cache, link count wrong
root 258 inode 18446744073709551604 errors 802000, deprecated free inode cache, link count wrong
deprecated inode cache can be removed by 'btrfs rescue clear-ino-cache'
ERROR: errors found in fs roots
found 59826176 bytes used, error(s) found
"""
SPACE = "block group 22020096 has wrong amount of free space, free space cache has 4096 block group has 8192\n"
LINKS = "root 5 inode 18446744073709551604 errors 2000, link count wrong\n"

# It stands for that version, which Debian 12 does not have; the last line of a rescued disk names the last rescue.
BTRFS = """#!/bin/sh
here=$(dirname "$0")
for image; do :; done
if [ "$1" = rescue ]; then
	[ "$2" = "$(cat "$here/refuses")" ] && { echo "ERROR: $2 is not possible" >&2; exit 1; }
	printf '\\n%s' "$2" >>"$image"
elif [ "$(tail -n1 "$image" | tr -d '\\0')" = clear-space-cache ]; then
	cat "$here/later"; [ ! -s "$here/later" ]
else
	cat "$here/first"; [ ! -s "$here/first" ]
fi
"""


@pytest.fixture
def suite() -> ModuleType:
    """The suite's module."""
    spec = importlib.util.spec_from_file_location("btrfs_suite", SUITE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A disk with a file system of the recipe `btrfs`; a skip where its maker is missing."""
    recipe: Recipe = next(recipe for recipe in load([shipped()]) if recipe.name == "btrfs")
    directory = tmp_path / "images"
    directory.mkdir()
    try:
        return Disk(make(recipe, "4.9.0", directory), None)
    except MissingTool as missing:
        pytest.skip(str(missing))


def checker(path: Path, monkeypatch: pytest.MonkeyPatch, first: str, later: str = "", refuses: str = "") -> None:
    """Let the checker print `first` for a disk, and `later` for the rescued one; it may refuse one of the rescues."""
    directory = path / "bin"
    directory.mkdir()
    for name, text in {"btrfs": BTRFS, "first": first, "later": later, "refuses": refuses}.items():
        (directory / name).write_text(text)
    (directory / "btrfs").chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")


@pytest.mark.parametrize("first", ["", CACHE], ids=["clean", "with an inode cache"])
def test_an_inode_cache_is_no_error(
    suite: ModuleType, disk: Disk, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk is good with it and without it, and stays as the kernel has left it."""
    checker(tmp_path, monkeypatch, first)
    before = disk.path.stat().st_mtime_ns
    suite.check(disk)
    assert disk.path.stat().st_mtime_ns == before


@pytest.mark.parametrize(("first", "later", "refuses", "words"), [
    (SPACE + CACHE, "", "", "wrong amount of free space"),
    (LINKS + CACHE, "", "", "errors 2000, link count wrong"),
    (LINKS, "", "", "errors 2000, link count wrong"),
    ("ERROR: errors found in fs roots\n", "", "", "errors found in fs roots"),
    (CACHE, "ERROR: errors found in root refs\n", "", "errors found in root refs"),
    (CACHE, "", "clear-ino-cache", "clear-ino-cache on a copy of the disk: exit status 1\n.*not possible"),
    (CACHE, "", "clear-space-cache", "clear-space-cache v1 on a copy of the disk: exit status 1\n.*not possible"),
], ids=["free space", "links", "links alone", "no inode", "after the rescue", "rescue", "second rescue"])  # fmt: skip
def test_other_complaints_fail(
    suite: ModuleType, disk: Disk, first: str, later: str, refuses: str, words: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A complaint beside the inode cache fails, also one that a rescue would remove; so does a failed rescue."""
    checker(tmp_path, monkeypatch, first, later, refuses)
    before = disk.path.stat().st_mtime_ns
    with pytest.raises(AssertionError, match=words):
        suite.check(disk)
    assert disk.path.stat().st_mtime_ns == before


def test_a_missing_checker_is_told_with_its_cure(
    suite: ModuleType, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin skips the item for it, as for any disk's checker."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "SYSTEM_DIRECTORIES", ())
    with pytest.raises(MissingTool, match="btrfs not found: apt-get install btrfs-progs"):
        suite.check(disk)
