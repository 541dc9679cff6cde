"""The features of btrfs alone: subvolumes, shared extents, streams, several devices."""

import os
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from lkltest import Disk, Program, Result, process

pytestmark = pytest.mark.lkl_recipes("btrfs")

SPARE = 256 << 20  # bytes: sparse
ROOM = 512 << 20  # of the disk, more than its file system takes: it grows


@Program("own/btrfs.c", native=False, timeout=600)
def btrfs(image: Disk) -> Generator[list[str], Mapping[str, Result], None]:
    """The points take spare disks in and leave them again; the host then checks the one disk that is left."""
    os.truncate(image.path, ROOM)
    spares = [image.path.with_name(f"spare{number}.img") for number in (1, 2, 3)]
    for spare in spares:
        with spare.open("wb") as file:
            file.truncate(SPARE)
    yield [*image.arguments, *(f"{spare.stem}={spare}" for spare in spares), "--mem=128M"]
    put_away_inode_cache(image.path)
    image.check()


def put_away_inode_cache(image: Path) -> None:
    """Remove a cache of free inode numbers, which kernels before 5.11 write, where the checker takes it for an error.

    Debian 13's does. The cache of free space goes too, because it is outdated then; other complaints stay.
    """
    told = process.run(["btrfs", "check", image], timeout=300, merge=True)
    if b"deprecated inode cache" in told.output:
        for command in (["clear-ino-cache"], ["clear-space-cache", "v1"]):
            process.run(["btrfs", "rescue", *command, image], timeout=300, merge=True)
