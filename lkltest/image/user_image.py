"""A user's own image file, which is looked at, copied and never written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lkltest.errors import BuildError, UsageError
from lkltest.image import sparse, tools
from lkltest.image.make import LABELS, Image, Place, partitions
from lkltest.image.recipe import SECTOR, Recipe

Found = tuple[int, int, int]  # number of a partition (0: the whole disk), offset and size in bytes


def copy_user_image(file: Path, recipes: Sequence[Recipe], version: str, directory: Path) -> tuple[Image, Recipe]:
    """Copy a user's own image into `directory`, find out what is on it, and which recipe its first file system is for.

    Raises UsageError where it cannot be read or nothing is known on it, MissingTool where blkid or sfdisk is missing.
    """
    table, found = identify(file, recipes)
    path = directory / file.name
    sparse.copy(file, path)
    places = tuple(Place(recipe.volumes(version)[0], *where) for where, recipe in found)
    return Image(file.name, path, table, places, packed=False, own=True), found[0][1]


def identify(file: Path, recipes: Sequence[Recipe]) -> tuple[str, list[tuple[Found, Recipe]]]:
    """The partition table of a user's image, and where on it are file systems that a recipe tells how to judge.

    Raises the same errors as `copy_user_image`.
    """
    if not file.is_file():
        what = "is a directory" if file.is_dir() else "is no image file" if file.exists() else "does not exist"
        raise UsageError(f"--lkl-image {file} {what}: name a file that holds a disk's image")
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, 2)
    except OSError as error:
        raise UsageError(f"--lkl-image {file} cannot be read: {error.strerror}") from None
    if size < SECTOR:
        raise UsageError(f"--lkl-image {file} is empty: {size} bytes are no disk's image")
    label = _probe(file).get("PTTYPE", "")
    names = {theirs: ours for ours, theirs in LABELS.items()}
    everywhere = [(0, 0, size)]
    if label in names:
        try:
            everywhere = partitions(file)
        except BuildError as error:
            raise UsageError(f"--lkl-image {file}: {error}: {error.output.strip()}") from None
    known = _by_type(recipes)
    types = {where: _probe(file, *where[1:]).get("TYPE", "nothing that blkid knows") for where in everywhere}
    found = [(where, known[kind]) for where, kind in types.items() if kind in known]
    if not found:
        seen = ", ".join(f"partition {where[0]}: {kind}" if where[0] else kind for where, kind in types.items())
        raise UsageError(
            f"--lkl-image {file} has no file system that a recipe is for ({', '.join(sorted(known))}), but "
            f"{seen or 'no partition'}: add a recipe with --lkl-images, or name another image"
        )
    return names.get(label, ""), found


def _by_type(recipes: Sequence[Recipe]) -> dict[str, Recipe]:
    """The recipe for each type of file system: the one that is named after it, or else the first."""
    bare = [recipe for recipe in recipes if not recipe.table]
    return {str(recipe.parts[0].keys["type"]): recipe for recipe in reversed(bare)} | {
        recipe.name: recipe for recipe in bare if recipe.name == recipe.parts[0].keys["type"]
    }


def _probe(image: Path, offset: int = 0, size: int = 0) -> Mapping[str, str]:
    """The output of blkid for an image, or for a part of it."""
    where = ["-O", str(offset), "-S", str(size)] if size else []
    told = tools.run(["blkid", "-p", "-o", "export", *where, str(image)])
    lines = told.output.decode(errors="replace").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)
