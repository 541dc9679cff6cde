"""Power cuts on a real kernel: a sound one survives them, and every lie about a disk is caught."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.image import MissingTool, load, scratch, shipped, sparse, tools, tree
from lkltest.image.recipe import Part
from lkltest.liblkl import Liblkl
from lkltest.powercut import cuts
from lkltest.powercut.recording import Cut, Flush, Mark, Recording, Write, choose, promises
from lkltest.settings import Settings

SHAPES = Path(__file__).parents[1] / "harness" / "shapes"
PROGRAMS = Path(__file__).parents[2] / "suites" / "disk"


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A directory for images."""
    with scratch.directory() as path:
        yield path


@pytest.fixture(scope="module")
def disk(liblkl: Liblkl, settings: Settings, directory: Path) -> cuts.RecordedDisk:
    """An ext4 that was recorded at work."""
    recipe = next(recipe for recipe in load([shipped()]) if recipe.name == "ext4")
    try:
        return cuts.record(recipe, liblkl, PROGRAMS, settings, directory, "steps=30")
    except (MissingTool, cuts.Skipped) as reason:
        pytest.skip(str(reason))


def test_a_disk_whose_flushes_cannot_be_seen_is_not_cut(liblkl: Liblkl, settings: Settings, directory: Path) -> None:
    """Without flushes every cut would be a false alarm: there are none, and the reason is told."""
    recipe = next(recipe for recipe in load([shipped()]) if recipe.name == "ext4")
    shape = replace(settings, cflags=("-include", str(SHAPES / "no_write_cache.h")))
    try:
        with pytest.raises(cuts.Skipped, match=r"report no write cache.*no flush can be seen"):
            cuts.record(recipe, liblkl, PROGRAMS, shape, directory, "steps=5")
    except MissingTool as reason:
        pytest.skip(str(reason))


def at_the_end(recording: Recording) -> Cut:
    """No power cut at all: everything has reached the disk."""
    return Cut(len(recording.events) - 1, len(recording.events), ())


def lied_to(disk: cuts.RecordedDisk, recording: Recording) -> cuts.RecordedDisk:
    """The same disk with another recording."""
    return replace(disk, recording=recording)


def last_promise(recording: Recording) -> tuple[str, bytes]:
    """A file that is durable at the end, and its first page."""
    said = [line.split() for line in promises(recording, at_the_end(recording))]
    _, path, size, seed = next(words for words in said if words[0] == "durable" and int(words[2]) > 1000)
    return path, tree.content(seed, int(size))[:1000]


def write_of(recording: Recording, data: bytes) -> int:
    """The position of the write that brought some data to the disk."""
    text = recording.path.read_bytes()
    found = [
        index
        for index, event in enumerate(recording.events)
        if isinstance(event, Write) and data in text[event.at : event.at + event.length]
    ]
    return found[-1]


def test_an_fsync_that_does_nothing_is_caught_by_default(
    liblkl: Liblkl, settings: Settings, directory: Path, tmp_path: Path
) -> None:
    """A kernel that only says that a file is durable fails one of the eight cuts that a suite makes."""
    programs = tmp_path / "programs"
    shutil.copytree(PROGRAMS, programs)
    files = programs / "files.h"
    honest = "long err = lkl_sys_fsync(fd);"
    text = files.read_text()
    assert honest in text
    files.write_text(text.replace(honest, "long err = fd < 0 ? fd : 0;"))
    recipe = next(recipe for recipe in load([shipped()]) if recipe.name == "ext4")
    place = directory / "lazy"
    place.mkdir()
    try:
        lazy = cuts.record(recipe, liblkl, programs, settings, place, "steps=30")
    except (MissingTool, cuts.Skipped) as reason:
        pytest.skip(str(reason))
    tried = [choose(lazy.recording, number) for number in range(8) if number % 3 == 2]
    assert any("promised" in "\n".join(cuts.try_cut(lazy, cut, place)) for cut in tried)
    shutil.rmtree(place)


def test_a_sound_kernel_survives(disk: cuts.RecordedDisk, directory: Path) -> None:
    """The first cuts, and no cut at all; nothing of them is left behind."""
    before = sorted(directory.iterdir())
    assert cuts.try_cut(disk, at_the_end(disk.recording), directory) == []
    for number in range(6):
        cut = choose(disk.recording, number)
        assert cuts.try_cut(disk, cut, directory) == [], cut.describe(disk.recording)
    assert sorted(directory.iterdir()) == before


def test_the_recording_holds_writes_flushes_and_promises(disk: cuts.RecordedDisk) -> None:
    """All three kinds, many of each."""
    kinds = [type(event) for event in disk.recording.events]
    assert min(kinds.count(kind) for kind in (Write, Flush, Mark)) > 20


def test_a_dropped_write_is_caught(disk: cuts.RecordedDisk, directory: Path) -> None:
    """One that was fsynced, of a file's data."""
    path, data = last_promise(disk.recording)
    poorer = disk.recording.without(write_of(disk.recording, data))
    (problem,) = cuts.try_cut(lied_to(disk, poorer), at_the_end(poorer), directory)
    assert problem.startswith(f"promises: {PROGRAMS}/judge.c")
    assert f"{path} " in problem


