"""The features of btrfs alone: subvolumes, shared extents, streams, several devices."""

import os
from collections.abc import Generator, Mapping

import pytest

from lkltest import Disk, Program, Result

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
    image.check()
