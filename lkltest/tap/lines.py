"""Bytes cut into whole lines, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

CHUNK = 1 << 18  # bytes worked on at once
HEAD = 1 << 20  # what is kept of a longer line: its beginning, as much as any report can need,
TAIL = 1 << 12  # its end, where a directive stands
LONGEST = HEAD + TAIL


def shorten(head: bytes, tail: bytes, length: int) -> bytes:
    """Write a line of `length` bytes by its two ends; the result is longer than LONGEST, as no other line is."""
    return b"%s [... %d bytes left out ...] %s" % (head[:HEAD], length - LONGEST, tail[-TAIL:])


class Lines:
    """Gather pieces of any size, and give blocks that end with the end of a line."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0  # of the line so far
        self._tail = b""  # of a line longer than LONGEST, whose only piece is its head

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield blocks of one line or more, each of at most CHUNK bytes unless a single line is longer."""
        for start in range(0, len(data), CHUNK):
            chunk = data[start : start + CHUNK] if len(data) > CHUNK else data
            end = chunk.rfind(b"\n") + 1
            if end and self._length:
                first = chunk.find(b"\n") + 1
                self._keep(chunk[: first - 1])
                yield self._take() + b"\n"
            else:
                first = 0
            if end > first:
                yield chunk[first:end] if first or end < len(chunk) else chunk
            if end < len(chunk):
                self._keep(chunk[end:])

    def close(self) -> bytes:
        """The last line, if it had no end."""
        return self._take()

    def _keep(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._tail:
            self._tail = (self._tail + piece)[-TAIL:]
            return
        self._pieces.append(piece)
        if self._length > LONGEST:
            line = b"".join(self._pieces)
            self._pieces = [line[:HEAD]]
            self._tail = line[-TAIL:]

    def _take(self) -> bytes:
        line = b"".join(self._pieces)
        if self._tail:
            line = shorten(line, self._tail, self._length)
        self._pieces, self._length, self._tail = [], 0, b""
        return line
