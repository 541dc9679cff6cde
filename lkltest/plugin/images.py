"""The parts of the fixtures of disk images."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lkltest.errors import LkltestError, UsageError
from lkltest.image import MissingTool, Recipe, broken, load, make, scratch, shipped
from lkltest.image.disk import Disk, PointResult, make_disk, user_disk
from lkltest.image.user_image import identify
from lkltest.kernel import Kernel
from lkltest.plugin.artifacts import Artifacts, command
from lkltest.plugin.session import IMAGES, settings_of
from lkltest.powercut import cuts, recording
from lkltest.settings import Settings

Request = Any  # pytest does not export SubRequest

_RECIPES = pytest.StashKey[tuple[Recipe, ...]]()
_IDENTIFIED = pytest.StashKey[bool]()


def recipes_of(config: pytest.Config) -> tuple[Recipe, ...]:
    """The recipes of this session: ours, and those of --lkl-images. Raises UsageError where one is wrong."""
    if _RECIPES not in config.stash:
        config.stash[_RECIPES] = load([shipped(), *settings_of(config).images])
    return config.stash[_RECIPES]


def images_of(config: pytest.Config) -> tuple[Recipe | Path, ...]:
    """The sources of this session's images: the user's own files, or all recipes. Raises UsageError."""
    recipes = recipes_of(config)
    files = settings_of(config).image
    if _IDENTIFIED not in config.stash:
        for file in files:
            with contextlib.suppress(MissingTool):  # without the programs that look at it, its items are skips
                identify(file, recipes)
        config.stash[_IDENTIFIED] = True
    return files or recipes


def require(config: pytest.Config) -> None:
    """Refuse a wrong --lkl-images or --lkl-image."""
    try:
        images_of(config)
    except LkltestError as error:
        raise pytest.UsageError(str(error)) from None


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Parametrize `image` over every image, `broken_disk` and `power_cuts` over those for which they make sense."""
    names = metafunc.fixturenames
    recipes = recipes_of(metafunc.config)
    settings = settings_of(metafunc.config)
    if "image" in names:
        given = _of_marked_types(metafunc, images_of(metafunc.config))
        ids = [one.name for one in given]
        metafunc.parametrize("image", given, indirect=True, ids=ids, scope="class")
    if "broken_disk" in names:
        bare = [recipe for recipe in recipes if not recipe.table]
        metafunc.parametrize("broken_disk", bare, indirect=True, ids=[one.name for one in bare], scope="class")
    if "power_cuts" in names:
        lasting = [recipe for recipe in recipes if recipe.cuts]
        metafunc.parametrize("power_cuts", lasting, indirect=True, ids=[one.name for one in lasting], scope="module")
    if "cut" in names and "power_cuts" in names:
        metafunc.parametrize("cut", range(settings.cuts), ids=[f"cut{number}" for number in range(settings.cuts)])


