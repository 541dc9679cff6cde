"""The `lkltest unpack` command."""

from __future__ import annotations

import argparse
from pathlib import Path

from lkltest.errors import Exit, UsageError
from lkltest.image import archive, sparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("packed", type=Path, metavar="PACKED",
                        help="an image that a failure has left (*.tar.zst, *.tar.gz), or a directory with some")
    parser.add_argument("directory", type=Path, nargs="?", metavar="DIR",
                        help="where the images are put, instead of beside what they were packed in")


def run(arguments: argparse.Namespace) -> int:
    """Unpack images, sparse as they were; each replaces one of its name, so that a second try starts afresh."""
    packed: Path = arguments.packed
    if not packed.exists():
        raise UsageError(f"no {packed}: name what the line artifacts: of a failure names")
    found = archive.archives(packed) if packed.is_dir() else [packed]
    if not found:
        raise UsageError(f"no packed image in {packed}: only what fails with a disk image leaves one")
    for one in found:
        below = one.parent.relative_to(packed) if packed.is_dir() else Path()  # runs have images of the same name
        image = archive.restore(one, arguments.directory / below if arguments.directory else one.parent)
        print(f"{image}: {archive.mebibytes(image.stat().st_size)}, "
              f"{archive.mebibytes(sparse.room(image))} of them on this disk")
    return int(Exit.PASSED)
