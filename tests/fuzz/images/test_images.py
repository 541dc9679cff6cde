"""Disk images as inputs: mounted with their changes, mutated by a seed, shrunk, kept and replayed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from lkltest.cli import main
from lkltest.errors import UsageError
from lkltest.fuzz.exec.kernel import Kernel
from lkltest.fuzz.images import saved
from lkltest.fuzz.images.inputs import Changes, Input, untouched
from lkltest.fuzz.images.maker import Maker
from lkltest.fuzz.images.mounts import DEVICE, mount
from lkltest.fuzz.images.session import Session
from lkltest.fuzz.images.shrink import Shrinker
from lkltest.fuzz.images.target import RECIPES, Target, recipes, targets
from lkltest.fuzz.prog.values import Program, Text
from lkltest.fuzz.repro.report import Report, ReportType
from lkltest.host import programs
from lkltest.image.metadata import Metadata, Overlay, mutate, unsealed
from lkltest.settings import Settings

MNT_COUNT = 1024 + 0x34
ENODEV, EBADMSG = 19, 74


def changed(target: Target, *places: tuple[int, bytes], repair: bool = True) -> Changes:
    """The changes of an image."""
    image = target.overlay(places)
    if repair:
        target.metadata.repair(image)
    return tuple(image.changes())


def results(kernel: Kernel, target: Target, *inputs: Input) -> list[int]:
    """The results of all calls of some inputs."""
    before = kernel.memory.head().calls
    assert kernel.run(b"".join(one.encode(target.description) for one in inputs), len(inputs)) == len(inputs)
    return list(kernel.memory.results(before, kernel.memory.head().calls - before))


def test_mount(ext4: Target, parse: Callable[[str], Program]) -> None:
    """A kernel mounts image after image: it refuses a wrong checksum, takes a repaired one, and forgets all writes."""
    program = untouched(ext4).program
    wrong = Input(changed(ext4, (MNT_COUNT, b"\7"), repair=False), program)
    right = Input(changed(ext4, (MNT_COUNT, b"\7")), program)
    text = 'r0 = openat(AT_FDCWD, "new", O_RDWR|O_CREAT, 0644)\nwrite(r0, &b"abc", 3)\n'
    again = 'openat(AT_FDCWD, "new", O_RDONLY, 0)\n'
    calls = [Program((*mount(ext4), *parse(one).calls)) for one in (text, again)]
    with Kernel(ext4.config) as kernel:
        inputs = (untouched(ext4), wrong, right, Input((), calls[0]), Input((), calls[1]), untouched(ext4))
        found = results(kernel, ext4, *inputs)
        assert kernel.memory.console().count(b": recovery complete") == 5  # of the journal, by each mount
    assert found[:2] == [0, 0]
    assert found[2] in (-EBADMSG, -22)
    assert found[4:6] == [0, 0]
    assert found[6:10] == [0, 0, 0, 3]
    assert found[10:13] == [0, 0, -2]  # the file of the image before is gone
    assert found[13:] == [0, 0]


def test_mutated(ext4: Target) -> None:
    """Mutated images are mounted or refused by an errno; the inputs are the same for the same seed."""
    makers = Maker(ext4, "1"), Maker(ext4, "1")
    inputs, again = ([made.input() for made, _ in maker.batch(16)] for maker in makers)
    assert inputs == again
    assert len({one.changes for one in inputs}) > 10
    # Only the mount: what else these programs meet on a random image may be a bug of the kernel.
    alone = [replace(one, program=untouched(ext4).program) for one in inputs]
    with Shrinker(ext4) as shrinker:
        for one in alone:
            result = shrinker.result(one, fresh=False)
            assert result.report is not None or all(-4096 < returned <= 0 for returned in result.returned)


def test_avoided(ext4: Target) -> None:
    """A place that is known to lose the kernel is changed rarely."""
    maker = Maker(ext4, "2")
    places = frozenset(range(1024, 2048))
    hit = [any(offset in places for offset, _ in maker.mutated(())) for _ in range(150)]
    maker.avoided = places
    rarely = [any(offset in places for offset, _ in maker.mutated(())) for _ in range(150)]
    assert sum(rarely) < sum(hit) / 3


def test_avoided_places_of_an_entry_are_given_up(ext4: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image with such a change loses it, instead of being mutated again and again; its other changes stay."""
    tries = []

    def counted(metadata: Metadata, image: Overlay, rng: Random) -> None:
        tries.append(image)
        mutate(metadata, image, rng)

    monkeypatch.setattr("lkltest.fuzz.images.maker.mutate", counted)
    maker = Maker(ext4, "2")
    label, fatal = (1024 + 0x78, b"name"), (MNT_COUNT, b"\5")
    maker.avoided = frozenset([MNT_COUNT])
    made = [maker.mutated((fatal, label), (fatal,)) for _ in range(100)]
    assert len(tries) < 200
    assert sum(any(offset == MNT_COUNT for offset, _ in changes) for changes in made) < 10
    assert sum(label in changes for changes in made) > 50


