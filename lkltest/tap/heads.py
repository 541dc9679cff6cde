"""The text before lines that look like TAP, where no prefix is known that explains it."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from lkltest import expressions
from lkltest.tap import prefix
from lkltest.tap.prefix import Prefix

MOST = 1000  # heads of each kind that are remembered, and starts that are tried
STARTS = 8  # the latest lines that may be the first of a stream

Pattern = re.Pattern[bytes]


class Start(NamedTuple):
    """A line that may be the first of a stream behind a prefix of an unknown kind."""

    raw: bytes
    line: int
    prefix: Prefix
    plan: bool  # it is one; otherwise a point
    number: int | None  # of the point

    def is_followed_by(self, match: re.Match[bytes]) -> bool:
        """Whether a line can be the next of this stream."""
        found = self.prefix.strip(match.string)
        if found is None or found[0].lstrip(b" \t") != match.string[match.end("head") :]:
            return False
        if found[0] != match.string[match.end("head") :]:
            return self.plan  # of a subtest
        number = _number(match)
        if match["plan"]:
            return not self.plan
        return number is None or number == 1 + (0 if self.plan else self.number or number - 1)


@functools.cache
def _line() -> Pattern:
    """Match a line with a plan, a result or a part of one behind a word, a label or a stamp."""
    plan = rb"(?P<plan>1\.\.\d++[ \t]*+(?:#.*+|todo[\d \t]*+)?+$)"
    point = rb"(?P<failure>not )?+ok(?: ++(?P<number>\d++)(?![^ \t])|(?= - )|$)"
    torn = rb"(?P<torn>not(?!\w))"
    found = b"(?:" + plan + b"|" + point + b"|" + torn + b")"
    return expressions.compile(rb"(?P<head>[^\n]{0,199}?[^\w\n])" + found, re.DOTALL)


@functools.cache
def _digits() -> Pattern:
    return expressions.compile(rb"\d++")


class Heads:
    """The heads of lines that were not read: two lines with the same one explain each other."""

    def __init__(self) -> None:
        self._plans: set[bytes] = set()
        self._passes: set[bytes] = set()
        self._failures: set[bytes] = set()  # `not ok`, whatever follows
        self._bare_passes: set[bytes] = set()  # "fsck ok": prose, where no "fsck not ok" stands beside it
        self._bare_failures: set[bytes] = set()
        self._torn: set[bytes] = set()  # other lines with "not"
        self._starts: list[Start] = []
        self._tried = 0  # starts

    def note(self, line: bytes, *, read: bool = False) -> bool:
        """Note a line; whether it or an earlier one is a failure, as another has the same head.

        `read`: it is a line of TAP, as its prefix is known now.
        """
        match = _match(line)
        if match is None:
            return False
        head = _digits().sub(b"0", match["head"])
        if match["failure"] and match.end() == len(line) and len(self._bare_failures) < MOST:
            self._bare_failures.add(head)
        if match["plan"]:
            mine, others = self._plans, self._failures
        elif match["failure"] or (match["torn"] and line[match.start("torn") :].startswith(b"not ok")):
            mine, others = self._failures, self._plans | self._passes
            others = others | self._bare_passes if head in self._bare_failures else others
        elif match["torn"]:
            mine, others = self._torn, set()  # an `ok` that was printed before is not its rest
        elif read or match["number"] or match.end() < len(line) or _is_stamp(head):
            mine, others = self._passes, self._failures | self._torn
        else:
            mine, others = self._bare_passes, self._bare_failures
        if len(mine) < MOST:
            mine.add(head)
        return head in others

    def begin(self, line: bytes, number: int) -> Start | None:
        """Find the line before this one with which a stream began: the same must stand before both of them."""
        match = _match(line)
        if match is None or match["torn"] or prefix.is_known(match["head"]) or self._tried == MOST:
            return None
        for start in self._starts:
            if start.is_followed_by(match):
                self._starts.clear()
                return start
        self._tried += 1
        start = Start(line, number, prefix.of_head(match["head"]), match["plan"] is not None, _number(match))
        self._starts = [*self._starts[1 - STARTS :], start]
        return None


def _match(line: bytes) -> re.Match[bytes] | None:
    """Find TAP behind something that may be a prefix."""
    match = _line().match(line) if any(word in line for word in (b"ok", b"not", b"1..")) else None
    head = match["head"].rstrip(b" \t") if match else b""
    return match if head and not head.startswith(b"#") and not head.endswith(b"#") else None


def _is_stamp(head: bytes) -> bool:
    """Whether it has a digit, or ends as a label does."""
    return b"0" in head or head.rstrip()[-1:] in (b"]", b")", b"}", b">", b"|", b":")


def _number(match: re.Match[bytes]) -> int | None:
    digits = match["number"]
    return int(digits) if digits and len(digits) < 9 else None
