"""The lines and functions that collected data reach, by source file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from lkltest.coverage import lines
from lkltest.coverage.data import Data

OUTSIDE = "(outside the kernel's sources)"


@dataclass
class File:
    """The coverage of one source file. A line counts if the code of a basic block begins on it."""

    lines: dict[int, set[int]] = field(default_factory=dict)  # by number: the contexts that reached it
    functions: dict[str, set[int]] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)  # the first of a function's lines

    def share(self) -> Share:
        """The number of lines that were reached."""
        return Share(len(self.lines), sum(1 for contexts in self.lines.values() if contexts))


@dataclass(frozen=True)
class Share:
    """A part of a number of lines."""

    lines: int = 0
    hit: int = 0

    def __add__(self, other: Share) -> Share:
        return Share(self.lines + other.lines, self.hit + other.hit)

    @property
    def percent(self) -> float:
        """The part that was reached, in percent; 100 of nothing, as of empty files in coverage.py."""
        return 100.0 * self.hit / self.lines if self.lines else 100.0


@dataclass(frozen=True)
class Summary:
    """All source files of the kernels that data were collected on."""

    files: Mapping[str, File]  # by absolute path, as the debug information has it
    contexts: tuple[str, ...]  # the names of their numbers
    roots: tuple[str, ...]  # of the kernels' sources
    kernels: tuple[str, ...] = ()  # their names
    silent: tuple[str, ...] = ()  # runs that have left nothing
    strays: int = 0  # addresses in the data that are no instrumented ones: of code that was not built by the compiler

    def relative(self, path: str) -> str:
        """A file's path below its kernel's root, where it is there."""
        for root in self.roots:
            if path.startswith(root + os.sep):
                return path[len(root) + 1 :]
        return path

    def find(self, name: str) -> list[File]:
        """The files of a path below a kernel's root; of one below any directory, where no root is known."""
        exact = [file for path, file in self.files.items() if name in {path, self.relative(path)}]
        return exact or [file for path, file in self.files.items() if path.endswith(f"/{name}")]

    def total(self) -> Share:
        """The share of all lines."""
        return sum((file.share() for file in self.files.values()), Share())

    def directories(self, depth: int) -> dict[str, Share]:
        """The share of each directory, at most `depth` levels below the kernel's root; the worst first."""
        found: dict[str, Share] = {}
        for path, file in self.files.items():
            short = self.relative(path)
            parts = PurePath(short).parts[:-1][:depth]
            name = "/".join(parts) if parts and not PurePath(short).is_absolute() else OUTSIDE
            found[name] = found.get(name, Share()) + file.share()
        return dict(sorted(found.items(), key=lambda item: (item[1].percent, -item[1].lines)))

    def below(self, directory: str) -> Share:
        """The share of a directory or file, all that is below it included."""
        name = directory.strip("/")
        inside = [
            file.share() for path, file in self.files.items()
            if (short := self.relative(path)) == name or short.startswith(name + "/")
        ]  # fmt: skip
        return sum(inside, Share())


def summarize(data: Data, cache: Path) -> Summary:
    """Find the lines of all data; what is found out about modules is kept in the directory `cache`.

    Raises UsageError where the lines of a module cannot be found: see `lines.tables`.
    """
    files: dict[str, File] = {}
    names = sorted({name for contexts in data.modules.values() for name in contexts})
    numbers = {name: number for number, name in enumerate(names)}
    strays = 0
    for known, linked in lines.tables(sorted(data.modules), cache / "coverage"):
        reached: list[list[int]] = [[] for _ in known.chains]
        for one in linked:
            chain_at = dict(zip(one.sites, known.chain_of, strict=True))
            for name, addresses in data.modules[one.module].items():
                found = [chain_at[address] for address in addresses if address in chain_at]
                strays += len(addresses) - len(found)
                context = numbers[name]
                for chain_number in set(found):
                    reached[chain_number].append(context)
        for chain, contexts in zip(known.chains, reached, strict=True):
            _note(files, known, chain, contexts)
    files.pop("", None)
    kernels = sorted({module.kernel for module in data.modules})
    return Summary(files, tuple(names), tuple(_roots(data)), tuple(kernels), _silent(data), strays)


def _note(files: dict[str, File], known: lines.Lines, chain: lines.Chain, contexts: list[int]) -> None:
    """Add the places of one chain of inlined functions."""
    for file, function, line in chain:
        entry = files.setdefault(known.files[file], File())
        name = known.functions[function]
        entry.lines.setdefault(line, set()).update(contexts)
        entry.functions.setdefault(name, set()).update(contexts)
        entry.starts[name] = min(line, entry.starts.get(name, line))


def _silent(data: Data) -> tuple[str, ...]:
    """The contexts that reached nothing at all: those of runs that have left no file (see `collect`)."""
    reached = {name for contexts in data.modules.values() for name, addresses in contexts.items() if addresses}
    return tuple(sorted({name for contexts in data.modules.values() for name in contexts} - reached))


def _roots(data: Data) -> list[str]:
    """The roots of the kernels' sources, those that are below others first."""
    return sorted(Counter(module.root for module in data.modules if module.root), key=len, reverse=True)
