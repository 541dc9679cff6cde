"""A recipe of a disk image: how the image is made, how it is checked."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECTOR = 512  # bytes
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
LACKS = (
    "links", "symlinks", "xattrs", "acls", "modes", "holes", "nanoseconds", "untouched", "inodes_after_replay",
)
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq,
}


@dataclass(frozen=True)
class Check:
    """A program of the host that judges a file system, and the output by which it finds no damage."""

    command: tuple[str, ...]  # with {image}
    quiet: tuple[str, ...] = ()  # where given, every line that it prints must match one of these expressions
    never: tuple[str, ...] = ()  # no line may match one of these
    status: tuple[int, ...] = (0,)  # good exit statuses


@dataclass(frozen=True)
class Volume:
    """One file system as a recipe describes it, settled for one kernel."""

    type: str  # for mount -t
    size: int  # bytes
    mkfs: tuple[str, ...]  # command, with {image}, {options}, {pack}
    config: str = ""  # the kernel's option that brings it: part of a skip's reason
    options: tuple[str, ...] = ()  # in the place of {options}
    pack: tuple[str, ...] = ()  # in the place of {pack}: takes the directory {tree}, or the {protofile}
    fill: tuple[str, ...] = ()  # command after mkfs that copies {tree}/packed, where mkfs cannot
    check: tuple[Check, ...] = ()
    read: tuple[str, ...] = ()  # command that prints the file {path} of {image}
    mount: str = ""  # mount options
    lacks: tuple[str, ...] = ()  # what the file system cannot do, of LACKS; disk.c demands that it says so
    cuts: bool = False  # whether it promises to survive a power cut
    packages: Mapping[str, str] = field(default_factory=dict)  # of Debian by program, beside host.programs'

    @property
    def takes_files(self) -> bool:
        """Whether the host can put files into it."""
        return bool(self.pack or self.fill)


@dataclass(frozen=True)
class Part:
    """One file system as a recipe describes it for all kernels."""

    keys: Mapping[str, Any]  # of Volume
    cases: tuple[tuple[str, Mapping[str, Any]], ...] = ()  # condition such as "<5.10", keys for such kernels only

    def settle(self, version: str) -> Volume:
        """The file system as a kernel of this version needs it."""
        settled = dict(self.keys)
        for condition, keys in self.cases:
            if holds(condition, version):
                settled |= {**keys, "options": settled.get("options", ()) + keys.get("options", ())}
        return Volume(**settled)


@dataclass(frozen=True)
class Recipe:
    """A recipe file: one file system on a bare disk, or a partition table with several."""

    name: str  # the file's, without ".toml": part of the ids of test items
    path: Path
    table: str  # "mbr", "gpt"; "" for a bare disk
    parts: tuple[Part, ...]

    def volumes(self, version: str) -> tuple[Volume, ...]:
        """The file systems as a kernel of this version ("4.9.0+") needs them."""
        return tuple(part.settle(version) for part in self.parts)

    @property
    def cuts(self) -> bool:
        """Whether power cuts can be tried on it: a bare disk whose file system promises to survive them."""
        return not self.table and bool(self.parts[0].keys.get("cuts"))


def size(text: str) -> int:
    """Parse a size such as "192M" or "2T" into bytes; raises ValueError."""
    match = re.fullmatch(r"(\d+)([KMGT]?)", text)
    count = int(match[1]) * UNITS.get(match[2], 1) if match else 0
    if not count or count % SECTOR:
        raise ValueError(f'{text!r} is not a size such as "192M", in whole sectors')
    return count


def holds(condition: str, version: str) -> bool:
    """Whether a kernel's version fulfils a condition such as "<5.10"; raises ValueError where it is none."""
    match = re.fullmatch(r"\s*(<=|>=|<|>|==)\s*(\d+(?:\.\d+)*)\s*", condition)
    if match is None:
        raise ValueError(f'{condition!r} is not a condition such as "<5.10"')
    wanted = [int(part) for part in match[2].split(".")]
    is_version = re.match(r"[\d.]+", version)
    actual = [int(part) for part in is_version[0].split(".") if part] if is_version else []
    length = len(wanted)
    return COMPARE[match[1]]((actual + [0] * length)[:length], wanted)
