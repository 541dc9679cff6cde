"""The features of xfs alone: shared blocks, handles of attributes, bulk listings, growing while mounted."""

import os
from collections.abc import Generator, Mapping

import pytest

from lkltest import Disk, Program, Result

pytestmark = pytest.mark.lkl_recipes("xfs-reflink", directory="own/images")

ROOM = 512 << 20  # bytes of the disk, more than its file system takes: it grows


@Program("own/xfs.c", native=False)
def xfs(image: Disk) -> Generator[list[str], Mapping[str, Result], None]:
    """Run on an image whose files can share blocks; the host checks it afterwards."""
    os.truncate(image.path, ROOM)
    yield [*image.arguments, "--mem=128M"]
    image.check()
