"""Power cuts: record the writes to a disk, cut its power, judge whether a fresh kernel repairs the disk."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lkltest.errors import KernelLost, UsageError
from lkltest.image import archive, scratch, sparse
from lkltest.image.fsck import check
from lkltest.image.make import Image, Place, make
from lkltest.image.recipe import Recipe, Volume
from lkltest.image.recipefile import volume
from lkltest.liblkl.model import Liblkl
from lkltest.powercut.recording import Cut, Recording, build, load, promises
from lkltest.program import Program
from lkltest.program.command import Launch
from lkltest.program.declaration import Timeouts
from lkltest.program.launch import prepare
from lkltest.program.results import Result, State
from lkltest.program.run import Run
from lkltest.settings import Settings

TIMEOUTS = Timeouts(program=120.0, point=60.0)  # seconds
KEPT = "cut.json"  # what a kept cut is known by


@dataclass(frozen=True)
class CutChecker:
    """A kernel, and the compiled program that judges on it the disk that a power cut has left."""

    kernel: Liblkl
    source: Path  # judge.c
    launch: Launch  # without the arguments that tell it what to judge

    @classmethod
    def compile(cls, kernel: Liblkl, source: Path, settings: Settings) -> CutChecker:
        """Compile the program; see `prepare` for what is raised."""
        return cls(kernel, source, _compile(source, kernel, settings))

    def check(self, path: Path, place: Place, said: list[str]) -> list[str]:
        """Mount the disk in a fresh kernel after a power cut, check the promises, let the host check the rest.

        Return the damage, empty where there is none. Files are made beside the image.
        """
        image = Image(path.stem, path, "", (place,), packed=False)
        text = path.with_suffix(".promises")
        text.write_text("".join(f"{line}\n" for line in said), encoding="utf-8", errors="surrogateescape")
        problems, _ = run(self.launch, [*image.arguments(), f"promises={text}"], path.parent)
        return problems or check(image)


@dataclass(frozen=True)
class RecordedDisk:
    """A recorded disk for trying power cuts, and the checker of the result."""

    checker: CutChecker
    image: Image  # the recorded disk, which is there no more
    recording: Recording


class Skipped(Exception):
    """A power cut cannot be tried with a kernel; the message is the reason."""


def record(
    recipe: Recipe, kernel: Liblkl, programs: Path, settings: Settings, directory: Path, *arguments: str
) -> RecordedDisk:
    """Let a kernel work on a fresh disk of a recipe, and record the writes that reach it, all in `directory`.

    `programs` is where workload.c and judge.c are; `arguments` are for the former: "steps=60", "seed=1". Raises
    Skipped where the kernel lacks a feature, KernelLost where it fails.
    """
    image = make(recipe, kernel.version, directory, pack=False)
    base, path = directory / "base.img", directory / "recording"
    sparse.copy(image.path, base)
    launch = _compile(programs / "workload.c", kernel, settings)
    problems, results = run(launch, [*image.arguments(), f"record={path}", *arguments], directory)
    reasons = [result.message for result in results.values() if result.state is State.SKIPPED]
    if problems:
        raise KernelLost(f"no power cuts of {recipe.name} can be made, workload.c fails:\n" + "\n".join(problems))
    if reasons:
        raise Skipped(reasons[0])
    recording = load(base, path)
    image.path.unlink()  # what is left is in the recording
    return RecordedDisk(CutChecker.compile(kernel, programs / "judge.c", settings), image, recording)


def _compile(source: Path, kernel: Liblkl, settings: Settings) -> Launch:
    """A compiled program, ready to be given arguments."""
    return prepare(Program(source.name), source, kernel, [], settings, Path())


def run(launch: Launch, arguments: list[str], directory: Path) -> tuple[list[str], dict[str, Result]]:
    """Run a program; return its problems, and the results of its points by name."""
    output = Path(tempfile.mkdtemp(prefix="run-", dir=directory))
    launch = replace(launch, argv=(*launch.argv, *arguments))
    try:
        with Run(launch, launch.start(), (), TIMEOUTS, output) as running:
            end = running.end()
        bad = [result for result in running.results.values() if result.bad]
        problems = [f"{result.name}: {result.message}" for result in bad[:1]]
        if end.problems:
            problems.append(end.describe())
        elif not running.results:
            problems.append(f"{launch.program.name} has printed no point")
        return problems, running.results
    finally:
        shutil.rmtree(output)


def try_cut(disk: RecordedDisk, cut: Cut, directory: Path) -> list[str]:
    """Cut the power, boot a fresh kernel on the disk, and judge it; return the damage, empty where there is none.

    Files are made in `directory`, and removed again.
    """
    with tempfile.TemporaryDirectory(prefix="cut-", dir=directory) as temporary:
        left = Path(temporary) / f"{disk.image.name}.img"
        build(disk.recording, cut, left)
        return disk.checker.check(left, disk.image.places[0], promises(disk.recording, cut))


def keep(disk: RecordedDisk, cut: Cut, problems: list[str], directory: Path, limit: int = sys.maxsize) -> Path:
    """Keep a failed cut in `directory`: its image, the image's sources, the broken promises; return the recipe's path.

    The images are packed; see `archive.save` for `limit`. Nothing is left where it cannot be kept: raises UsageError
    or OSError.
    """
    try:
        return _keep(disk, cut, problems, directory, limit)
    except (UsageError, OSError):
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _keep(disk: RecordedDisk, cut: Cut, problems: list[str], directory: Path, limit: int) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    archive.save(disk.recording.base, directory, limit)
    with scratch.directory() as temporary:
        left = temporary / "cut.img"
        build(disk.recording, cut, left)
        archive.save(left, directory, limit)
    shutil.copyfile(disk.recording.path, directory / "recording")
    (directory / KEPT).write_text(
        json.dumps(
            {
                "what": cut.describe(disk.recording),
                "problems": problems,
                "kernel": {"name": disk.checker.kernel.name, "path": str(disk.checker.kernel.path)},
                "judge": str(disk.checker.source),
                "volume": _keys(disk.image.places[0].volume),
                "cut": asdict(cut),
                "promises": promises(disk.recording, cut),
            },
            indent=1,
        )
        + "\n"
    , encoding="utf-8")
    return directory / KEPT


def _keys(settled: Volume) -> dict[str, object]:
    """A volume as the keys of a recipe."""
    keys = {key: value for key, value in asdict(settled).items() if value}
    return {**keys, "size": str(settled.size)}


@dataclass(frozen=True)
class SavedCut:
    """A failed cut that was kept, with all that is needed to try it again."""

    directory: Path
    what: str
    kernel: Path  # the kernel that failed
    judge: Path
    place: Place
    cut: Cut
    promises: list[str]
    problems: list[str]


def load_saved(path: Path) -> SavedCut:
    """Read a kept cut, named by its directory or its cut.json; raises UsageError where it is none."""
    recipe = path / KEPT if path.is_dir() else path
    try:
        told = json.loads(recipe.read_text(encoding="utf-8"))
        settled = volume(told["volume"])
        return SavedCut(
            directory=recipe.parent,
            what=told["what"],
            kernel=Path(told["kernel"]["path"]),
            judge=Path(told["judge"]),
            place=Place(settled, 0, 0, settled.size),
            cut=Cut(told["cut"]["flush"], told["cut"]["end"], tuple(told["cut"]["order"])),
            promises=told["promises"],
            problems=told["problems"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is no power cut that lkltest has kept ({error}): name its directory") from None


def replay(kept: SavedCut, kernel: Liblkl, settings: Settings) -> list[str]:
    """Try a kept cut again, on this kernel; return the damage, empty where there is none.

    The image is made again from the recording, and nothing that is kept is changed.
    """
    if not kept.judge.is_file():
        raise UsageError(f"the program that judges power cuts is gone: no {kept.judge}; mend the path in {KEPT}")
    base, path = kept.directory / "base.img", kept.directory / "recording"
    packed = archive.find(base)
    for needed, there in ((base, base.is_file() or packed), (path, path.is_file())):
        if not there:
            raise UsageError(f"{kept.directory} is not complete, the power cut cannot be made again: no {needed.name}")
    checker = CutChecker.compile(kernel, kept.judge, settings)
    with scratch.directory() as temporary:
        recording = load(archive.restore(packed, temporary) if packed else base, path)
        left = temporary / f"{kept.place.volume.type}.img"
        build(recording, kept.cut, left)
        return checker.check(left, kept.place, kept.promises)
