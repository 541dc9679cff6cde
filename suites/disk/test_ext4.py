"""The features of ext4 alone: block maps and extents, the modes of the journal, growing while mounted."""

import os
from collections.abc import Generator, Mapping

import pytest

from lkltest import Disk, Program, Result

pytestmark = pytest.mark.lkl_recipes("ext4", "ext4-4k")

ROOM = 512 << 20  # bytes of the disk, more than its file system takes: it grows


@Program("own/ext4.c", native=False)
def ext4(image: Disk) -> Generator[list[str], Mapping[str, Result], None]:
    """The host checks the file system that has changed its size and its files' maps."""
    os.truncate(image.path, ROOM)
    yield image.arguments
    image.check()
