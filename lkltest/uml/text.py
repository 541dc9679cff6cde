"""Make readable text of what a console prints."""

from __future__ import annotations

import codecs
import re

from lkltest import expressions
from lkltest.klog import ESCAPE_PATTERN, STAMP_PATTERN

ESCAPE = expressions.compile(ESCAPE_PATTERN)
UNFINISHED = re.compile("\x1b(?:\\[[0-?]*[ -/]*|[]PX^_][^\x07\x1b]*\x1b?|[ -/]*)$")
LONGEST = 4096  # characters: an escape sequence without an end is no longer waited for

CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f]")  # all but tab and newline

STAMP = expressions.compile(STAMP_PATTERN, re.MULTILINE)
UNFINISHED_STAMP = re.compile(r"\[[ \d.]*(?:\](?:\[[ TC\d]*\]?)?)?$")


class Plain:
    """Turns a console's bytes into text as they come, without escape sequences and control characters."""

    def __init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self.waiting = ""  # may be the beginning of an escape sequence

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Return the text that is certain by now; `final`: nothing follows."""
        text = self.waiting + self.decoder.decode(data, final)
        found = None if final else UNFINISHED.search(text, max(0, len(text) - LONGEST))
        cut = found.start() if found else len(text)
        self.waiting = text[cut:]
        return CONTROL.sub("", ESCAPE.sub("", text[:cut]))


class Unstamped:
    """Takes the kernel's timestamps off the beginnings of lines, as they come."""

    def __init__(self) -> None:
        self.waiting = ""  # may be the beginning of a timestamp
        self.inside = ""  # a character that stands for what of the current line has been returned

    def feed(self, text: str, *, final: bool = False) -> str:
        """Return the text that is certain by now; `final`: nothing follows."""
        text = self.inside + self.waiting + text
        last = text.rfind("\n") + 1
        cut = last if not final and UNFINISHED_STAMP.match(text, last) else len(text)
        self.waiting = text[cut:]
        known = STAMP.sub("", text[:cut])[len(self.inside) :]
        if text[:cut]:
            self.inside = "" if text[cut - 1] == "\n" else "\0"
        return known
