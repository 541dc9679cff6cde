"""Power cuts: record a disk at work, fail its power, judge what a fresh kernel makes of the rest."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from lkltest.errors import KernelLost, UsageError
from lkltest.image import judge, sparse
from lkltest.image.make import Image, Place, make
from lkltest.image.recipe import Recipe, Volume, volume
from lkltest.image.recording import Cut, Recording, build, load, promises
from lkltest.liblkl.model import Liblkl
from lkltest.program import Program
from lkltest.program.launch import prepare
from lkltest.program.run import Deadlines, Run
from lkltest.program.verdict import Result, State
from lkltest.settings import Settings

DEADLINES = Deadlines(program=120.0, point=60.0)  # seconds
KEPT = "cut.json"  # what a kept cut is known by


@dataclass(frozen=True)
class Scene:
    """What power cuts are tried with: a kernel, the program that judges what they left, a recorded disk."""

    kernel: Liblkl
    judge: Path  # judge.c
    settings: Settings
    image: Image  # the recorded disk, as it was left
    recording: Recording


class Skipped(Exception):
    """What is asked for cannot be tried with a kernel; the message is the reason."""


def record(
    recipe: Recipe, kernel: Liblkl, programs: Path, settings: Settings, directory: Path, *arguments: str
) -> Scene:
    """Let a kernel work on a fresh disk of a recipe and record what reaches it, all in `directory`.

    `programs` is where workload.c and judge.c are; `arguments` are for the former: "steps=60", "seed=1". Raises
    Skipped where the kernel lacks what is needed, KernelLost where it fails at it.
    """
    image = make(recipe, kernel.version, directory, pack=False)
    base, path = directory / "base.img", directory / "recording"
    sparse.copy(image.path, base)
    source = programs / "workload.c"
    problems, results = run(source, kernel, [*image.arguments(), f"record={path}", *arguments], settings, directory)
    reasons = [result.message for result in results.values() if result.state is State.SKIPPED]
    if problems:
        raise KernelLost(f"no power cuts of {recipe.name} can be made, {source.name} fails:\n" + "\n".join(problems))
    if reasons:
        raise Skipped(reasons[0])
    recording = load(base, path)
    image.path.unlink()  # what is left is in the recording
    return Scene(kernel, programs / "judge.c", settings, image, recording)


def run(
    source: Path, kernel: Liblkl, arguments: list[str], settings: Settings, directory: Path
) -> tuple[list[str], dict[str, Result]]:
    """Run a program on a kernel: what is wrong, and the results of its points by name."""
    output = Path(tempfile.mkdtemp(prefix=f"{source.stem}-", dir=directory))
    try:
        launch = prepare(Program(source.name), source, kernel, arguments, settings, output / "scratch")
        with Run(launch, (), DEADLINES, output) as running:
            end = running.end()
        bad = [result for result in running.results.values() if result.bad]
        problems = [f"{result.name}: {result.message}" for result in bad[:1]]
        if end.problems:
            problems.append(end.describe())
        elif not running.results:
            problems.append(f"{source.name} has printed no point")
        return problems, running.results
    finally:
        shutil.rmtree(output)


def try_cut(scene: Scene, cut: Cut, directory: Path) -> list[str]:
    """Cut the power, boot a fresh kernel on what is left, and judge: what is wrong, empty where all is well.

    Files are made in `directory`, and removed again.
    """
    with tempfile.TemporaryDirectory(prefix="cut-", dir=directory) as temporary:
        return _judge_cut(scene, cut, Path(temporary))


def _judge_cut(scene: Scene, cut: Cut, directory: Path) -> list[str]:
    left = directory / f"{scene.image.name}.img"
    build(scene.recording, cut, left)
    said = promises(scene.recording, cut)
    place = scene.image.places[0]
    return judge_image(left, place, said, kernel=scene.kernel, program=scene.judge, settings=scene.settings)


def judge_image(
    path: Path, place: Place, said: list[str], *, kernel: Liblkl, program: Path, settings: Settings
) -> list[str]:
    """Mount what a power cut left in a fresh kernel, demand what was promised, and let the host check the rest."""
    image = Image(path.stem, path, "", (place,), packed=False)
    text = path.with_suffix(".promises")
    text.write_text("".join(f"{line}\n" for line in said))
    problems, _ = run(program, kernel, [*image.arguments(), f"promises={text}"], settings, path.parent)
    return problems or judge.check(image)


def keep(scene: Scene, cut: Cut, problems: list[str], directory: Path) -> Path:
    """Keep a failed cut in `directory`: its image, what it was made of, what it broke; return the recipe's path."""
    directory.mkdir(parents=True, exist_ok=True)
    build(scene.recording, cut, directory / "cut.img")
    sparse.copy(scene.recording.base, directory / "base.img")
    shutil.copyfile(scene.recording.path, directory / "recording")
    (directory / KEPT).write_text(
        json.dumps(
            {
                "what": cut.describe(scene.recording),
                "problems": problems,
                "kernel": {"name": scene.kernel.name, "path": str(scene.kernel.path)},
                "judge": str(scene.judge),
                "volume": _keys(scene.image.places[0].volume),
                "cut": asdict(cut),
                "promises": promises(scene.recording, cut),
            },
            indent=1,
        )
        + "\n"
    )
    return directory / KEPT


def _keys(settled: Volume) -> dict[str, object]:
    """A volume as a recipe's keys tell it."""
    keys = {key: value for key, value in asdict(settled).items() if value}
    keys["check"] = keys.pop("checks", [])
    return keys


@dataclass(frozen=True)
class Kept:
    """A failed cut that was kept: what it was, and what is needed to try it again."""

    directory: Path
    what: str
    kernel: Path  # the kernel that failed
    judge: Path
    place: Place
    cut: Cut
    promises: list[str]
    problems: list[str]


def load_kept(path: Path) -> Kept:
    """Read a kept cut, named by its directory or its cut.json; raises UsageError where it is none."""
    recipe = path / KEPT if path.is_dir() else path
    try:
        told = json.loads(recipe.read_text())
        settled = volume(told["volume"], recipe)
        return Kept(
            directory=recipe.parent,
            what=told["what"],
            kernel=Path(told["kernel"]["path"]),
            judge=Path(told["judge"]),
            place=Place(settled, 0, 0, settled.size),
            cut=Cut(told["cut"]["flush"], told["cut"]["end"], tuple(told["cut"]["order"])),
            promises=told["promises"],
            problems=told["problems"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no power cut that lkltest has kept ({error}): name its directory") from None


def replay(kept: Kept, kernel: Liblkl, settings: Settings) -> list[str]:
    """Try a kept cut again, on this kernel: what is wrong, empty where all is well.

    The image is made again from the recording, and nothing that is kept is changed.
    """
    if not kept.judge.is_file():
        raise UsageError(f"the program that judges power cuts is gone: no {kept.judge}; mend the path in {KEPT}")
    recording = load(kept.directory / "base.img", kept.directory / "recording")
    with tempfile.TemporaryDirectory(prefix="lkltest-cut-") as temporary:
        left = Path(temporary) / f"{kept.place.volume.type}.img"
        build(recording, kept.cut, left)
        said = kept.promises
        return judge_image(left, kept.place, said, kernel=kernel, program=kept.judge, settings=settings)
