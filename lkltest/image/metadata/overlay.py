"""An image with changes in memory: the file itself is shared, never copied and never written."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

from lkltest.host.closing import Closing

PAGE = 4096  # bytes
CHANGED = re.compile(rb"[^\0]+")  # of the differences of two pages


class Base(Closing):
    """An image file, mapped for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.size = len(self.map)

    def close(self) -> None:
        """Give the mapping back."""
        self.map.close()


class Overlay:
    """A base and the pages of it that were changed."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.pages: dict[int, bytearray] = {}

    @property
    def size(self) -> int:
        """The size of the image in bytes."""
        return self.base.size

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the image; fewer, where it ends before."""
        if offset < 0 or offset >= self.size:
            return b""
        size = min(size, self.size - offset)
        if not self.touched(offset, size):
            return self.base.map[offset : offset + size]
        parts = []
        while size > 0:
            page, start = divmod(offset, PAGE)
            some = min(size, PAGE - start)
            changed = self.pages.get(page)
            parts.append(self.base.map[offset : offset + some] if changed is None else changed[start : start + some])
            offset, size = offset + some, size - some
        return b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        """Change bytes in memory; what lies behind the image's end is dropped."""
        data = data[: max(0, self.size - offset)]
        while data:
            page, start = divmod(offset, PAGE)
            some = data[: PAGE - start]
            changed = self.pages.get(page)
            if changed is None:
                changed = self.pages[page] = bytearray(self.base.map[page * PAGE : (page + 1) * PAGE])
            changed[start : start + len(some)] = some
            offset, data = offset + len(some), data[len(some) :]

    def number(self, offset: int, size: int, *, big: bool = False) -> int:
        """A number of the image."""
        return int.from_bytes(self.read(offset, size), "big" if big else "little")

    def set_number(self, offset: int, size: int, value: int, *, big: bool = False) -> None:
        """Change a number; what does not fit into its size is cut off."""
        self.write(offset, (value & (1 << 8 * size) - 1).to_bytes(size, "big" if big else "little"))

    def touched(self, offset: int, size: int) -> bool:
        """Whether a page of the range was written to."""
        if not self.pages:
            return False
        first, last = offset // PAGE, (offset + size - 1) // PAGE
        if last - first > len(self.pages):
            return any(first <= page <= last for page in self.pages)
        return any(page in self.pages for page in range(first, last + 1))

    def changed(self, offset: int, size: int) -> bool:
        """Whether bytes of the range differ from the base."""
        return self.touched(offset, size) and self.read(offset, size) != self.base.map[offset : offset + size]

    def changes(self) -> Iterator[tuple[int, bytes]]:
        """The bytes that differ from the base, as runs (offset, new bytes) in order."""
        begun, run = 0, bytearray()
        for page in sorted(self.pages):
            at = page * PAGE
            old = int.from_bytes(self.base.map[at : at + PAGE], "little")
            new = self.pages[page]
            different = (old ^ int.from_bytes(new, "little")).to_bytes(PAGE, "little")
            for found in CHANGED.finditer(different):
                if run and begun + len(run) != at + found.start():
                    yield begun, bytes(run)
                    run.clear()
                if not run:
                    begun = at + found.start()
                run += new[found.start() : found.end()]
        if run:
            yield begun, bytes(run)
