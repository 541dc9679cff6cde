"""The calls of __sanitizer_cov_trace_pc() in an executable or shared library: all that could be reached."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lkltest.errors import UsageError

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

CALLBACK = b"__sanitizer_cov_trace_pc"
EXECUTABLE = 4  # SHF_EXECINSTR
FUNCTION = 2  # STT_FUNC
KEPT = {3, 5, 12, 13, 14, 15}  # registers that a call leaves alone: rbx, rbp, r12 to r15
# movabs $value,%register, mov %register,%register, or call *%register. The value is not consumed: where these bytes are
# something else, a call may be in it.
_FAR = re.compile(
    rb"(?P<rex>[\x48\x49])(?P<movabs>[\xb8-\xbf])(?=(?P<value>.{8}))"
    rb"|(?P<wide>[\x48\x49\x4c\x4d])\x89(?P<mov>[\xc0-\xff])|\xff(?P<call>[\xd0-\xd7])", re.DOTALL
)  # fmt: skip
_SLOT_JUMP = re.compile(rb"\xff\x25(....)", re.DOTALL)  # jmp *slot(%rip): an entry of x86-64's procedure linkage table


def build_id(path: Path) -> str:
    """The build id that the linker gave a file, in hexadecimal digits; else a key of its contents."""
    from elftools.elf.sections import NoteSection

    with _opened(path) as elf:
        for section in elf.iter_sections():
            for note in section.iter_notes() if isinstance(section, NoteSection) else ():
                if note["n_type"] == "NT_GNU_BUILD_ID":
                    return str(note["n_desc"])
    return digest(path)


def digest(path: Path) -> str:
    """A key of a file's contents."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


def find(path: Path) -> list[int]:
    """The link addresses that the calls return to, in order: the PCs that a run may report.

    Raises UsageError where the file has no such call, or was stripped.
    """
    with _opened(path) as elf:
        machine = elf.get_machine_arch()
        if machine not in {"x64", "AArch64"}:
            raise UsageError(f"coverage is not known for {machine}: {path} is neither for x86-64 nor for AArch64")
        targets = set(_targets(elf))
        if not targets:
            why = "it was stripped" if elf.get_section_by_name(".symtab") is None else "it is not instrumented"
            raise UsageError(f"{path} has no symbol {CALLBACK.decode()}: {why}; build the kernel with "
                             "KCFLAGS=-fsanitize-coverage=trace-pc, or use `lkltest build --variant coverage`")
        code = [
            (section.data(), section["sh_addr"])
            for section in elf.iter_sections()
            if section["sh_flags"] & EXECUTABLE and section["sh_type"] == "SHT_PROGBITS"
        ]
        calls = _calls_x86 if machine == "x64" else _calls_arm
        found = {address for data, base in code for address in calls(data, base, targets)}
        if machine == "x64":
            words = [target.to_bytes(8, "little") for target in targets]
            far = [(data, base) for data, base in code if any(word in data for word in words)]
            functions = _functions(elf) if far else []
            found |= {address for data, base in far for address in _calls_far(data, base, targets, functions)}
    return sorted(found)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[ELFFile]:
    """Open an ELF file; raises UsageError where it is gone, or none."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            yield ELFFile(file)
    except OSError as error:
        raise UsageError(f"cannot read {path}, whose coverage was collected: {error.strerror}; "
                         "run the tests again with --lkl-cov") from None
    except ELFError:
        raise UsageError(f"{path} is no ELF file: coverage is known for ELF executables and libraries") from None


def _targets(elf: ELFFile) -> Iterator[int]:
    """The addresses that are called: the function's own, and what jumps to it in another module."""
    for name, names in ((".symtab", ".strtab"), (".dynsym", ".dynstr")):
        table, strings = elf.get_section_by_name(name), elf.get_section_by_name(names)
        if table is None or strings is None:
            continue
        # A linker may let a name be the end of a longer one.
        wanted = {match.start() for match in re.finditer(re.escape(CALLBACK + b"\0"), strings.data())}
        for entry in struct.iter_unpack("<IBBHQQ", table.data()):
            if entry[0] in wanted and entry[3]:
                yield entry[4]
    slots = set(_slots(elf))
    for section in elf.iter_sections():
        if section.name.startswith(".plt") and slots:
            yield from _stubs(section.data(), section["sh_addr"], slots)