def test_a_dropped_flush_is_caught(disk: cuts.RecordedDisk, directory: Path) -> None:
    """The writes before it, on which a promise was built, can then be lost."""
    events = disk.recording.events
    flush = max(
        index
        for index in disk.recording.flushes
        if isinstance(events[index - 1], Write) and isinstance(events[index + 1], Mark)
    )
    honest = Cut(flush, flush + 2, ())
    assert cuts.try_cut(disk, honest, directory) == []
    poorer = disk.recording.without(flush)
    before = max(index for index in poorer.flushes if index < flush)
    problems = cuts.try_cut(lied_to(disk, poorer), Cut(before, flush + 1, ()), directory)
    assert any("promised" in problem for problem in problems)


def test_a_dropped_flush_is_found_by_chance(disk: cuts.RecordedDisk) -> None:
    """The cuts that are chosen by number include such as lose what an honest disk could not."""
    flush = disk.recording.flushes[len(disk.recording.flushes) // 2]
    poorer = disk.recording.without(flush)
    lost = [
        number
        for number in range(2000)
        if (cut := choose(poorer, number)).flush < flush <= cut.end
        and any(index not in cut.order for index in range(cut.flush + 1, flush))
    ]
    assert lost


def test_a_flipped_byte_is_caught(disk: cuts.RecordedDisk, directory: Path) -> None:
    """In the data of a file, on its way to the disk."""
    _, data = last_promise(disk.recording)
    text = bytearray(disk.recording.path.read_bytes())
    position = bytes(text).rfind(data)
    text[position + 10] ^= 1
    other = directory / "flipped"
    other.write_bytes(text)
    try:
        lied = replace(disk.recording, path=other)
        (problem,) = cuts.try_cut(lied_to(disk, lied), at_the_end(lied), directory)
        assert re.search(r"is wrong from byte 10 of \d+ on: 0x.. instead of 0x..", problem)
    finally:
        other.unlink()


def test_damage_behind_the_kernels_back_is_caught(disk: cuts.RecordedDisk, directory: Path) -> None:
    """The host's checker finds what the kernel does not notice."""
    base = directory / "damaged.img"
    sparse.copy(disk.recording.base, base)
    # A directory that the kernel never looks at loses all its entries.
    block = int(tools.run(["debugfs", "-R", "blocks /lost+found", str(base)]).output.split()[0])
    with base.open("r+b") as file:
        file.seek(block * 1024)
        file.write(bytes(1024))
    try:
        lied = replace(disk.recording, base=base)
        problems = cuts.try_cut(lied_to(disk, lied), at_the_end(lied), directory)
        assert any(problem.startswith("e2fsck") for problem in problems)
    finally:
        base.unlink()


def test_a_failed_cut_is_kept_and_can_be_tried_again(
    disk: cuts.RecordedDisk, settings: Settings, directory: Path, tmp_path: Path
) -> None:
    """With its image; what is kept is not changed by that."""
    _, data = last_promise(disk.recording)
    text = bytearray(disk.recording.path.read_bytes())
    text[bytes(text).rfind(data) + 10] ^= 1
    other = directory / "flipped"
    other.write_bytes(text)
    lied = lied_to(disk, replace(disk.recording, path=other))
    cut = at_the_end(disk.recording)
    problems = cuts.try_cut(lied, cut, directory)
    path = cuts.keep(lied, cut, problems, tmp_path / "kept")
    other.unlink()
    kept = cuts.load_saved(path.parent)
    assert kept.problems == problems
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert {"cut.img.tar.zst", "base.img.tar.zst", "recording", "cut.json"} == set(before)
    again = cuts.replay(kept, disk.checker.kernel, settings)
    assert [problem.split("(promised")[0] for problem in again] == [p.split("(promised")[0] for p in problems]
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_what_is_no_kept_cut_is_told(tmp_path: Path) -> None:
    """Without a traceback."""
    with pytest.raises(UsageError, match="name its directory"):
        cuts.load_saved(tmp_path)
    (tmp_path / "cut.json").write_text("{}")
    with pytest.raises(UsageError, match="name its directory"):
        cuts.load_saved(tmp_path / "cut.json")


def test_a_kernel_without_the_file_system_is_skipped(liblkl: Liblkl, settings: Settings, directory: Path) -> None:
    """With the kernel's option that would bring it."""
    recipe = next(recipe for recipe in load([shipped()]) if recipe.name == "ext4")
    keys = {**recipe.parts[0].keys, "type": "lkltestfs", "config": "CONFIG_LKLTEST"}
    foreign = replace(recipe, parts=(Part(keys),))
    with pytest.raises(cuts.Skipped, match="this kernel has no lkltestfs: CONFIG_LKLTEST"):
        cuts.record(foreign, liblkl, PROGRAMS, settings, directory)