def _of_marked_types(metafunc: pytest.Metafunc, given: Sequence[Recipe | Path]) -> Sequence[Recipe | Path]:
    """The images of the recipes that the nearest mark lkl_recipes names; all where there is none."""
    mark = metafunc.definition.get_closest_marker("lkl_recipes")
    if mark is None:
        return given
    recipes = recipes_of(metafunc.config)
    if directory := mark.kwargs.get("directory"):
        own = metafunc.definition.path.parent / directory
        recipes = load([shipped(), *settings_of(metafunc.config).images, own])
    known = {recipe.name: recipe for recipe in recipes}
    for name in mark.args:
        if name not in known:
            raise UsageError(f"the mark lkl_recipes names {name!r}, but the recipes are {', '.join(sorted(known))}")
    return [known[name] for name in mark.args] if given and isinstance(given[0], Recipe) else []


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Skip an item where a program or feature is missing, and fail it for errors, without a traceback."""
    try:
        yield
    except (MissingTool, cuts.Skipped) as reason:
        raise pytest.skip.Exception(str(reason)) from None
    except LkltestError as error:
        text = "\n".join([str(error), getattr(error, "output", "")]).strip()
        raise pytest.fail.Exception(text, pytrace=False) from None
    except OSError as error:
        text = f"{error.filename or 'an image'}: {error.strerror}; mend that, or name another directory by TMPDIR"
        raise pytest.fail.Exception(text, pytrace=False) from None


class JudgedDisk(Disk):
    """A disk whose item is skipped where its checker is missing."""

    def check(self, results: Mapping[str, PointResult] | None = None) -> None:
        """See `Disk.check`; skips the item where a checker is not installed and the others are content."""
        try:
            super().check(results)
        except MissingTool as missing:
            pytest.skip(f"not judged on the host: {missing}")


@contextlib.contextmanager
def _directory(request: Request) -> Iterator[Path]:
    """A directory for images, which are kept if the program that has them fails (see `ProgramRun`)."""
    with _told(), scratch.directory() as directory:
        known = request.node.stash.setdefault(IMAGES, [])
        known.append(directory)
        try:
            yield directory
        finally:
            known.remove(directory)


@contextlib.contextmanager
def image(request: Request, kernel: Kernel) -> Iterator[Disk]:
    """A fresh disk image: one of each recipe, or a copy of each of the user's own (--lkl-image)."""
    with _directory(request) as directory:
        if isinstance(request.param, Recipe):
            disk = make_disk(request.param, kernel.version, directory)
        else:
            disk = user_disk(request.param, recipes_of(request.config), kernel.version, directory)
        yield JudgedDisk(disk.image, disk.second)


@contextlib.contextmanager
def broken_disk(request: Request, kernel: Kernel) -> Iterator[list[str]]:
    """Copies of a recipe's image, each broken in a way of its own: the arguments of broken.c."""
    with _directory(request) as directory:
        whole = make(request.param, kernel.version, directory)
        other = "ext4" if whole.type == "vfat" else "vfat"
        yield [*whole.arguments(), f"other={other}", *broken.make(whole, directory)]


@dataclass(frozen=True)
class PowerCuts:
    """A recorded disk whose power can fail."""

    disk: cuts.RecordedDisk
    directory: Path  # for temporary files
    artifacts: Callable[[], Artifacts]  # where failed cuts are kept

    def judge(self, number: int) -> None:
        """Cut the power for the time of this number; fails the item where the disk does not survive it."""
        cut = recording.choose(self.disk.recording, number)
        with _told():
            problems = cuts.try_cut(self.disk, cut, self.directory)
        if problems:
            what = cut.describe(self.disk.recording)
            pytest.fail("\n".join([f"{self.disk.image.name}, {what}:", *problems, self._keep(number, cut, problems)]),
                        pytrace=False)

    def _keep(self, number: int, cut: recording.Cut, problems: list[str]) -> str:
        """Keep a failed cut; return the line that says how to try it again."""
        try:
            artifacts = self.artifacts()
            artifacts.wanted = True
            limit = artifacts.settings.artifacts_size
            kept = cuts.keep(self.disk, cut, problems, artifacts.path / f"cut{number}", limit)
            return f"again: {command('replay', kept.parent)}"
        except (OSError, LkltestError) as error:
            return f"the cut could not be kept: {error}"


@contextlib.contextmanager
def power_cuts(
    request: Request, kernel: Any, lkltest_settings: Settings  # noqa: ANN401 -- a library: UMLs are kept away
) -> Iterator[PowerCuts]:
    """A disk of a recipe, recorded at work on a kernel; workload.c and judge.c are beside the suite."""
    with _told(), scratch.directory() as directory:
        disk = cuts.record(request.param, kernel, request.path.parent, lkltest_settings, directory)
        name = f"power-cuts-{kernel.name}-{disk.image.name}"
        with contextlib.ExitStack() as stack:

            @cache
            def artifacts() -> Artifacts:
                return stack.enter_context(Artifacts(request.config, lkltest_settings, name))

            yield PowerCuts(disk, directory, artifacts)
