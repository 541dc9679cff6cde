"""Output kept within bounds."""

from __future__ import annotations

from pathlib import Path

from lkltest.program.spool import Spool


def test_short_output_is_kept_whole(tmp_path: Path) -> None:
    """What is below the limit stands in the file byte for byte."""
    spool = Spool(tmp_path / "out", limit=100)
    spool.write(b"a" * 30)
    spool.write(b"b" * 60)
    assert spool.tail(70) == b"a" * 10 + b"b" * 60
    spool.close()
    assert spool.path.read_bytes() == b"a" * 30 + b"b" * 60


def test_long_output_keeps_its_ends(tmp_path: Path) -> None:
    """Of endless output the first and the last part are kept, and what is left out is said."""
    spool = Spool(tmp_path / "out", limit=100)
    for _ in range(1000):
        spool.write(b"x" * 100)
    spool.write(b"the end")
    assert len(spool.rest) < 300
    assert spool.tail(7) == b"the end"
    spool.close()
    kept = spool.path.read_bytes()
    assert kept.startswith(b"x" * 50)
    assert kept.endswith(b"the end")
    assert b"99907 bytes left out" in kept


def test_a_full_disk_is_no_error() -> None:
    """What cannot be written is said, and the last bytes are still had."""
    spool = Spool(Path("/dev/full"), limit=100)
    spool.write(b"a" * 30)
    spool.write(b"b" * 30)
    assert spool.tail(40) == b"a" * 10 + b"b" * 30
    spool.close()
    assert spool.problem == "No space left on device"