def _slots(elf: ELFFile) -> Iterator[int]:
    """The place for the address of a function of another module, filled when the library is loaded."""
    from elftools.elf.relocation import RelocationSection
    from elftools.elf.sections import SymbolTableSection

    symbols = elf.get_section_by_name(".dynsym")
    if not isinstance(symbols, SymbolTableSection):
        return
    for section in elf.iter_sections():
        if not isinstance(section, RelocationSection) or section.name not in {".rela.plt", ".rela.dyn"}:
            continue
        named: dict[int, bool] = {}
        for offset, info, _ in struct.iter_unpack("<QQq", section.data()):
            index = info >> 32
            if index and index not in named:
                named[index] = symbols.get_symbol(index).name == CALLBACK.decode()
            if index and named[index]:
                yield offset


def _stubs(code: bytes, base: int, slots: set[int]) -> Iterator[int]:
    """The entries of a procedure linkage table that jump through one of the slots."""
    for match in _SLOT_JUMP.finditer(code):
        slot = base + match.end() + struct.unpack("<i", match[1])[0]
        if slot in slots:
            yield base + (match.start() & ~(15 if len(code) % 16 == 0 else 7))


def _calls_x86(code: bytes, base: int, targets: set[int]) -> Iterator[int]:
    """The return addresses of calls (E8, a distance of 32 bits) to one of the targets."""
    distance = struct.Struct("<i").unpack_from
    at = code.find(b"\xe8")
    while 0 <= at <= len(code) - 5:
        if base + at + 5 + distance(code, at + 1)[0] in targets:
            yield base + at + 5
        at = code.find(b"\xe8", at + 1)


def _calls_far(code: bytes, base: int, targets: set[int], functions: Sequence[int]) -> Iterator[int]:
    """The return addresses of calls by a register, which code for any distance (-mcmodel=large, as UML's) makes.

    Often, one movabs serves all calls of a function. A register that calls leave alone is taken to hold a target up to
    the function's end: what it is loaded with in between is for a branch.
    """
    bounds = iter([*functions, 1 << 64])
    bound = next(bounds)
    holding: set[int] = set()
    for match in _FAR.finditer(code):
        while base + match.start() >= bound:
            bound = next(bounds)
            holding.clear()
        if match["movabs"]:
            register = match["movabs"][0] - 0xB8 + 8 * (match["rex"] == b"\x49")
            if int.from_bytes(match["value"], "little") in targets:
                holding.add(register)
            elif register not in KEPT:
                holding.discard(register)
        elif match["mov"]:
            prefix, registers = match["wide"][0], match["mov"][0]
            if (registers >> 3 & 7) + (prefix << 1 & 8) in holding:
                holding.add((registers & 7) + (prefix << 3 & 8))
        elif holding & {match["call"][0] - 0xD0, match["call"][0] - 0xD0 + 8}:  # 8: with a prefix, 0x41
            yield base + match.end()


def _functions(elf: ELFFile) -> list[int]:
    """The addresses at which functions begin, in order."""
    table = elf.get_section_by_name(".symtab")
    entries = struct.iter_unpack("<IBBHQQ", table.data()) if table is not None else ()
    return sorted({entry[4] for entry in entries if entry[1] & 15 == FUNCTION})


def _calls_arm(code: bytes, base: int, targets: set[int]) -> Iterator[int]:
    """The return addresses of calls (BL, a distance of 26 bits in words) to one of the targets."""
    for at, (word,) in enumerate(struct.iter_unpack("<I", code[: len(code) & ~3])):
        if word >> 26 == 0x25:
            distance = (word & 0x3FFFFFF) - ((word & 0x2000000) << 1)
            if base + 4 * (at + distance) in targets:
                yield base + 4 * at + 4
