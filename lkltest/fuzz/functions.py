"""The kernel's functions that programs of a session were the first to reach.

A loop looks up only the blocks of new edges, in a table that it got with its task (`Finder`). It sends the functions
that are new to it with their program, so there are no more messages than functions. Several loops may send the same
function: for the session (`FirstReached`), the first message counts. Functions of one name are one.
"""

from __future__ import annotations

import os
import struct
import threading
from array import array
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from lkltest.coverage.collect import is_instrumented
from lkltest.crash import addresses
from lkltest.fuzz.exec.feedback import Feedback
from lkltest.fuzz.prog.values import Program
from lkltest.liblkl.model import Liblkl

LISTED = 200  # functions that are listed with their programs: the newest
FUNCTION = 2  # STT_FUNC


@dataclass(frozen=True)
class FunctionTable:
    """The functions of a kernel's library, by link address."""

    starts: array[int]
    ends: array[int]
    names: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> FunctionTable:
        """Read the symbols of a library; those that only its local symbols know are missing where it was stripped."""
        found: dict[int, tuple[bool, str, int]] = {}  # by address: of several names, the first in this order
        for name, local, start, size in _symbols(path):
            named = (local, name.swapcase(), start + size)  # sys_open before SyS_open
            found[start] = min(found.get(start, named), named)
        ordered = sorted(found.items())
        return cls(
            array("Q", [start for start, _ in ordered]), array("Q", [end for _, (_, _, end) in ordered]),
            tuple(name.swapcase().partition(".")[0] for _, (_, name, _) in ordered),  # without .isra.0, .part.1, .cold
        )  # fmt: skip

    @classmethod
    def of(cls, liblkl: Liblkl) -> FunctionTable | None:
        """The functions of a kernel; None for one that tells no edges."""
        return cls.read(liblkl.shared) if is_instrumented(liblkl) and liblkl.shared is not None else None

    def index(self, address: int) -> int:
        """The place of the function that has an address; -1 where none has it."""
        at = bisect_right(self.starts, address) - 1
        return at if at >= 0 and address < self.ends[at] else -1

    def addresses(self, names: Set[str]) -> dict[int, str]:
        """The functions of these names, by their addresses."""
        return {start: name for start, name in zip(self.starts, self.names, strict=True) if name in names}


def _symbols(path: Path) -> Iterator[tuple[str, bool, int, int]]:
    """Name, whether it is local, address and size of each function."""
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    with path.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab") or elf.get_section_by_name(".dynsym")
        if not isinstance(table, SymbolTableSection) or elf.elfclass != 64:
            return
        strings, order = table.stringtable.data(), "<" if elf.little_endian else ">"
        for entry in struct.iter_unpack(f"{order}IBBHQQ", table.data()):
            name, info, _, section, start, size = entry
            if section and size and info & 15 == FUNCTION:
                yield strings[name : strings.index(b"\0", name)].decode(errors="replace"), info >> 4 == 0, start, size


@dataclass(frozen=True)
class NewFunctions:
    """Functions that a loop has reached first by one program."""

    functions: tuple[tuple[str, int], ...]  # names, each with the index of the call that reached it
    source: str  # scenario of the program, or recipe of its image
    program: Program | None  # None: it is not kept
    file: str = ""  # of the corpus, where the program comes from it unchanged
    image: str = ""  # the changes of its image, where it has one


class Finder:
    """Finds the functions of one kernel that were not reached yet, in the new edges of batches."""

    def __init__(self, table: FunctionTable) -> None:
        self.table = table
        self.known: set[str] = set()

    def new(self, feedback: Feedback) -> Iterator[tuple[int, tuple[tuple[str, int], ...]]]:
        """The programs (by number since boot) that reached new functions, with these and the calls that did.

        The batch must have logged the new edges, which one that asks for wanted edges does not.
        """
        found: dict[int, list[tuple[str, int]]] = {}
        names = self.table.names
        for program, call, blocks in feedback.blocks():
            for address in blocks:
                at = self.table.index(address)
                if at >= 0 and names[at] not in self.known:
                    self.known.add(names[at])
                    found.setdefault(program, []).append((names[at], call))
        for program, functions in found.items():
            yield program, tuple(functions)


@dataclass(frozen=True)
class First:
    """A function, and the program that reached it first."""

    name: str
    seconds: float  # since the start of the session
    source: str
    call: int
    program: Program | None
    image: str


class FirstReached:
    """The functions that a session has reached: those of its own programs, and those that stored programs reach."""

    def __init__(self, stored: Set[str] = frozenset()) -> None:
        """`stored` names the files that were in the corpus before: a function that they reach is no new one."""
        self.stored = stored
        self.lock = threading.Lock()  # of what follows:
        self.by_stored: set[str] = set()
        self.sources: dict[str, str] = {}  # of the functions that were reached first, by name
        self.newest: deque[First] = deque(maxlen=LISTED)

    def __len__(self) -> int:
        """The number of functions that were reached, by whichever program."""
        return len(self.sources) + len(self.by_stored)

    @property
    def by_source(self) -> Counter[str]:
        """The number of functions that programs of each scenario or recipe reached first."""
        return Counter(self.sources.values())

    def add(self, new: NewFunctions, seconds: float) -> None:
        """Take what a loop has found; a function that is known already stays as it is."""
        names = {name for name, _ in new.functions}
        with self.lock:
            if new.file in self.stored:
                self.by_stored |= names
                if not names.isdisjoint(self.sources):  # another loop's program was faster
                    self.sources = {name: source for name, source in self.sources.items() if name not in names}
                    self.newest = deque((one for one in self.newest if one.name not in names), maxlen=LISTED)
                return
            for name, call in new.functions:
                if name not in self.sources and name not in self.by_stored:
                    self.sources[name] = new.source
                    self.newest.append(First(name, seconds, new.source, call, new.program, new.image))


def bounded(messages: Sequence[NewFunctions]) -> tuple[NewFunctions, ...]:
    """The messages without those programs that no list shows: it has the newest `LISTED` functions."""
    older, newer = messages[:-LISTED], messages[-LISTED:]
    return (*(replace(one, program=None, image="") for one in older), *newer)


def source_files(library: Path, table: FunctionTable, names: Set[str], root: Path | None) -> dict[str, str]:
    """The source files of functions, below the kernel's root; without those that the library does not tell.

    Of functions that have one name, all files are named.
    """
    named = table.addresses(names)
    found: dict[str, set[str]] = {}
    for address, places in addresses.run_addr2line(str(library), list(named)).items():
        file = os.path.normpath(places[-1].file) if places[-1].file else ""
        if file:
            found.setdefault(named[address], set()).add(file.removeprefix(f"{root}{os.sep}"))
    return {name: ", ".join(sorted(files)) for name, files in found.items()}
