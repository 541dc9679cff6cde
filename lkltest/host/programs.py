"""The programs of the host that lkltest starts: where they are, which packages have them, what they are for."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import UsageError

# Debian leaves mkfs and fsck programs out of an ordinary user's PATH, though they need no privilege on image files.
SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def find(program: str) -> Path | None:
    """The path of an installed program; None where there is none of this name."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_DIRECTORIES])
    found = shutil.which(program, path=path)
    return Path(found) if found else None


@dataclass(frozen=True)
class Need:
    """One program or header file of the host."""

    name: str  # of the program; an absolute path is a file that must be there
    package: str  # of Debian, that has it
    purpose: str  # the job that it is wanted for, after "for": "the kernel's build"

    def met(self) -> bool:
        """Whether the host has it."""
        return Path(self.name).exists() if self.name.startswith("/") else find(self.name) is not None


FETCH = (Need("npm", "npm", "fetching the default kernel"), Need("node", "nodejs", "npm"))

BUILD = (
    Need("gcc", "gcc", "compiling"),
    Need("/usr/include/stdio.h", "libc6-dev", "compiling (the C library's headers)"),
    Need("make", "make", "the kernel's build"),
    Need("bc", "bc", "the kernel's build (time constants)"),
    Need("perl", "perl", "the kernel's build (generated sources)"),
    Need("ld", "binutils", "linking"),
    Need("objcopy", "binutils", "the kernel's build"),
    Need("awk", "mawk", "the kernel's build"),
)

PATCH = (Need("patch", "patch", "changing the kernel before its build"),)

PROGRAMS = (
    Need("gcc", "gcc", "compiling test programs"),
    Need("addr2line", "binutils", "source lines in stacks"),
)

DISKS = (
    Need("mkfs.ext4", "e2fsprogs", "disk suite: ext2, ext3, ext4"),
    Need("e2fsck", "e2fsprogs", "disk suite: checking ext"),
    Need("debugfs", "e2fsprogs", "disk suite: reading ext on the host"),
    Need("mkfs.btrfs", "btrfs-progs", "disk suite: btrfs"),
    Need("btrfs", "btrfs-progs", "disk suite: checking btrfs"),
    Need("mkfs.xfs", "xfsprogs", "disk suite: xfs"),
    Need("xfs_repair", "xfsprogs", "disk suite: checking xfs"),
    Need("mkfs.vfat", "dosfstools", "disk suite: vfat"),
    Need("fsck.vfat", "dosfstools", "disk suite: checking vfat"),
    Need("mcopy", "mtools", "disk suite: reading vfat on the host"),
    Need("grub-fstest", "grub-common", "disk suite: reading xfs and btrfs on the host"),
    Need("sfdisk", "fdisk", "disk suite: partition tables"),
    Need("zstd", "zstd", "packing the disk images that a failure leaves (or gzip, which is slower)"),
)

OTHERS = (
    Need("gdb", "gdb", "--lkl-gdb"),
    Need("valgrind", "valgrind", "--lkl-valgrind"),
    Need("strace", "strace", "--lkl-strace"),
    Need("ip", "iproute2", "net suite: tap and raw back ends"),
    Need("linux.uml", "user-mode-linux", "the UML suite (or name an executable with --uml)"),
)

KCONFIG = (
    Need("flex", "flex", "UML's build, by kunit, kselftest and the gate"),
    Need("bison", "bison", "UML's build, by kunit, kselftest and the gate"),
)

# Programs of recipes, and of images that are looked at: their users name them where they are missing.
IMAGES = (
    Need("mkfs.ext2", "e2fsprogs", "recipes: ext2"),
    Need("mkfs.ext3", "e2fsprogs", "recipes: ext3"),
    Need("dumpe2fs", "e2fsprogs", "recipes: checking ext"),
    Need("blkid", "util-linux", "reading the user's own images"),
    Need("tar", "tar", "packing images"),
    Need("zstd", "zstd", "packing images"),
    Need("gzip", "gzip", "packing images where there is no zstd"),
)


def compiler(name: str, purpose: str) -> Need:
    """A C compiler that the user has named, with the package that Debian has it in, also one for another machine."""
    found = re.fullmatch(r"(?P<machine>[\w-]+?)-(?P<kind>gcc)(?P<version>-[\d.]+)?", name)
    if found is None:
        return Need(name, name, purpose)  # gcc-13, clang, clang-16, tcc
    machine = found["machine"].replace("_", "-")
    windows = re.fullmatch(r"(.+)-w64-mingw32", machine)
    return Need(name, f"gcc-mingw-w64-{windows[1]}" if windows else f"gcc{found['version'] or ''}-{machine}", purpose)


# The package of each program that is known here.
PACKAGES = {
    need.name: need.package
    for group in (FETCH, BUILD, PATCH, PROGRAMS, DISKS, OTHERS, KCONFIG, IMAGES)
    for need in group
}


def missing(needs: Iterable[Need]) -> list[Need]:
    """The programs that the host lacks."""
    return [need for need in needs if not need.met()]


def cure(needs: Iterable[Need]) -> str:
    """The one command that installs them all: "sudo apt-get install bc make"."""
    packages = " ".join(sorted({need.package for need in needs}))
    if shutil.which("apt-get"):
        return f"`sudo apt-get install {packages}`"
    return f"your system's package manager (Debian's packages are: {packages})"


def demand(needs: Iterable[Need], what: str, built: str = "--lkl PATH") -> None:
    """Raise UsageError that names all missing programs at once, their use, and the command that installs them.

    `built` is the option that takes a kernel that is built already; empty where there is none.
    """
    absent = missing(needs)
    if absent:
        names = ", ".join(f"{need.name} (for {need.purpose})" for need in absent)
        raise UsageError(
            f"{what} needs what is not here: {names}: install it with {cure(absent)}"
            + (f", or test a kernel that is built already with {built}" if built else "")
        )
