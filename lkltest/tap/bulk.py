"""Lines that need no closer look, found many at once.

Points are looked for in windows, by operations that work on all lines of a window together. A pattern, which goes from
line to line, finds those in a window that holds anything else too.
"""

from __future__ import annotations

import functools
import re

from lkltest import expressions
from lkltest.tap.point import BLOCK_ENDS, BLOCK_OPENS, plain_points
from lkltest.tap.stream import KSELFTEST

WINDOW = 1 << 15  # bytes that are looked at together
_NEXT = (b"ok ", b"not ok ", BLOCK_OPENS[1:])  # beginnings of the line after a plain point that is not the last
_MARKS = (b"#", b"\\", b"[", b"{", b"\r")  # a test line with one of them is not plain


@functools.cache
def _numbers() -> re.Pattern[bytes]:
    return expressions.compile(rb"\n(?:not )?+ok (\d++)")


TAP = rb"(?: #)*+[ \t]*+(?:K?TAP version \d|1\.\.\d|(?:not )?+ok \d)"  # in kselftest's comments


@functools.cache
def _plain_comments() -> re.Pattern[bytes]:
    """Comments that mean nothing but themselves."""
    meaningful = b"|".join(re.escape(words[1:]) for words in (*KSELFTEST, b"# Subtest", b"# running "))
    return expressions.compile(rb"(?:#(?!" + meaningful + rb"|\d|" + TAP + rb"|[^\n]*ok \d)[^\n\x1b\x07]*+\n)++")


class PlainPoints:
    """The plain points of a block of whole lines."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._odd = 0  # before here windows hold something that is not plain
        self._unordered = 0  # before here numbers do not follow each other

    def find(self, at: int, first: int, last: int | None) -> tuple[bytes, int] | None:
        """The points from `at` on but the last of them, to which more may belong, with their count.

        Their numbers begin with `first`, and do not go beyond `last`.
        """
        found = None
        if not self._block.startswith(_NEXT, self._block.find(b"\n", at) + 1):
            return None
        if at >= self._odd:
            found = _find_in_window(self._block, at, first)
            self._odd = self._odd if found else at + WINDOW
        if found is None and at >= self._unordered and (match := _match(self._block, at)):
            found = match[0], len(match[1])
            if match[1] != list(range(first, first + len(match[1]))):
                self._unordered, found = len(self._block), None
        if found and last is not None and first + found[1] - 1 > last:
            self._unordered = self._odd = len(self._block)
            return None
        return found


def _find_in_window(block: bytes, at: int, first: int) -> tuple[bytes, int] | None:
    """Find points with operations on many lines at once; None unless the whole window is plain."""
    end = block.rfind(b"\n", at, at + WINDOW) + 1
    stop = _start_of_last(block, at, end)
    if stop <= at:
        return None
    data = block[at:stop]
    heads = _without_blocks(data) if BLOCK_OPENS in data else data
    if heads is None or any(mark in heads for mark in _MARKS):
        return None
    lines = (b"\n" + heads).replace(b"\nnot ok ", b"\nok ").replace(b"\n", b" \n").split(b"\n")
    del lines[0], lines[-1]
    return (data, len(lines)) if all(map(bytes.startswith, lines, _expected(first, len(lines)))) else None


def _start_of_last(block: bytes, at: int, end: int) -> int:
    """The start of the last point between `at` and `end`; `at` or less where it is the only one."""
    passed = block.rfind(b"\nok ", at, end)
    return max(passed, block.rfind(b"\nnot ok ", max(passed, at), end)) + 1


def _without_blocks(data: bytes) -> bytes | None:
    """The lines without the YAML blocks between them; None where more than these is between the lines."""
    pieces = data.split(BLOCK_ENDS)
    heads = []
    for piece in pieces[:-1]:
        end = piece.find(BLOCK_OPENS)
        if end < 0:
            return None
        heads.append(piece[:end])
    heads.append(pieces[-1])
    found = b"\n".join(heads)
    # No other line of a block begins with less than two blanks, and none of those outside with two.
    whole = data.count(b"\n") - data.count(b"\n  ") == found.count(b"\n")
    return found if whole and b"\n  " not in found and b"\r" not in data else None


def _expected(first: int, count: int) -> list[bytes]:
    """The beginnings of plain points with these numbers."""
    found: list[bytes] = []
    number, end = first, first + count
    while number < end:
        if number < 1000:
            stop = min(end, 1000)
            found += [b"ok %d " % each for each in range(number, stop)]
        else:
            thousand, rest = divmod(number, 1000)
            stop = min(end, 1000 * (thousand + 1))
            head = b"ok %d" % thousand
            found += [head + digits for digits in _last_digits()[rest : rest + stop - number]]
        number = stop
    return found


@functools.cache
def _last_digits() -> list[bytes]:
    return [b"%03d " % number for number in range(1000)]


def _match(block: bytes, at: int) -> tuple[bytes, list[int]] | None:
    """Find points with a pattern, as far as they go; give their numbers."""
    match = plain_points().match(block, at)
    stop = _start_of_last(block, at, match.end()) if match else at
    if stop <= at:
        return None
    data = block[at:stop]
    return data, list(map(int, _numbers().findall(b"\n" + data)))


def find_comments(block: bytes, at: int) -> bytes:
    """The plain comments from `at` on, whole lines; b"" where there is none."""
    match = _plain_comments().match(block, at)
    return match[0] if match else b""
