"""Fresh disk images, made by the host's own mkfs."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import BuildError
from lkltest.host import process
from lkltest.image import sparse, tools, tree
from lkltest.image.recipe import SECTOR, Recipe, Volume

ALIGNMENT = 1 << 20  # bytes: where partitions begin, and what a GPT needs after the last one
LABELS = {"mbr": "dos", "gpt": "gpt"}  # as sfdisk calls them


@dataclass(frozen=True)
class Place:
    """The place of a file system on an image."""

    volume: Volume
    number: int  # of the partition, from 1; 0: the whole disk
    offset: int  # bytes
    size: int  # bytes


@dataclass(frozen=True)
class Image:
    """An image file, and the file systems on it."""

    name: str  # the recipe's
    path: Path
    table: str  # "mbr", "gpt"; "" for a bare disk
    places: tuple[Place, ...]
    packed: bool  # whether the known files were packed into its first file system
    own: bool = False  # whether it is a user's, of whose features no recipe tells

    @property
    def type(self) -> str:
        """The type of its first file system."""
        return self.places[0].volume.type

    def arguments(self, prefix: str = "", place: int = 0) -> list[str]:
        """The arguments that describe one of its file systems to a C program: "disk=PATH", "type=ext4"...

        The names of a second disk's arguments begin with `prefix`.
        """
        chosen = self.places[place]
        volume = chosen.volume
        given = {
            "disk": str(self.path),
            "type": volume.type,
            "part": str(chosen.number),
            "config": volume.config,
            "mount": volume.mount,
            "lacks": ",".join(volume.lacks),
            "packed": "yes" if self.packed and place == 0 else "",
            "own": "yes" if self.own and place == 0 else "",
        }
        return [f"{prefix}{name}={value}" for name, value in given.items() if value]


def make(recipe: Recipe, version: str, directory: Path, *, name: str = "", pack: bool = True) -> Image:
    """Make the image of a recipe for a kernel of this version, as a sparse file in `directory`.

    `pack` puts the known files of `tree.PACKED` into its first file system, if its recipe says how. Raises
    MissingTool where a program of the host is missing, BuildError where one fails.
    """
    path = directory / f"{name or recipe.name}.img"
    volumes = recipe.volumes(version)
    packed = pack and volumes[0].takes_files
    if not recipe.table:
        _make_volume(volumes[0], path, pack=packed)
        return Image(recipe.name, path, "", (Place(volumes[0], 0, 0, volumes[0].size),), packed)
    with path.open("wb") as file:
        file.truncate(2 * ALIGNMENT + sum(volume.size for volume in volumes))
    _partition(path, recipe.table, volumes)
    places = tuple(
        Place(volume, *where) for volume, where in zip(volumes, partitions(path), strict=True)
    )
    for place in places:
        part = directory / f"{path.stem}.part"
        try:
            _make_volume(place.volume, part, pack=packed and place.number == 1)
            sparse.insert(part, path, place.offset)
        finally:
            part.unlink(missing_ok=True)
    return Image(recipe.name, path, recipe.table, places, packed)


def partitions(image: Path) -> list[tuple[int, int, int]]:
    """Number, offset and size in bytes of each partition; raises BuildError where the table cannot be read."""
    told = tools.run(["sfdisk", "--json", str(image)])
    if not told.ok:
        raise BuildError(f"sfdisk cannot read the partition table of {image}", tools.said(told))
    table = json.loads(told.output)["partitiontable"]
    # Their numbers end the names of their nodes: there may be gaps, and logical ones begin at 5.
    return [
        (int(re.sub(r".*\D", "", part["node"])), part["start"] * SECTOR, part["size"] * SECTOR)
        for part in table.get("partitions", [])
    ]


def _partition(path: Path, table: str, volumes: Sequence[Volume]) -> None:
    lines = [f"label: {LABELS[table]}", *(f"size={volume.size // SECTOR}" for volume in volumes)]
    script = "\n".join([*lines, ""]).encode()
    told = tools.run(["sfdisk", "-q", "--no-reread", "--no-tell-kernel", str(path)], stdin=script)
    if not told.ok:
        raise BuildError(f"sfdisk cannot make the {table} partitions of {path.stem}", tools.said(told))


def _make_volume(volume: Volume, path: Path, *, pack: bool) -> None:
    """Make one file system in a new sparse file."""
    with path.open("wb") as file:
        file.truncate(volume.size)
    source = path.with_suffix(".tree")
    try:
        if pack:
            source.mkdir()
            tree.write_tree(source, symlinks="symlinks" not in volume.lacks)
        _run("mkfs", volume, path, source if pack else None)
        if pack and volume.fill:
            _run("fill", volume, path, source)
        sparse.punch_holes(path)
    finally:
        _remove(source)


def _fill_in(command: Sequence[str], volume: Volume, path: Path, source: Path | None) -> list[str]:
    """A recipe's command, with the placeholders replaced."""
    words: list[str] = []
    for word in command:
        if word == "{options}":
            words += volume.options
        elif word == "{pack}":
            words += volume.pack if source is not None else ()
        else:
            words.append(word)
    if source is not None and any("{protofile}" in word for word in words):
        (source.parent / f"{source.name}.proto").write_bytes(os.fsencode(tree.protofile(source)))
    places = {"{image}": str(path), "{tree}": str(source), "{protofile}": f"{source}.proto"}
    return [_replace(word, places) for word in words]


def _replace(word: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(name, value)
    return word


def _run(key: str, volume: Volume, path: Path, source: Path | None) -> None:
    """Run the command that stands under a key of the recipe."""
    command = _fill_in(getattr(volume, key), volume, path, source)
    told = tools.run(command, package=volume.packages.get(command[0]), cwd=path.parent)
    if not told.ok:
        raise BuildError(
            f"recipe {path.stem}: {command[0]} ends with {told.describe()}: mend what it complains of, "
            f"or {key} and options of the recipe",
            f"{process.command(command)}\n{tools.said(told)}",
        )


def _remove(source: Path) -> None:
    shutil.rmtree(source, ignore_errors=True)
    source.with_name(f"{source.name}.proto").unlink(missing_ok=True)
