"""The features of btrfs alone: subvolumes, shared extents, streams, several devices."""

import os
import re
from collections.abc import Generator, Mapping

import pytest

from lkltest import Disk, Program, Result, process

pytestmark = pytest.mark.lkl_recipes("btrfs")

SPARE = 256 << 20  # bytes: sparse
ROOM = 512 << 20  # of the disk, more than its file system takes: it grows

# The complaint of `btrfs check` of an inode cache (its inode is -12), and all lines that come with it.
INODE_CACHE = re.compile(
    r"btrfs check: root \d+ inode 18446744073709551604 errors [0-9a-f]+, deprecated free inode cache"
    r"(, link count wrong)?"
)
OF_INODE_CACHE = re.compile(
    rf"on the host:|{INODE_CACHE.pattern}|btrfs check: (deprecated inode cache can be removed by .*"
    r"|ERROR: errors found in fs roots|found \d+ bytes used, error\(s\) found)"
)


@Program("own/btrfs.c", native=False, timeout=600)
def btrfs(image: Disk) -> Generator[list[str], Mapping[str, Result], None]:
    """The points take spare disks in and leave them again; the host then checks the one disk that is left."""
    os.truncate(image.path, ROOM)
    spares = [image.path.with_name(f"spare{number}.img") for number in (1, 2, 3)]
    for spare in spares:
        with spare.open("wb") as file:
            file.truncate(SPARE)
    yield [*image.arguments, *(f"{spare.stem}={spare}" for spare in spares), "--mem=128M"]
    check(image)


def check(disk: Disk) -> None:
    """Check the disk on the host, where an inode cache, which kernels before 5.11 write, is no error.

    Newer checkers, such as Debian 13's, refuse it, and leave out their last steps then: they check a copy without it.
    """
    try:
        disk.check()
    except AssertionError as error:
        lines = str(error).splitlines()
        if not any(INODE_CACHE.fullmatch(line) for line in lines) or not all(map(OF_INODE_CACHE.fullmatch, lines)):
            raise
        without_inode_cache(disk).check()


def without_inode_cache(disk: Disk) -> Disk:
    """A copy of the disk without its inode cache, and without its cache of free space, which is outdated then."""
    copy = disk.copy("without-inode-cache.img")
    for command in (["clear-ino-cache"], ["clear-space-cache", "v1"]):
        told = process.run(["btrfs", "rescue", *command, copy.path], timeout=300, merge=True)
        if not told.ok:
            said = told.output.decode(errors="backslashreplace").strip()
            raise AssertionError(f"btrfs rescue {' '.join(command)} on a copy of the disk: {told.describe()}\n{said}")
    return copy
