"""Addresses of a process, looked up in the files that were mapped there."""

from __future__ import annotations

import functools
import os
import platform
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lkltest.crash.report import Mapping
from lkltest.errors import UsageError
from lkltest.host import process

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

TIMEOUT = 30.0  # seconds for one run of addr2line; a kernel of 30 MB takes 0.07

# The addr2line for executables of other machines, by ELF machine.
TOOLS = {
    "x86_64": "x86_64-linux-gnu-addr2line",
    "AArch64": "aarch64-linux-gnu-addr2line",
    "ARM": "arm-linux-gnueabihf-addr2line",
    "RISC-V": "riscv64-linux-gnu-addr2line",
}


@dataclass(frozen=True)
class Location:
    """A function, and a line of it."""

    function: str  # "" where nobody knows
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class Segment:
    """A loadable part of an ELF file."""

    offset: int
    size: int
    address: int


@functools.cache
def segments(path: str) -> tuple[Segment, ...]:
    """The loadable parts of a file; none if it is no ELF file, or gone."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with Path(path).open("rb") as file:
            return tuple(
                Segment(s["p_offset"], s["p_filesz"], s["p_vaddr"])
                for s in ELFFile(file).iter_segments("PT_LOAD")
            )
    except (OSError, ELFError, ValueError):
        return ()


def fixed(path: str) -> tuple[Mapping, ...]:
    """The mappings of an executable that is always loaded at its link addresses; none of any other."""
    parts = segments(path)
    if not parts or not parts[0].address:
        return ()
    return tuple(Mapping(s.address, s.address + s.size, s.offset, path) for s in parts)


def link_address(mapping: Mapping, address: int) -> int | None:
    """The address that the linker gave to what is mapped at `address`; None if the file does not tell."""
    offset = address - mapping.start + mapping.offset
    for segment in segments(mapping.path):
        if segment.offset <= offset < segment.offset + segment.size:
            return offset - segment.offset + segment.address
    return None


def find(maps: Iterable[Mapping], address: int) -> Mapping | None:
    """The mapping that an address is in."""
    return next((m for m in maps if m.start <= address < m.end), None)


def lookup(path: str, addresses: Sequence[int]) -> dict[int, tuple[Location, ...]]:
    """Functions and lines at link addresses of a file, the innermost of inlined ones first.

    Addresses of which nothing is known are missing. A line that addr2line cannot tell is 0; a function's name is
    only taken from a symbol that covers the address.
    """
    found = run_addr2line(path, addresses)
    doubtful = [a for a in addresses if a not in found or not found[a][0].line]
    covered = symbols(path, doubtful) if doubtful else {}
    for address in doubtful:
        found.pop(address, None)
        if address in covered:
            found[address] = (Location(covered[address]),)
    return found


def tool(path: str) -> str:
    """Name of the addr2line for the machine that a file is for."""
    from elftools.elf.elffile import ELFFile

    with Path(path).open("rb") as file:
        machine = ELFFile(file).get_machine_arch()
    native = {"x86_64": "x64", "aarch64": "AArch64"}.get(platform.machine(), machine)
    name = {"x64": "x86_64"}.get(machine, machine)
    return "addr2line" if machine == native else TOOLS.get(name, "addr2line")


def run_addr2line(path: str, addresses: Sequence[int]) -> dict[int, tuple[Location, ...]]:
    """Ask addr2line once for all addresses; empty where it is missing or cannot read the file."""
    if not segments(path):
        return {}
    text = "".join(f"{address:#x}\n" for address in addresses)
    try:
        done = process.run([tool(path), "-afiC", "-e", path], stdin=text.encode(), timeout=TIMEOUT)
    except UsageError:
        return {}
    return parse_addr2line(os.fsdecode(done.output)) if done.ok else {}


def parse_addr2line(text: str) -> dict[int, tuple[Location, ...]]:
    """Read what `addr2line -afi` prints: an address, then a function's and a file's line by turns."""
    found: dict[int, tuple[Location, ...]] = {}
    for block in re.split(r"^0x(?=[0-9a-f]+\n)", text, flags=re.MULTILINE)[1:]:
        address, *lines = block.splitlines()
        pairs = zip(lines[::2], lines[1::2], strict=False)
        found[int(address, 16)] = tuple(location(function, place) for function, place in pairs)
    return {address: places for address, places in found.items() if places}


def location(function: str, place: str) -> Location:
    """Read a function's name, without glibc's mark of an internal alias, and "FILE:LINE (discriminator 3)"."""
    file, _, line = place.partition(" (discriminator")[0].rpartition(":")
    known = file != "??" and line.isdigit()
    return Location(function.replace("??", "").removeprefix("__GI_"), file if known else "", int(line) if known else 0)


def symbols(path: str, addresses: Sequence[int]) -> dict[int, str]:
    """Names of the functions that cover link addresses, from the file's symbol tables."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    found: dict[int, str] = {}
    try:
        with Path(path).open("rb") as file:
            elf = ELFFile(file)
            for name in (".symtab", ".dynsym"):
                table = elf.get_section_by_name(name)
                if isinstance(table, SymbolTableSection) and table["sh_type"] != "SHT_NOBITS":
                    found = {**covering(elf, table, addresses), **found}
    except (OSError, ELFError, ValueError, struct.error):
        pass
    return found


def covering(elf: ELFFile, table: SymbolTableSection, addresses: Sequence[int]) -> dict[int, str]:
    """The symbols of one table that cover the addresses; read at once, for a kernel has 40,000."""
    wide = elf.elfclass == 64
    order = "<" if elf.little_endian else ">"
    entries = struct.iter_unpack(order + ("IBBHQQ" if wide else "IIIBBH"), table.data())
    found: dict[int, str] = {}
    for entry in entries:
        name, info, section, value, size = (
            (entry[0], entry[1], entry[3], entry[4], entry[5]) if wide
            else (entry[0], entry[3], entry[5], entry[1], entry[2])
        )
        # STT_NOTYPE is what assembly leaves, STT_FUNC the rest; an undefined symbol is elsewhere.
        if not section or info & 15 not in {0, 2, 10}:
            continue
        for address in addresses:
            if value <= address < value + size:
                found[address] = table.stringtable.get_string(name)
    return found
