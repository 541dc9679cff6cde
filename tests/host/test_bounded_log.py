"""Output kept within bounds."""

from __future__ import annotations

from pathlib import Path

from lkltest.host.bounded_log import BoundedLog


def test_short_output_is_kept_whole(tmp_path: Path) -> None:
    """Output below the limit stands in the file byte for byte."""
    bounded_log = BoundedLog(tmp_path / "out", limit=100)
    bounded_log.write(b"a" * 30)
    bounded_log.write(b"b" * 60)
    assert bounded_log.tail(70) == b"a" * 10 + b"b" * 60
    bounded_log.close()
    assert bounded_log.path.read_bytes() == b"a" * 30 + b"b" * 60


def test_long_output_keeps_its_ends(tmp_path: Path) -> None:
    """Of endless output the first and the last part are kept, and what is left out is said."""
    bounded_log = BoundedLog(tmp_path / "out", limit=100)
    for _ in range(1000):
        bounded_log.write(b"x" * 100)
    bounded_log.write(b"the end")
    assert len(bounded_log.rest) < 300
    assert bounded_log.tail(7) == b"the end"
    bounded_log.close()
    kept = bounded_log.path.read_bytes()
    assert kept.startswith(b"x" * 50)
    assert kept.endswith(b"the end")
    assert b"99907 bytes left out" in kept


def test_a_full_disk_is_no_error() -> None:
    """Output that cannot be written is said, and the last bytes are still had."""
    bounded_log = BoundedLog(Path("/dev/full"), limit=100)
    bounded_log.write(b"a" * 30)
    bounded_log.write(b"b" * 30)
    assert bounded_log.tail(40) == b"a" * 10 + b"b" * 30
    bounded_log.close()
    assert bounded_log.problem == "No space left on device"


def test_a_file_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    """A file that cannot be made, as on a full disk, is told, and the last bytes are still had."""
    bounded_log = BoundedLog(tmp_path / "none" / "out", limit=100)
    bounded_log.write(b"a" * 30)
    bounded_log.write(b"b" * 30)
    assert bounded_log.tail(40) == b"a" * 10 + b"b" * 30
    bounded_log.close()
    assert bounded_log.problem == "No such file or directory"
