"""The target that the tests of image fuzzing share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lkltest.fuzz.images.target import Target, recipes, target
from lkltest.image import scratch_directory
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings


@pytest.fixture(scope="package")
def ext4(liblkl: Liblkl, settings: Settings) -> Iterator[Target]:
    """The recipe ext4 on the kernel of the tests."""
    with scratch_directory() as directory:
        found = target(recipes(["ext4"])[0], settings, directory)
        assert found.config.liblkl == liblkl
        yield found
        found.base.close()