def test_finding(
    ext4: Target, settings: Settings, parse: Callable[[str], Program], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A failure is shrunk to the changed bytes and the calls that it needs, kept with a C program, and replayed.

    The journal's first sequence number is one that the journal takes for none, so that Linux 4.9 warns at the unmount.
    """
    journal = next(block for block in ext4.metadata.blocks if block.kind == "journal superblock")
    field = next(field for field in journal.fields if field.name == "first_sequence")
    sequence = (field.offset, b"\xff\xff\xff\xfe")
    noise = [(MNT_COUNT, b"\5"), (1024 + 0x78, b"name")]  # mounts since the last check, and the label
    text = 'creat("f0", 0)\nstatfs(".", &out(120))\n'
    met = Input(changed(ext4, sequence, *noise), Program((*mount(ext4), *parse(text).calls)))
    with Shrinker(ext4) as shrinker:
        report = shrinker.run(met)
        if report is None:
            pytest.skip("this kernel takes the journal's sequence number for what it is: another image is needed")
        shrunk = shrinker.shrink(met, report)
    assert report.title.endswith("jbd2_journal_update_sb_log_tail")
    assert shrunk.times == shrunk.of
    assert shrunk.complete
    needed = {offset + n for offset, data in shrunk.input.changes for n in range(len(data))}
    checksum = journal.offset + 0xFC
    assert needed <= {*range(field.offset, field.offset + 4), *range(checksum, checksum + 4)}
    assert 2 <= len(shrunk.input.program.calls) <= 4
    assert shrunk.places <= frozenset(range(field.offset, field.offset + 4))

    finding = saved.save(tmp_path, shrunk, ext4, settings, seed="1")
    assert finding.reproducer
    assert finding.image == "ext4"
    assert "journal superblock, first_sequence; was 00" in (tmp_path / finding.name / "image.txt").read_text()
    with saved.load(tmp_path / finding.name, settings) as (loaded, again):
        assert again == shrunk.input
        assert loaded.sha256 == ext4.sha256
    assert main(["replay", str(tmp_path / finding.name), "--lkl", str(ext4.config.liblkl.path)]) == 1
    assert finding.name in capsys.readouterr().out


def test_session(ext4: Target, settings: Settings, tmp_path: Path) -> None:
    """A session mounts images until its time is over, and counts them."""
    with Session([ext4], settings, tmp_path, seed=1, workers=1, shrink_seconds=1) as session:
        session.run(2.0, lambda: None)
        progress = session.progress["ext4"]
        assert progress.boots
        assert 0 < progress.mounted <= progress.images


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_recipes_that_are_only_fuzzed(settings: Settings, name: str) -> None:
    """The kernel mounts the image of each, and all of its checksums are those that a repair would write."""
    with targets([name], settings) as (found,), Kernel(found.config) as kernel:
        assert found.recipe == name
        assert unsealed(Overlay(found.base), found.metadata.blocks) == []
        returned = results(kernel, found, untouched(found))
        if returned[0] == -ENODEV:
            pytest.skip(f"{found.config.liblkl.name} has no {found.type}: another kernel is needed")
        assert returned == [0, 0]


def test_a_host_without_a_program_makes_the_other_images(
    ext4: Target, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line names the recipes that are left out and the package; it is an error if the user has named one of them.

    The same holds for a program that fails, such as one that is too old.
    """
    find, reason = programs.find, "mkfs.xfs not found: apt-get install xfsprogs"
    monkeypatch.setattr(programs, "find", lambda program: None if program == "mkfs.xfs" else find(program))
    monkeypatch.setattr("lkltest.fuzz.images.target.DEFAULT", ("xfs", "vfat", "xfs-v4"))
    more = ["--lkl", str(ext4.config.liblkl.path), "--time=1", "--workers=1", "--output", str(tmp_path)]
    assert main(["fuzz", "--images", *more]) in {0, 1}
    told = capsys.readouterr()
    assert [line for line in told.err.splitlines() if "mkfs" in line] == [
        f"no disk images of xfs, xfs-v4 are fuzzed: {reason}"
    ]
    assert "vfat: " in told.out
    assert "xfs" not in told.out
    assert main(["fuzz", "--images=vfat,xfs", *more]) == 2
    assert reason in capsys.readouterr().err
    with pytest.raises(UsageError, match=reason), targets(["xfs", "xfs-v4"], settings, complain=pytest.fail):
        pass
    (tmp_path / "mkfs.xfs").write_text("#!/bin/sh\necho unknown option >&2\nexit 1\n")
    (tmp_path / "mkfs.xfs").chmod(0o755)
    old = {"mkfs.xfs": tmp_path / "mkfs.xfs"}
    monkeypatch.setattr(programs, "find", lambda program: old.get(program) or find(program))
    complaints: list[str] = []
    with targets(["xfs", "vfat"], settings, complain=complaints.append) as found:
        assert [one.recipe for one in found] == ["vfat"]
    (complaint,) = complaints
    assert complaint.startswith("no disk images of xfs are fuzzed: recipe xfs: mkfs.xfs ends with exit status 1")


def test_unknown_recipe(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A recipe that does not exist, or whose format is not known, is the user's mistake."""
    with pytest.raises(UsageError, match=r"no recipe 'f2fs' .*ext4"):
        recipes(["ext4", "f2fs"])
    assert main(["fuzz", "--images=gpt", "--output", str(tmp_path)]) == 2
    assert "no recipe 'gpt'" in capsys.readouterr().err


@pytest.mark.parametrize("option", [
    "--scenario=files", "--cov=cov", "--scheduler=tcp://127.0.0.1:1", "--blind", "--list-calls",
])
def test_options_of_programs(option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """An option that only programs without images have is refused, and named."""
    assert main(["fuzz", "--images", option, "--output", str(tmp_path / "output")]) == 2
    assert f"--images does not go with {option.partition('=')[0]}:" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()


def test_finding_without_program(ext4: Target, settings: Settings, tmp_path: Path) -> None:
    """A finding whose program.txt is missing, or has several programs, is the user's mistake, and the file is named."""
    finding = tmp_path / "finding"
    finding.mkdir()
    saved.keep_base(tmp_path / saved.BASES, ext4)
    (finding / saved.IMAGE).write_text(saved.difference(untouched(ext4), ext4).text(ext4.metadata))
    with pytest.raises(UsageError, match=r"cannot read .*finding/program\.txt"), saved.load(finding, settings):
        pass
    (finding / "program.txt").write_text("getpid()\n---\ngetpid()\n")
    with pytest.raises(UsageError, match=r"program\.txt has 2 programs"), saved.load(finding, settings):
        pass


def test_kernel_that_keeps_the_disk(ext4: Target) -> None:
    """An input that a kernel cannot run, because it still has the disk of the one before, runs on a fresh kernel."""
    elsewhere = replace(mount(ext4)[0], args=(Text(DEVICE), Text(b"/proc"), *mount(ext4)[0].args[2:]))
    keeps = replace(untouched(ext4), program=Program((*mount(ext4), elsewhere)))
    with Shrinker(ext4) as shrinker:
        assert shrinker.result(keeps).returned == (0, 0, 0)
        assert shrinker.runner.boots == 1
        assert shrinker.result(untouched(ext4), fresh=False).returned == (0, 0)
        assert shrinker.runner.boots == 2
        encoded = [one.encode(ext4.description) for one in (keeps, untouched(ext4))]
        result = shrinker.runner.run_encoded(encoded, [keeps.names, untouched(ext4).names])
        assert (result.whole, result.report, shrinker.runner.boots, shrinker.runner.kernel) == (False, None, 4, None)


def test_hurry(ext4: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a hurry the search ends early: without a first try, and after one run that fails at the end."""
    report = Report(ReportType.CRASH, "a crash", ("here",), 0, 0, "", "")
    hurry, runs = threading.Event(), list[Input]()

    def run(_: Shrinker, tried: Input) -> Report:
        runs.append(tried)
        hurry.set()
        return report

    monkeypatch.setattr(Shrinker, "run", run)
    with Shrinker(ext4) as shrinker:
        shrunk = shrinker.shrink(untouched(ext4), report, hurry=hurry)
        assert (shrunk.times, shrunk.of, shrunk.complete, len(runs)) == (1, 1, False, 2)
        shrunk = shrinker.shrink(untouched(ext4), report, hurry=hurry)
        assert (shrunk.times, shrunk.of, shrunk.complete, len(runs)) == (0, 0, False, 2)
