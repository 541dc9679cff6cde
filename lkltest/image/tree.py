"""The files whose names, sizes and bytes both sides of a disk know."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

MASK = (1 << 64) - 1
PAGE = 4096  # bytes: no two pages of the known data are equal

SIZES = (0, 1, 4095, 4096, 4097)
BIG = 64 << 20
NON_ASCII = "dürfen-имя-漢字"
LONG = "l" * 200 + "-" + "g" * 54  # 255 bytes: the longest name that most file systems take


def _files(directory: str, sizes: Iterable[int]) -> dict[str, int]:
    files = {f"{directory}/size-{size}": size for size in sizes}
    return {**files, f"{directory}/{NON_ASCII}": 100, f"{directory}/{LONG}": 200}


# The host packs these before the kernel sees the disk; disk.c reads them. Path to size in bytes.
PACKED: Mapping[str, int] = {**_files("packed", (*SIZES, (1 << 20) + 1)), "packed/deep/er/est": 5000}
SYMLINK = ("packed/link", "size-4097")  # where it is, what it says

# disk.c writes these; the host reads them back when the kernel is gone.
WRITTEN: Mapping[str, int] = _files("written", (*SIZES, BIG))


def seed(text: bytes) -> int:
    """The seed of a file's data: FNV-1a in 64 bits over its path, never 0."""
    value = 0xCBF29CE484222325
    for byte in text:
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value or 1


def content(path: str, size: int) -> bytes:
    """The known data of a file: `lkltest_data_fill` of the C harness makes the same.

    One page of random words that follows from the path, again and again; the first word of each is changed by
    the page's number, so that a page that is missing, old, doubled or in another's place is found.
    """
    words = []
    state = seed(path.encode())
    for _ in range(PAGE // 8):
        state ^= state >> 12
        state = (state ^ state << 25) & MASK
        state ^= state >> 27
        words.append(state * 0x2545F4914F6CDD1D & MASK)
    rest = struct.pack(f"<{len(words) - 1}Q", *words[1:])
    pages = range((size + PAGE - 1) // PAGE)
    return b"".join(struct.pack("<Q", words[0] ^ page) + rest for page in pages)[:size]


def difference(expected: bytes, actual: bytes) -> str | None:
    """The first difference between two contents, in words; None where they are equal."""
    if expected == actual:
        return None
    same = min(len(expected), len(actual))
    if expected[:same] == actual[:same]:
        return f"{len(actual)} bytes instead of {len(expected)}"
    low, high = 0, same  # the first difference lies in [low, high)
    while high - low > 1:
        middle = (low + high) // 2
        if expected[low:middle] == actual[low:middle]:
            low = middle
        else:
            high = middle
    return f"byte {low} is {actual[low]:#04x} instead of {expected[low]:#04x}"


def write_tree(directory: Path, *, symlinks: bool) -> None:
    """Write the packed files below a directory of the host, for mkfs to take."""
    for name, size in PACKED.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name, size))
    if symlinks:
        (directory / SYMLINK[0]).symlink_to(SYMLINK[1])


def protofile(directory: Path) -> str:
    """Describe a planted directory as mkfs.xfs takes it (mkfs.xfs(8), option -p), run in the one above it.

    Its paths are relative: a blank in one would end it.
    """
    return "\n".join(["x", "0 0", "d--755 0 0", *_protolines(directory, directory.parent), "$", ""])


def _protolines(directory: Path, root: Path) -> list[str]:
    lines = []
    for path in sorted(directory.iterdir()):
        if path.is_symlink():
            lines.append(f"{path.name} l--777 0 0 {path.readlink()}")
        elif path.is_dir():
            lines += [f"{path.name} d--755 0 0", *_protolines(path, root), "$"]
        else:
            lines.append(f"{path.name} ---644 0 0 {path.relative_to(root)}")
    return lines
