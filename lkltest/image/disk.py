"""A disk for a test program to run on, and the host's verdict on the disk afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from lkltest.image import fsck, sparse, tree
from lkltest.image.make import Image, make
from lkltest.image.recipe import Recipe
from lkltest.image.user_image import copy_user_image


class PointResult(Protocol):
    """The part of a test point's result that says which files the point has written."""

    @property
    def passed(self) -> bool:
        """Whether the point has passed."""

    @property
    def properties(self) -> Mapping[str, str]:
        """The properties that the point has reported."""


@dataclass(frozen=True)
class Disk:
    """The image on which a program runs, and a second one beside it; the host judges them afterwards."""

    image: Image
    second: Image | None  # None: a second partition, if anything, is the second disk

    @property
    def path(self) -> Path:
        """The image's file."""
        return self.image.path

    @property
    def type(self) -> str:
        """The type of its first file system."""
        return self.image.type

    @property
    def arguments(self) -> list[str]:
        """The arguments of disk.c."""
        arguments = self.image.arguments()
        if self.second is not None:
            return arguments + self.second.arguments("second_")
        if len(self.image.places) > 1:
            second = self.image.arguments("second_", 1)
            # Another partition of the same disk, which may have another name inside the kernel.
            return arguments + [argument for argument in second if not argument.startswith("second_disk=")]
        return arguments

    def check(self, results: Mapping[str, PointResult] | None = None) -> None:
        """Check the disk by the host's checkers, and read back on the host the files that the program has written.

        `results` are those of disk.c's points: a skipped point wrote nothing. Without them, nothing is read.
        Raises AssertionError with what is wrong; MissingTool where a program is missing, and nothing else was found.
        """
        problems = fsck.all_of(
            partial(fsck.check, self.image),
            partial(fsck.read, self.image, self._files(results or {})),
            self._check_second,
        )
        if problems:
            raise AssertionError("\n".join(["on the host:", *problems]))

    def copy(self, name: str) -> Disk:
        """Copy the image to a file of this name beside it, for tools that change it; the copy has no second disk.

        Raises UsageError where there is no room.
        """
        path = self.path.with_name(name)
        sparse.copy(self.path, path)
        return Disk(replace(self.image, path=path), None)

    def _check_second(self) -> list[str]:
        if self.second is None:
            return []
        return [f"second disk: {problem}" for problem in fsck.check(self.second)]

    def _files(self, results: Mapping[str, PointResult]) -> dict[str, int]:
        """The files that must be on the disk: the packed ones, and those that the points report as written."""
        files = dict(tree.PACKED) if self.image.packed else {}
        if _passed(results, "files"):
            files |= {name: size for name, size in tree.WRITTEN.items() if size != tree.BIG}
        if _passed(results, "big_file"):
            size = int(results["big_file"].properties.get("bytes", tree.BIG))
            files[f"written/size-{size}"] = size
        return files


def _passed(results: Mapping[str, PointResult], name: str) -> bool:
    return name in results and results[name].passed


def make_disk(recipe: Recipe, version: str, directory: Path) -> Disk:
    """Make the image of a recipe, and a second, empty one where it has no second partition."""
    image = make(recipe, version, directory)
    return Disk(image, _second(image, recipe, version))


def user_disk(file: Path, recipes: Sequence[Recipe], version: str, directory: Path) -> Disk:
    """Copy a user's own image, and make a second disk of the same type beside it where it has no second partition."""
    image, recipe = copy_user_image(file, recipes, version, directory)
    return Disk(image, _second(image, recipe, version))


def _second(image: Image, recipe: Recipe, version: str) -> Image | None:
    """A second disk, empty, beside an image that has no second partition."""
    if len(image.places) > 1:
        return None
    return make(recipe, version, image.path.parent, name=f"{image.path.stem}-second", pack=False)
