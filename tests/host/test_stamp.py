"""Stamps of files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lkltest.host.stamp import is_copy, stamp


def test_a_file_that_changes_has_another_stamp(tmp_path: Path) -> None:
    """Other contents of the same time, another time, and another file of the same name and time each change it."""
    path = tmp_path / "file"
    path.write_text("one")
    first, about = stamp(path), path.stat()
    path.write_text("three")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    longer = stamp(path)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    later = stamp(path)
    (tmp_path / "new").write_text("three")
    os.utime(tmp_path / "new", ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    (tmp_path / "new").replace(path)
    replaced = stamp(path)
    assert len({tuple(each or ()) for each in (first, longer, later, replaced)}) == 4


def test_no_file_has_no_stamp(tmp_path: Path) -> None:
    """A file that is not there has none."""
    assert stamp(tmp_path / "none") is None


@pytest.mark.parametrize("change", ["contents", "time", "mode", "removed", "link"])
def test_a_copy_is_known_until_one_of_the_two_changes(tmp_path: Path, change: str) -> None:
    """A copy with its times is one; after a change of its contents, time or mode, or as a link, it is none."""
    original, path = tmp_path / "original", tmp_path / "copy"
    original.write_text("one")
    shutil.copy2(original, path)
    assert is_copy(path, original)
    about = path.stat()
    if change == "contents":
        path.write_text("three")
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    elif change == "time":
        os.utime(original, ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    elif change == "mode":
        original.chmod(0o755)
    else:
        path.unlink()
        if change == "link":
            path.symlink_to(original)
    assert not is_copy(path, original)
