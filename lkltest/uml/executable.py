"""Judge a file that should be a UML, without running it."""

from __future__ import annotations

import mmap
import os
import platform
import re
import shutil
import struct
from dataclasses import replace
from pathlib import Path
from typing import IO

from lkltest.errors import UsageError
from lkltest.settings import Settings
from lkltest.uml.model import Uml

DEBIAN = "linux.uml"  # the name that Debian's package gives it
CURE = "install a UML (on Debian and Ubuntu: apt-get install user-mode-linux), or name one with --uml PATH"

# ELF machines by the output of `uname -m`; the first is the usual one, the others run there too.
MACHINES = {"x86_64": ("x86-64", "i386"), "i686": ("i386",), "i586": ("i386",), "aarch64": ("aarch64",)}
NAMES = {(62, 64): "x86-64", (3, 32): "i386", (183, 64): "aarch64"}
EXECUTABLE = {2, 3}  # ELF's types of programs: fixed addresses, any addresses

# The kernel's linux_banner, which ends with what `uname -v` says: "#1 SMP Tue Jul 4 15:38:16 UTC 2026".
# A 6.1 has it twice: once made before that is known, with a bare "#".
BANNER = re.compile(rb"Linux version (\S+) \([^\n\0]*\) #\d[^\n\0]*")


def find(path: Path | None, settings: Settings) -> Uml:
    """Return the UML at `path`, else the first of the settings, else Debian's; raise UsageError where it cannot run."""
    if path is None and settings.uml:
        path = settings.uml[0]
    found = inspect(path) if path is not None else default()
    if found is None:
        raise UsageError(f"no {DEBIAN} on the PATH: {CURE}")
    return replace(found, settings=settings)


def default() -> Uml | None:
    """Return the UML that is installed as `linux.uml`, None where there is none."""
    found = shutil.which(DEBIAN)
    return inspect(Path(found)) if found else None


def inspect(path: Path) -> Uml:
    """Describe a UML; raise UsageError where the file is missing, damaged, of another machine or not executable."""
    uml = read(path)
    check_machine(uml)
    check_executable(path)
    return uml


def read(path: Path) -> Uml:
    """Describe the UML in a file, whether or not it can run here; raise UsageError where there is none."""
    if not path.exists():
        raise UsageError(f"no UML at {path}: mend the path of --uml, or build it (make ARCH=um defconfig all)")
    if not path.is_file():
        raise UsageError(f"{path} is not a file: --uml wants the executable, such as {path / 'linux'}")
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; mend its permissions") from None
    with file:
        machine = read_machine(path, file)
        version, banner = read_banner(path, file)
    return Uml(name=f"uml-{version}", path=path, version=version, banner=banner, machine=machine)


def read_machine(path: Path, file: IO[bytes]) -> str:
    """Return the machine of a whole ELF executable."""
    if file.read(4) != b"\x7fELF":
        raise UsageError(f"{path} is not an ELF file: --uml wants the executable that make ARCH=um calls linux")
    try:
        kind, machine, needed = read_header(file)
    except (IndexError, KeyError, struct.error, OSError, OverflowError):
        raise UsageError(f"{path} is a damaged or truncated ELF file: build or copy it again") from None
    size = os.fstat(file.fileno()).st_size
    if needed > size:
        raise UsageError(f"{path} is truncated: it has {size:,} bytes of {needed:,}; build or copy it again")
    if kind not in EXECUTABLE or not needed:
        raise UsageError(f"{path} is an ELF file but not an executable: --uml wants what make ARCH=um calls linux")
    return NAMES.get(machine) or f"{elf_name(machine[0])} of {machine[1]} bits"


def read_header(file: IO[bytes]) -> tuple[int, tuple[int, int], int]:
    """Return an ELF file's type, its machine with that machine's bits, and the bytes that its segments need.

    pyelftools, which does this too, takes longer to load than a small KUnit suite to run.
    """
    file.seek(0)
    ident = file.read(16)
    bits, order = {1: 32, 2: 64}[ident[4]], {1: "<", 2: ">"}[ident[5]]
    word = "Q" if bits == 64 else "I"
    header = struct.Struct(f"{order}HHI{3 * word}IHHH")
    kind, machine, _, _, table, _, _, _, width, count = header.unpack(file.read(header.size))
    segment = struct.Struct(f"{order}IIQQQQ" if bits == 64 else f"{order}IIIII")
    needed = 0
    for number in range(count):
        file.seek(table + number * width)
        fields = segment.unpack(file.read(segment.size))
        needed = max(needed, fields[2] + fields[5] if bits == 64 else fields[1] + fields[4])
    return kind, (machine, bits), needed


def elf_name(machine: int) -> str:
    """Return the name of an ELF machine, "EM_RISCV", or its number where it has none."""
    from elftools.elf.enums import ENUM_E_MACHINE

    return next((name for name, number in ENUM_E_MACHINE.items() if number == machine), str(machine))


def read_banner(path: Path, file: IO[bytes]) -> tuple[str, str]:
    """Return the kernel's release and its banner line."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
        found = BANNER.search(image)
        if found is None or image.find(b"User Mode Linux") < 0:
            what = "a Linux kernel, but not a UML" if found else "not a Linux kernel"
            raise UsageError(f"{path} is {what}: --uml wants what make ARCH=um calls linux")
        return found[1].decode(errors="backslashreplace"), found[0].decode(errors="backslashreplace")


def check_machine(uml: Uml) -> None:
    """Raise UsageError where the UML is not for this machine."""
    host = platform.machine()
    if uml.machine not in MACHINES.get(host, (uml.machine,)):
        raise UsageError(f"{uml.path} is for {uml.machine}, and this machine is {host}: build it here, or name another")


def check_executable(path: Path) -> None:
    """Raise UsageError where the file may not be executed."""
    if not os.access(path, os.X_OK):
        raise UsageError(
            f"{path} is not executable: chmod +x it; "
            "if the kernel's build left it so, a makefile of the tree links it with the wrong rule"
        )
