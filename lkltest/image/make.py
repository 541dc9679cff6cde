"""Fresh disk images, made by the host's own mkfs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lkltest import process
from lkltest.errors import BuildError, UsageError
from lkltest.image import sparse, tools, tree
from lkltest.image.recipe import Recipe, Volume

SECTOR = 512
ALIGNMENT = 1 << 20  # bytes: where partitions begin, and what a GPT needs after the last one
LABELS = {"mbr": "dos", "gpt": "gpt"}  # as sfdisk calls them


@dataclass(frozen=True)
class Place:
    """Where on an image a file system is."""

    volume: Volume
    number: int  # of the partition, from 1; 0: the whole disk
    offset: int  # bytes
    size: int  # bytes


@dataclass(frozen=True)
class Image:
    """An image file, and what is on it."""

    name: str  # the recipe's
    path: Path
    table: str  # "mbr", "gpt"; "" for a bare disk
    places: tuple[Place, ...]
    packed: bool  # whether the known files were packed into its first file system

    @property
    def type(self) -> str:
        """The type of its first file system."""
        return self.places[0].volume.type

    def arguments(self, prefix: str = "", place: int = 0) -> list[str]:
        """What a C program needs to know of one of its file systems: "disk=PATH", "type=ext4"...

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
        }
        return [f"{prefix}{name}={value}" for name, value in given.items() if value]


def make(recipe: Recipe, version: str, directory: Path, *, name: str = "", pack: bool = True) -> Image:
    """Make the image of a recipe for a kernel of this version, as a sparse file in `directory`.

    `pack` puts the known files of `tree.PACKED` into its first file system. Raises MissingTool where a program
    of the host is missing, BuildError where one fails.
    """
    path = directory / f"{name or recipe.name}.img"
    volumes = recipe.volumes(version)
    if not recipe.table:
        _make_volume(volumes[0], path, pack=pack)
        return Image(recipe.name, path, "", (Place(volumes[0], 0, 0, volumes[0].size),), pack)
    with path.open("wb") as file:
        file.truncate(2 * ALIGNMENT + sum(volume.size for volume in volumes))
    _partition(path, recipe.table, volumes)
    places = tuple(
        Place(volume, number, offset, size)
        for number, (volume, (offset, size)) in enumerate(zip(volumes, partitions(path), strict=True), 1)
    )
    for place in places:
        part = directory / f"{path.stem}.part"
        try:
            _make_volume(place.volume, part, pack=pack and place.number == 1)
            sparse.insert(part, path, place.offset)
        finally:
            part.unlink(missing_ok=True)
    return Image(recipe.name, path, recipe.table, places, pack)


def adopt(file: Path, recipes: Sequence[Recipe], version: str, directory: Path) -> Image:
    """Copy a user's own image into `directory`, and find out what is on it; the user's is only read.

    Raises UsageError where it cannot be read, MissingTool where blkid or sfdisk is missing.
    """
    if not file.is_file():
        raise UsageError(f"no image file {file}: mend the path of --lkl-image")
    known = {recipe.name: recipe for recipe in recipes if not recipe.table}
    path = directory / file.name
    table = _probe(file, "PTTYPE")
    found = [(number, *where) for number, where in enumerate(partitions(file), 1)] if table else \
        [(0, 0, file.stat().st_size)]
    places = []
    for number, offset, size in found:
        kind = _probe(file, "TYPE", offset, size)
        if kind in known:
            places.append(Place(known[kind].volumes(version)[0], number, offset, size))
    if not places:
        raise UsageError(
            f"{file}: blkid finds no file system on it that a recipe is named after ({', '.join(known)}); "
            "add a recipe with --lkl-images, or leave --lkl-image out"
        )
    sparse.copy(file, path)
    names = {label: table for table, label in LABELS.items()}
    return Image(file.name, path, names.get(table, table), tuple(places), packed=False)


def partitions(image: Path) -> list[tuple[int, int]]:
    """Offset and size in bytes of each partition; raises BuildError where the table cannot be read."""
    told = tools.run(["sfdisk", "--json", str(image)])
    if not told.ok:
        raise BuildError(f"sfdisk cannot read the partition table of {image}", tools.said(told))
    table = json.loads(told.output)["partitiontable"]
    return [(part["start"] * SECTOR, part["size"] * SECTOR) for part in table.get("partitions", [])]


def _probe(image: Path, tag: str, offset: int = 0, size: int = 0) -> str:
    where = ["-O", str(offset), "-S", str(size)] if size else []
    told = tools.run(["blkid", "-p", "-s", tag, "-o", "value", *where, str(image)])
    return told.output.decode(errors="replace").strip()


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
            tree.plant(source, symlinks="symlinks" not in volume.lacks)
        _run(volume, _fill_in(volume.mkfs, volume, path, source if pack else None), path.parent)
        if pack and volume.fill:
            _run(volume, _fill_in(volume.fill, volume, path, source), path.parent)
        sparse.dig(path)
    finally:
        _remove(source)


def _fill_in(command: Sequence[str], volume: Volume, path: Path, source: Path | None) -> list[str]:
    """A recipe's command with everything put in its place."""
    words: list[str] = []
    for word in command:
        if word == "{options}":
            words += volume.options
        elif word == "{pack}":
            words += volume.pack if source is not None else ()
        else:
            words.append(word)
    if source is not None and any("{protofile}" in word for word in words):
        (source.parent / f"{source.name}.proto").write_text(tree.protofile(source))
    places = {"{image}": str(path), "{tree}": str(source), "{protofile}": f"{source}.proto"}
    return [_replace(word, places) for word in words]


def _replace(word: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(name, value)
    return word


def _run(volume: Volume, command: Sequence[str], directory: Path) -> None:
    told = tools.run(command, package=(volume.packages or {}).get(command[0]), cwd=directory)
    if not told.ok:
        raise BuildError(
            f"{command[0]} made no {volume.type} image: {told.describe()}; mend mkfs or options in its recipe",
            f"{process.command(command)}\n{tools.said(told)}",
        )


def _remove(source: Path) -> None:
    shutil.rmtree(source, ignore_errors=True)
    source.with_name(f"{source.name}.proto").unlink(missing_ok=True)
