"""The files that programs write while they run: see harness/coverage.c, which has the same layout."""

from __future__ import annotations

import os
import re
import struct
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import UsageError

VARIABLE = "LKLTEST_COV_RAW"  # names the directory of these files to a program
PAGE = 4096
_HEADER = struct.Struct("8sQQQ1024s2048s")
_CONTEXT = 1024  # bytes of a context's name in a record


@dataclass(frozen=True)
class Raw:
    """The addresses that one process reached."""

    module: str  # path of the shared library with the kernel; empty: the program itself
    contexts: dict[str, frozenset[int]]  # link addresses by the point's name; "": between points


def read(path: Path) -> Raw | None:
    """Read a program's file; None where the program died before it had written anything.

    Raises UsageError where the program could not write all that it reached.
    """
    data = path.read_bytes()
    if len(data) < PAGE or data[:8].rstrip(b"\0") != b"LKLCOV1":
        return None
    _, base, size, lost, context, module = _HEADER.unpack_from(data)
    if lost:
        raise UsageError(f"coverage is incomplete: {path} could not be written ({os.strerror(lost)}); free some room")
    found: dict[str, set[int]] = {}
    bitmap = -(-size // (PAGE * 8)) * PAGE
    found[_text(context)] = {base + at for at in _bits(data[PAGE : PAGE + bitmap])}
    at = PAGE + bitmap
    while at + _CONTEXT + 4 <= len(data):
        (count,) = struct.unpack_from("I", data, at + _CONTEXT)
        name, begin = _text(data[at : at + _CONTEXT]), at + _CONTEXT + 4
        offsets = array("I", data[begin : min(begin + 4 * count, len(data) & ~3)])
        found.setdefault(name, set()).update(base + offset for offset in offsets)
        at = begin + 4 * count
    contexts = {name: frozenset(addresses) for name, addresses in found.items() if addresses}
    return Raw(os.fsdecode(module.partition(b"\0")[0]), contexts)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")


def _bits(bitmap: bytes) -> list[int]:
    """The numbers of the bits that are set, in words of 64 of this machine's byte order."""
    found = []
    for match in re.finditer(rb"[^\0]+", bitmap):
        for at in range(match.start(), match.end()):
            byte = bitmap[at]
            first = at * 8 if sys.byteorder == "little" else (at & ~7) * 8 + (7 - at % 8) * 8
            found += [first + bit for bit in range(8) if byte >> bit & 1]
    return found
