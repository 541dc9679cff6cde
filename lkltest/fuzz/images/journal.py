"""A journal that waits to be replayed: the base images of ext3 and ext4 are made as a power cut leaves them.

mkfs makes an empty journal, so that a mount would never replay one. debugfs writes two transactions with checksums:
some directories' blocks as they are, and a list of revoked blocks.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lkltest.errors import BuildError
from lkltest.image import output_of, run_tool
from lkltest.image.metadata import Metadata

JOURNALS = ("ext3", "ext4")  # types of file systems
BLOCKS = 4  # of directories in the transaction


def leave(path: Path, metadata: Metadata) -> None:
    """Leave transactions in the journal of an image. Raises MissingTool where debugfs is missing, BuildError."""
    size = 1024 << int.from_bytes(metadata.base.map[1024 + 0x18 : 1024 + 0x1C], "little")
    chosen = [block for block in metadata.blocks if block.kind == "directory"][:BLOCKS]
    numbers = ",".join(str(block.offset // size) for block in chosen)
    with tempfile.TemporaryDirectory() as folder:
        data, commands = Path(folder, "data"), Path(folder, "commands")
        data.write_bytes(b"".join(metadata.base.map[block.offset : block.offset + size] for block in chosen))
        version = "-c -v 3" if any(block.seals for block in chosen) else ""
        # A revoked block beyond all files: nothing of the image depends on it.
        revoked = metadata.base.size // size - 1
        commands.write_bytes(os.fsencode(f"jo {version}\njw -b {numbers} {data}\njw -r {revoked}\njc\n"))
        told = run_tool(["debugfs", "-w", "-f", str(commands), str(path)])
    if not told.ok:
        raise BuildError(f"debugfs leaves no journal in {path.name}", output_of(told))
