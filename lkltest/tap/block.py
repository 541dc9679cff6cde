"""A YAML block that is being read."""

from __future__ import annotations

from lkltest.tap.dialect import Dialect
from lkltest.tap.point import Point

LONGEST = 1 << 24  # bytes of a block that are kept


class Block:
    """The lines between `---` and `...`."""

    def __init__(self, point: Point, indent: bytes, first: bytes, line: int) -> None:
        self.point = point
        self.indent = indent
        self.line = line  # on which it begins
        self.left_out = 0
        self._lines = [b"--- " + first + b"\n"] if first else []
        self._size = 0

    def holds(self, line: bytes, dialect: Dialect) -> bool:
        """Whether the line belongs to it by its indentation."""
        tabbed = line.startswith(b"\t") and dialect is not Dialect.KTAP  # whose subtests may stand behind tabs
        return tabbed or line.startswith(self.indent) or not line.strip(b" \t")

    def append(self, line: bytes) -> None:
        """Add a line, which begins with the block's indentation or a tab, or is blank."""
        if self._size > LONGEST:
            self.left_out += len(line) + 1
            return
        self._size += len(line) + 32
        self._lines.append(line.removeprefix(self.indent) + b"\n")

    def text(self) -> bytes:
        """The lines, without the block's indentation."""
        return b"".join(self._lines)
