"""Disks that are broken on purpose: a kernel must refuse or report them, and survive."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from lkltest.image import sparse
from lkltest.image.make import Image
from lkltest.image.recipe import SECTOR

HEAD = 128 << 10  # bytes at the beginning that hold every superblock (the farthest: btrfs, at 64 KiB)
NOISE = 64  # random bytes that are strewn over the metadata


def cut_short(path: Path, _: random.Random) -> None:
    """Leave only the first third of the image."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 3 // SECTOR * SECTOR)


def zeroed(path: Path, _: random.Random) -> None:
    """Zero the part of the disk that holds the superblock."""
    with path.open("r+b") as file:
        file.write(bytes(HEAD))


def noisy_superblock(path: Path, luck: random.Random) -> None:
    """Fill the part of the disk that holds the superblock with random bytes."""
    with path.open("r+b") as file:
        file.write(luck.randbytes(HEAD))


def noisy(path: Path, luck: random.Random) -> None:
    """Write random bytes at random places of the image's data, mostly metadata; leave the superblock out."""
    with path.open("r+b") as file:
        places = [
            position
            for first, last in sparse.extents(file.fileno(), HEAD, path.stat().st_size)
            for position in range(first, last, SECTOR)
        ]
        for place in luck.choices(places, k=NOISE):
            file.seek(place + luck.randrange(SECTOR))
            file.write(luck.randbytes(4))


def whole(_: Path, __: random.Random) -> None:
    """Leave the disk as it is: broken.c makes its reads and writes fail."""


DEFECTS: Mapping[str, Callable[[Path, random.Random], None]] = {
    "cut_short": cut_short,
    "zeroed": zeroed,
    "noisy_superblock": noisy_superblock,
    "noisy": noisy,
    "failing": whole,
    "half": whole,
}


def make(image: Image, directory: Path, seed: int = 0) -> list[str]:
    """Copy an image once for each defect, and break the copy; return the arguments of broken.c: "zeroed=PATH"."""
    arguments = []
    for name, damage in DEFECTS.items():
        path = directory / f"{image.path.stem}-{name}.img"
        sparse.copy(image.path, path)
        damage(path, random.Random(f"{seed}-{name}"))
        arguments.append(f"{name}={path}")
    return arguments
