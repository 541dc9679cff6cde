"""Recordings of a disk, and the power cuts that are made of them, without a kernel."""

from pathlib import Path

import pytest

from lkltest import cc
from lkltest.errors import KernelLost
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.powercut.recording import HEAD, Cut, Flush, Mark, Recording, Write, build, choose, load, promises
from lkltest.settings import Settings

SECTORS = 8


def frame(kind: str, position: int = 0, data: bytes = b"") -> bytes:
    """One frame as the C harness writes it."""
    return HEAD.pack(ord(kind), position, len(data)) + data


def write(sector: int, letter: str) -> bytes:
    """A write of one sector full of a letter."""
    return frame("W", sector, letter.encode() * 512)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Two flushes, writes before, between and after them, and promises in between."""
    (tmp_path / "base").write_bytes(b"." * 512 * SECTORS)
    frames = [
        write(0, "a"), frame("F"), frame("M", 0, b"durable /f 1 x"), write(1, "b"), write(2, "c"),
        frame("F"), frame("M", 0, b"gone /f"), write(0, "d"), write(3, "e"), write(0, "f"),
    ]
    (tmp_path / "recording").write_bytes(b"".join(frames))
    return load(tmp_path / "base", tmp_path / "recording")


def left(recording: Recording, cut: Cut) -> str:
    """The letter in each sector after a cut."""
    target = recording.base.with_name("cut")
    build(recording, cut, target)
    return "".join(chr(byte) for byte in target.read_bytes()[::512])


def test_a_recording_is_read_in_order(recording: Recording) -> None:
    """Writes with their place, flushes, marks."""
    assert recording.flushes == [1, 5]
    assert [type(event) for event in recording.events[:2]] == [Write, Flush]


def test_what_was_flushed_is_never_lost(recording: Recording) -> None:
    """Whatever happens to the rest."""
    assert left(recording, Cut(-1, 0, ())) == "........"
    assert left(recording, Cut(1, 3, ())) == "a......."
    assert left(recording, Cut(5, 10, ())) == "abc....."


def test_unflushed_writes_come_in_the_order_of_the_cut(recording: Recording) -> None:
    """Unflushed writes come in the order of the cut, so that an older one can overtake a newer one."""
    assert left(recording, Cut(5, 10, (7, 8, 9))) == "fbce...."
    assert left(recording, Cut(5, 10, (9, 7))) == "dbc....."


def test_only_promises_made_before_the_cut_count(recording: Recording) -> None:
    """And the last one for each file."""
    assert promises(recording, Cut(1, 2, ())) == []
    assert promises(recording, Cut(1, 3, ())) == ["durable /f 1 x"]
    assert promises(recording, Cut(5, 10, ())) == ["gone /f"]


def test_cuts_are_the_same_each_time_and_many(recording: Recording) -> None:
    """A number names a cut; different numbers try different ones."""
    cuts = [choose(recording, number) for number in range(200)]
    assert cuts == [choose(recording, number) for number in range(200)]
    assert len(set(cuts)) > 15
    assert {cut.flush for cut in cuts} == {-1, 1, 5}


def test_some_cuts_come_when_something_was_just_promised(recording: Recording) -> None:
    """Every third loses all that was not flushed, right after a promise: with no write in between, too."""
    cuts = [choose(recording, number) for number in range(2, 200, 3)]
    assert set(cuts) == {Cut(1, 3, ()), Cut(5, 7, ())}
    lazy = recording.without(5)
    assert {choose(lazy, number) for number in range(2, 200, 3)} == {Cut(1, 3, ()), Cut(1, 6, ())}


def test_a_cut_loses_nothing_that_was_flushed_and_invents_nothing(recording: Recording) -> None:
    """The writes of a cut lie between its flush and its end."""
    for number in range(200):
        cut = choose(recording, number)
        assert all(cut.flush < index < cut.end for index in cut.order)
        assert len(set(cut.order)) == len(cut.order)
        assert not any(flush in range(cut.flush + 1, cut.end) for flush in recording.flushes)


def test_a_cut_says_what_it_lost(recording: Recording) -> None:
    """In words, with the number of the flush."""
    assert Cut(1, 5, (4,)).describe(recording) == "power cut after flush 1 of 2, 1 of 2 later writes lost"
    assert Cut(5, 10, (9, 7)).describe(recording).endswith("1 of 3 later writes lost, the others out of order")
    assert Cut(-1, 0, ()).describe(recording) == "power cut before the first flush"


def test_a_recording_that_ends_in_the_middle_is_told(recording: Recording) -> None:
    """The program that made it has died."""
    recording.path.write_bytes(recording.path.read_bytes()[:-1])
    with pytest.raises(KernelLost, match="ends in the middle"):
        load(recording.base, recording.path)


def test_what_many_threads_write_at_once_is_recorded_whole(liblkl: Liblkl, settings: Settings, tmp_path: Path) -> None:
    """No write is torn apart by another one, or by a mark."""
    program = cc.compile(Path(__file__).parent / "programs" / "threads.c", liblkl, settings)
    assert process.run([program, f"record={tmp_path / 'recording'}"], timeout=60).ok
    (tmp_path / "base").touch()
    recorded = load(tmp_path / "base", tmp_path / "recording")
    data = recorded.path.read_bytes()
    for event in recorded.events:
        if isinstance(event, Write):
            assert data[event.at : event.at + event.length] == bytes([ord("a") + event.sector]) * 1536
    kinds = [type(event) for event in recorded.events]
    assert (kinds.count(Write), kinds.count(Mark)) == (4000, 4000)
