"""Lines that need no closer look, found many at once."""

from __future__ import annotations

import functools
import re

from lkltest.tap.point import plain_points
from lkltest.tap.stream import KSELFTEST


@functools.cache
def _numbers() -> re.Pattern[bytes]:
    return re.compile(rb"\n(?:not )?+ok (\d++)")


TAP = rb"(?: #)*+[ \t]*+(?:K?TAP version \d|1\.\.\d|(?:not )?+ok \d)"  # in kselftest's comments


@functools.cache
def _plain_comments() -> re.Pattern[bytes]:
    """Comments that mean nothing but themselves."""
    meaningful = b"|".join(re.escape(words[1:]) for words in (*KSELFTEST, b"# Subtest", b"# running "))
    return re.compile(rb"(?:#(?!" + meaningful + rb"|\d|" + TAP + rb"|[^\n]*ok \d)[^\n\x1b\x07]*+\n)++")


def find_points(block: bytes, at: int) -> tuple[bytes, list[int]] | None:
    """The plain points from `at` on but the last, to which more may belong, with their numbers."""
    match = plain_points().match(block, at)
    if match is None:
        return None
    end = match.end()
    stop = max(block.rfind(b"\nok ", at, end), block.rfind(b"\nnot ok ", at, end)) + 1
    if stop <= at:
        return None
    data = block[at:stop]
    return data, list(map(int, _numbers().findall(b"\n" + data)))


def find_comments(block: bytes, at: int) -> bytes:
    """The plain comments from `at` on, whole lines; b"" where there is none."""
    match = _plain_comments().match(block, at)
    return match[0] if match else b""
