"""Functions and lines of the instrumented addresses of a module, cached."""

from __future__ import annotations

import json
import os
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from lkltest.coverage import sites
from lkltest.coverage.data import Module
from lkltest.crash import addresses
from lkltest.errors import UsageError
from lkltest.host import cache, process

FORMAT = 2
NEAR = 4096  # bytes between two calls: sections that are farther apart move when a program's own code grows
TIMEOUT = 600.0  # seconds for addr2line: it takes 5 for 300,000 addresses

Chain = tuple[tuple[int, int, int], ...]  # file, function, line: the innermost of inlined functions first


@dataclass(frozen=True)
class Lines:
    """The lines of a library's instrumented addresses."""

    files: Sequence[str]
    functions: Sequence[str]
    chains: Sequence[Chain]
    chain_of: Sequence[int]  # for each address, in their order: its chain


@dataclass(frozen=True)
class Linked:
    """A module, and where it has the instrumented addresses of its library."""

    module: Module
    sites: Sequence[int]  # link addresses, sorted
    shape: str  # a key of the distances of neighbouring sites: the same for all programs linked with one library


def tables(modules: Iterable[Module], folder: Path) -> Iterator[tuple[Lines, list[Linked]]]:
    """The lines of modules, those of each library once, with the modules that have it; known ones are in `folder`.

    Raises UsageError where a module's file is gone, is of another build than the data, or has no debug information.
    """
    linked: dict[Path, list[Linked]] = {}
    for module in modules:
        one = _linked(module, folder)
        place = folder / f"lines-{cache.key(str(FORMAT), module.library, one.shape)}"
        linked.setdefault(place, []).append(one)
    for place, all_of_one in linked.items():
        yield _lines(place, all_of_one[0]), all_of_one


def _linked(module: Module, folder: Path) -> Linked:
    """The module's instrumented addresses: found once for each build."""
    place = folder / f"sites-{cache.key(str(FORMAT), module.build_id)}"
    saved = _read(place)
    if saved is None:
        _require_same(module)
        found = sites.find(Path(module.path))
        saved = {"sites": found, "shape": cache.key(*_steps(found))}
        _write(place, saved)
    return Linked(module, array("Q", saved["sites"]), saved["shape"])


def _steps(found: Sequence[int]) -> Iterator[str]:
    """The distances of neighbouring addresses."""
    steps = (b - a for a, b in pairwise(found))
    yield ",".join(str(step) if step < NEAR else "far" for step in steps)


def _lines(place: Path, linked: Linked) -> Lines:
    """The lines that are kept in a file, or those of a module that are looked up and kept there."""
    saved = _read(place)
    if saved is None:
        _require_same(linked.module)
        found = _look_up(Path(linked.module.path), linked.sites)
        saved = dict(zip(("files", "functions", "chains", "chain_of"), found, strict=True))
        _write(place, saved)
    chains = [tuple(zip(*[iter(chain)] * 3, strict=True)) for chain in saved["chains"]]
    return Lines(saved["files"], saved["functions"], chains, saved["chain_of"])


def _require_same(module: Module) -> None:
    """Raise UsageError unless the file is the one that ran."""
    build_id = sites.build_id(Path(module.path))
    if build_id != module.build_id:
        raise UsageError(
            f"{module.path} was built anew since its coverage was collected (build id {build_id[:12]}, "
            f"the data are of {module.build_id[:12]}): run the tests again with --lkl-cov"
        )


def _look_up(path: Path, found: Sequence[int]) -> tuple[list[str], list[str], list[list[int]], list[int]]:
    """Ask addr2line for the calls themselves, which end before the addresses that they return to."""
    text = "".join(f"{address - 1:#x}\n" for address in found)
    done = process.run([addresses.tool(str(path)), "-afie", str(path)], stdin=text.encode(), timeout=TIMEOUT)
    if not done.ok:
        raise UsageError(f"addr2line cannot read {path} ({done.describe()}): install binutils for its machine")
    files: dict[str, int] = {}
    functions: dict[str, int] = {}
    chains: dict[Chain, int] = {}
    chain_of = []
    known: dict[tuple[str, str], Chain] = {}  # what addr2line prints of one function -> its place, or none

    def place(function: str, printed: str) -> Chain:
        spot = addresses.location(function, printed)
        if not spot.line:
            return ()
        file = files.setdefault(os.path.normpath(spot.file), len(files))
        return ((file, functions.setdefault(function, len(functions)), spot.line),)

    for block in _blocks(os.fsdecode(done.output)):
        chain: Chain = ()
        for pair in block:
            if pair not in known:
                known[pair] = place(*pair)
            chain += known[pair]
        chain_of.append(chains.setdefault(chain, len(chains)))
    if len(chain_of) != len(found):
        raise UsageError(f"addr2line told {len(chain_of)} of {len(found)} addresses of {path}: see that it works there")
    if not any(chains):
        raise UsageError(f"{path} has no debug information, so its lines are not known: build the kernel with "
                         "CONFIG_DEBUG_INFO=y, and do not strip it")
    flat = [[number for spot in chain for number in spot] for chain in chains]
    return list(files), list(functions), flat, chain_of


def _blocks(text: str) -> Iterator[list[tuple[str, str]]]:
    """The pairs of lines that addr2line prints for each address, behind the line with the address itself."""
    block: list[tuple[str, str]] = []
    lines = iter(text.splitlines())
    next(lines, None)
    for line in lines:
        if line.startswith("0x"):
            yield block
            block = []
        else:
            block.append((line, next(lines, "")))
    yield block


def _read(place: Path) -> dict[str, Any] | None:
    """The lines that were found before; None where there are none."""
    try:
        found: dict[str, Any] = json.loads(zlib.decompress(place.read_bytes()))
    except (OSError, ValueError, zlib.error):
        return None
    return found


def _write(place: Path, saved: dict[str, Any]) -> None:
    """Keep what was found out. A cache that cannot be written costs time, and nothing else."""
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(zlib.compress(json.dumps(saved).encode(), 1))
        temporary.replace(place)
    except OSError:
        cache.discard(temporary)
