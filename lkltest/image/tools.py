"""The host's programs for file systems: finding them, and the cure where one is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host import process

# Debian keeps mkfs and fsck where an ordinary user's PATH does not look.
SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")

# Messages are parsed, and mtools takes names as the locale writes them: English, in UTF-8.
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": os.devnull}

PACKAGES = {
    "sfdisk": "fdisk",
    "blkid": "util-linux",
    "mkfs.ext2": "e2fsprogs",
    "mkfs.ext3": "e2fsprogs",
    "mkfs.ext4": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "dumpe2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "mkfs.btrfs": "btrfs-progs",
    "btrfs": "btrfs-progs",
    "mkfs.xfs": "xfsprogs",
    "xfs_repair": "xfsprogs",
    "mkfs.vfat": "dosfstools",
    "fsck.vfat": "dosfstools",
    "mcopy": "mtools",
    "grub-fstest": "grub-common",
    "tar": "tar",
    "zstd": "zstd",
    "gzip": "gzip",
}

DEADLINE = 300.0  # seconds: no tool takes this long on the images that are made here


class MissingTool(UsageError):
    """A program of the host is not installed; the message carries the cure."""


def find(program: str, package: str | None = None) -> Path:
    """The path of a program; raises MissingTool naming the `package` that has it."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_DIRECTORIES])
    found = shutil.which(program, path=path)
    if found is None:
        package = package or PACKAGES.get(program)
        cure = f"apt-get install {package}" if package else "install it"
        raise MissingTool(f"{program} not found: {cure}")
    return Path(found)


def known(program: str, packages: Mapping[str, str]) -> bool:
    """Whether a program is installed, or at least known to be in a package."""
    try:
        return program in packages or program in PACKAGES or bool(find(program))
    except MissingTool:
        return False


def run(
    argv: Sequence[str], *, package: str | None = None, stdin: bytes = b"", cwd: Path | None = None
) -> process.Completed:
    """Run a program of the host to its end; its exit status is for the caller to judge. Raises MissingTool."""
    program = find(argv[0], package)
    return process.run([program, *argv[1:]], env=ENVIRONMENT, stdin=stdin, deadline=DEADLINE, cwd=cwd)


def said(completed: process.Completed) -> str:
    """All that a program printed, for people and for judging."""
    return (completed.errors + completed.output).decode(errors="backslashreplace")
