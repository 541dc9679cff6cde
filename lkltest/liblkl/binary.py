"""Read a library file: machine, symbols, the kernel's banner."""

from __future__ import annotations

import io
import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lkltest.errors import UsageError

if TYPE_CHECKING:
    from elftools.elf.sections import SymbolTableSection

ENTRY_POINTS = ("lkl_start_kernel", "lkl_syscall", "lkl_sys_halt")
BANNER = re.compile(rb"Linux version (\d+\.\d+[^\s%]*) \([^\n\0]*")
MACHINES = {"EM_X86_64": "x86-64", "EM_386": "i386", "EM_AARCH64": "aarch64", "EM_ARM": "arm", "EM_RISCV": "riscv",
            "EM_PPC64": "ppc64", "EM_S390": "s390", "EM_MIPS": "mips", "EM_LOONGARCH": "loongarch"}  # fmt: skip
COFF = {b"\x64\x86": "x86-64", b"\x4c\x01": "i386", b"\x64\xaa": "aarch64"}  # of objects for Windows
UNDER_WAY = "a build that is under way, was killed, or ran out of disk space: wait for it, or build it again"


class Broken(UsageError):
    """A library file that is cut short, or is no library."""


@dataclass(frozen=True)
class Binary:
    """One library file, as far as it can be read."""

    path: Path
    machine: str  # "x86-64"
    bits: int  # 32 or 64
    windows: bool  # its objects are PE/COFF, not ELF
    defined: frozenset[str]  # global symbols
    undefined: frozenset[str]  # symbols that the programs which link it must define
    version: str  # from the kernel's banner: "4.9.0+"; empty where there is none
    banner: str  # all of it, which tells two builds apart
    debug: bool  # has debug information
    local: int  # number of local symbols: those of the kernel's own functions


def read(path: Path) -> Binary:
    """Read a library; raises Broken where it is cut short, empty, or no library at all."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            if size == 0:
                raise Broken(f"{path} is empty: {UNDER_WAY}")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return scan(path, data)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; mend its permissions") from None


def require_liblkl(library: Binary) -> None:
    """Raise UsageError unless programs can start a kernel with this library."""
    if not library.defined and library.windows:
        return  # a DLL's own table is not read
    if not library.defined:
        raise UsageError(f"{library.path} has no symbols: it was stripped; build it again, or use the other library "
                         "of its tree (strip --strip-debug would have kept what programs link with)")
    lacking = [name for name in ENTRY_POINTS if name not in library.defined and f"_{name}" not in library.defined]
    if lacking:
        what = ("a kernel that is no library: User Mode Linux is named with --uml" if library.version else
                "no liblkl, or only a part of it: name the liblkl.a or .so of a finished build")
        raise UsageError(f"{library.path} does not define {', '.join(lacking)}: it is {what}")


def scan(path: Path, data: mmap.mmap) -> Binary:
    """Read a mapped library."""
    try:
        parts = [Part(file) for file in objects(path, data)]
    except Broken:
        raise
    except Exception as error:  # whatever pyelftools trips over in a damaged file: struct, construct, its own
        why = str(error) or type(error).__name__
        raise Broken(f"{path} cannot be read as a library ({why}): {UNDER_WAY}") from None
    if not parts:
        raise Broken(f"{path} holds no objects: {UNDER_WAY}")
    defined = frozenset[str]().union(*(part.defined for part in parts))
    if parts[0].windows:
        defined = frozenset(index(path, data))  # pyelftools does not read their symbols
    found = [match for part in parts if (match := BANNER.search(part.data))]
    return Binary(
        path=path, machine=parts[0].machine, bits=parts[0].bits, windows=parts[0].windows, defined=defined,
        undefined=frozenset[str]().union(*(part.undefined for part in parts)) - defined,
        version=found[0][1].decode(errors="replace") if found else "",
        banner=found[0][0].decode(errors="replace") if found else "",
        debug=any(part.debug for part in parts), local=sum(part.local for part in parts),
    )  # fmt: skip


class Part:
    """One object file of a library, or a shared library."""

    def __init__(self, data: bytes) -> None:
        """Read machine and symbols."""
        self.data = data
        self.defined: set[str] = set()
        self.undefined: set[str] = set()
        self.debug = False
        self.local = 0
        self.windows = data[:4] != b"\x7fELF"
        if self.windows:
            self.read_coff()
        else:
            self.read_elf()

    def read_elf(self) -> None:
        """Take machine and symbols from an ELF file."""
        from elftools.elf.elffile import ELFFile
        from elftools.elf.sections import SymbolTableSection

        elf = ELFFile(io.BytesIO(self.data))
        self.bits = elf.elfclass
        machine = elf["e_machine"]
        self.machine = MACHINES.get(machine, str(machine).removeprefix("EM_").lower())
        if self.machine in {"riscv"}:
            self.machine += str(self.bits)
        end = elf["e_shoff"] + elf["e_shnum"] * elf["e_shentsize"]
        if end > len(self.data):
            raise ValueError(f"cut short: {len(self.data)} of {end} bytes")
        tables = {section.name: section for section in elf.iter_sections() if section["sh_type"].startswith("SHT_")}
        self.debug = any(name in tables for name in (".debug_info", ".zdebug_info"))
        if ".symtab" in tables:
            self.local = tables[".symtab"]["sh_info"]
        for name in (".dynsym", ".symtab"):  # a program's own dynamic table has nothing but what it wants
            table = tables.get(name)
            if isinstance(table, SymbolTableSection) and not self.defined:
                self.read_symbols(table)

    def read_symbols(self, table: SymbolTableSection) -> None:
        """Take the global symbols of a table: they come after its local ones, `sh_info` of them."""
        for index in range(table["sh_info"], table.num_symbols()):
            symbol = table.get_symbol(index)
            if symbol["st_shndx"] == "SHN_UNDEF":
                if symbol["st_info"]["bind"] == "STB_GLOBAL":
                    self.undefined.add(symbol.name)
            else:
                self.defined.add(symbol.name)
        self.undefined.discard("")

    def read_coff(self) -> None:
        """Take the machine from an object or library for Windows."""
        start = int.from_bytes(self.data[0x3C:0x40], "little") + 4 if self.data[:2] == b"MZ" else 0
        machine = COFF.get(bytes(self.data[start:start + 2]))
        if machine is None:
            raise ValueError("neither ELF nor Windows objects")
        self.machine, self.bits = machine, 32 if machine == "i386" else 64


def objects(path: Path, data: mmap.mmap) -> Iterator[bytes]:
    """The contents of a library's object files; a shared library is its own only one."""
    if data[:8] == b"!<arch>\n":
        yield from members(path, data)
    elif data[:8] == b"!<thin>\n":
        for name in thin(path, data):
            with name.open("rb") as file:
                yield file.read()
    elif data[:4] == b"\x7fELF" or data[:2] == b"MZ":
        yield data[:]
    else:
        raise Broken(f"{path} is no library (neither an archive nor ELF): name a liblkl.a or liblkl.so")


