"""Kernel consoles: what they put before lines, around them and into their middle."""

from __future__ import annotations

import functools
import re

# "[    1.234567] ", "[ 12.3][ T1] ", "<6>[    1.234567] "
PRINTK = rb"(?:<\d++>)?+\[ *+\d++\.\d++\](?:\[ *+[TC]\d++\])?+ ?+"
ESCAPES = rb"(?:\x1b\[[\d;?]*+[A-Za-z])++"  # colors and cursor moves, which a terminal's programs leave behind

# What any line of TAP begins with, and what of it is left where the console broke in.
_WORDS = (b"not ok", b"ok", b"1..", b"Bail out!", b"TAP version", b"KTAP version", b"* ", b"# running ")
_BEGINNINGS = {re.escape(word[:end]) for word in _WORDS for end in range(1, len(word) + 1)}
_TORN = b"|".join(sorted(_BEGINNINGS, reverse=True))  # the longer before its own beginning
_CANDIDATE = (
    rb"[ \t]*+(?:(?:not )?+ok(?![0-9A-Za-z_])|1\.\.\d|#|---|\* \d|pragma |[{}]\r*+\n|[Bb][Aa][Ii][Ll] |"
    rb"[Kk]?[Tt][Aa][Pp][ \t]|not(?: |\r*+\n)|(?:" + _TORN + rb")\[ *+\d)"
)

Pattern = re.Pattern[bytes]


@functools.cache
def candidate(prefix: bytes) -> Pattern:
    """Match at the start of a line that may be TAP, after the console's prefix (a pattern, b"" for none)."""
    return re.compile(rb"(?:" + prefix + rb")?+" + _CANDIDATE)


@functools.cache
def next_candidate(prefix: bytes) -> Pattern:
    """Find the end of the line before the next one that may be TAP."""
    return re.compile(rb"\n(?:" + prefix + rb")?+" + _CANDIDATE)


@functools.cache
def prefixed(prefix: bytes) -> Pattern:
    """Match the console's prefix at the start of a line."""
    return re.compile(prefix)


@functools.cache
def _pattern(name: str) -> Pattern:
    return {
        "stamp": lambda: re.compile(rb"\[ *+\d++\.\d{6}\](?:\[ *+[TC]\d++\])?+ "),
        "stamped": lambda: re.compile(PRINTK),
        "torn": lambda: re.compile(rb"[ \t]*+(?:(?:not )?+ok(?![0-9A-Za-z_])|1\.\.\d*+|Bail out!|\* \d|# running \d|"
                                   rb"K?TAP version \d*+|"
                                   rb"(?:" + _TORN + rb")\[)"),
        "whole": lambda: re.compile(rb"[ \t]*+(?:(?:not )?+ok \d|1\.\.\d|K?TAP version \d)"),
        "version": lambda: re.compile(rb"K?TAP version \d++[ \t\r]*+$"),
    }[name]()  # fmt: skip


def is_stamped(line: bytes) -> bool:
    """Whether the line is the kernel's own, by its time stamp."""
    return _pattern("stamped").match(line) is not None


def tear(line: bytes) -> tuple[bytes, bytes] | None:
    """Split a line of TAP from the kernel's message that broke into it; None where none did."""
    stamp = _pattern("stamp").search(line, 1)
    if stamp is None or not _pattern("torn").match(line):
        return None
    return line[: stamp.start()], line[stamp.start() :]


def is_apart(fragment: bytes, line: bytes) -> bool:
    """Whether what came before the kernel's message is a whole line, and what came after it the next one."""
    directive = line.startswith(b" #") or (line.startswith(b"#") and fragment.endswith(b" "))
    whole = _pattern("whole").match(fragment) is not None and not directive
    return whole and candidate(b"").match(line + b"\n") is not None


def find_prefix(line: bytes) -> bytes | None:
    """Read the console's prefix, as a pattern, off a version line; None where it is no version line with a prefix.

    Prose that only ends in "TAP version 13" has none: a prefix is blank, moves the cursor, has a digit, or ends as a
    label does.
    """
    at = line.rfind(b"TAP version ")
    at -= line[at - 1 : at] == b"K"
    if not 0 < at <= 200 or not _pattern("version").match(line, at):
        return None
    head = line[:at]
    if re.fullmatch(ESCAPES, head):
        return rb"(?:" + ESCAPES + rb")?+"
    stamp = re.compile(PRINTK + rb"$").search(head)
    if stamp and stamp.start() == 0:
        return PRINTK
    label = head.rstrip(b" \t")[-1:]
    numbered = head[-1:] in b" \t" and re.search(rb"\d", head)
    if head.strip() and (head.lstrip()[:1] == b"#" or not (numbered or label in b":>|])")):
        return None
    if stamp:
        return _shape(head[: stamp.start()]) + rb"(?:" + PRINTK + rb")?+"
    return _shape(head)


def _shape(head: bytes) -> bytes:
    """A pattern for prefixes of the same build: other digits, other letters."""
    if not head.strip():
        return re.escape(head)
    parts = []
    for byte in head:
        char = bytes((byte,))
        if char.isdigit() or char == b" ":
            parts.append(rb"[\d ]")
        elif char.isalpha():
            parts.append(rb"[A-Za-z]")
        else:
            parts.append(re.escape(char))
    return b"".join(parts)


@functools.cache
def _beginning() -> Pattern:
    return re.compile(rb"1\.\.\d++[ \t]*+$|[ \t]++# Subtest|[ \t]*+(?:not )?+ok \d++ ")


def begins(line: bytes) -> bool:
    """Whether a kernel log whose beginning is lost may begin with this line."""
    return _beginning().match(line) is not None
