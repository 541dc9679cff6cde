"""Stamps of files."""

from __future__ import annotations

import os
from pathlib import Path

from lkltest.host.stamp import stamp


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