def headers(path: Path, data: mmap.mmap, *, contents: bool) -> Iterator[tuple[str, int, int]]:
    """Name, first byte and length of each member of an archive; in a thin one only its tables have `contents`."""
    position = 8
    while position + 60 <= len(data):
        head = data[position:position + 60]
        if head[58:] != b"`\n":
            raise Broken(f"{path} is no whole archive (byte {position}): {UNDER_WAY}")
        name, size = head[:16].decode(errors="replace").rstrip(), int(head[48:58])
        inside = contents or name in {"/", "//", "/SYM64/"}
        if inside and position + 60 + size > len(data):
            raise Broken(f"{path} is cut short ({len(data)} of at least {position + 60 + size} bytes): {UNDER_WAY}")
        yield name, position + 60, size
        position += 60 + (size + size % 2 if inside else 0)


def members(path: Path, data: mmap.mmap) -> Iterator[bytes]:
    """The object files in an archive."""
    for name, start, size in headers(path, data, contents=True):
        if name not in {"/", "//", "/SYM64/", "__.SYMDEF"}:
            yield data[start:start + size]


def index(path: Path, data: mmap.mmap) -> list[str]:
    """The symbols that an archive's index lists, whatever the format of its objects."""
    if data[:8] != b"!<arch>\n":
        return []
    for name, start, size in headers(path, data, contents=True):
        if name == "/":
            names = data[start + 4 + 4 * int.from_bytes(data[start:start + 4]):start + size]
            return [symbol.decode(errors="replace") for symbol in names.split(b"\0") if symbol]
    return []


def thin(path: Path, data: mmap.mmap) -> Iterator[Path]:
    """The files that a thin archive names: they lie beside it."""
    table = b""
    for name, start, size in headers(path, data, contents=False):
        if name == "//":
            table = data[start:start + size]
        elif re.fullmatch(r"/\d+", name):
            yield path.parent / os.fsdecode(table[int(name[1:]):].split(b"/\n", 1)[0])
        elif name not in {"/", "/SYM64/"}:
            yield path.parent / name.removesuffix("/")

