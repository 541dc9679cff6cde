"""Regular expressions with possessive groups, `(?:...)*+`, which Python before 3.11.5 matches wrongly."""

from __future__ import annotations

import re
import sys
from typing import AnyStr

# Debian 12 has 3.11.2: a possessive group whose inside goes back matches other texts there (CPython's issue 106052).
WRONG = sys.version_info < (3, 11, 5)
_POSSESSIVE = re.compile(r"([?*+]|\{\d*,?\d*\})\+")


def compile(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As `re.compile`; groups match as they should on each version of Python."""
    if not WRONG:
        return re.compile(pattern, flags)
    if isinstance(pattern, bytes):
        return re.compile(atomic(pattern.decode("latin-1")).encode("latin-1"), flags)
    return re.compile(atomic(pattern), flags)


def atomic(pattern: str) -> str:
    """The same expression with atomic groups, `(?>(?:...)*)`, in the place of possessive ones."""
    parts: list[str] = []
    opened: list[int] = []  # the places of groups in `parts`
    at = 0
    while at < len(pattern):
        end = at + 1
        if pattern[at] == "\\":
            end += 1
        elif pattern[at] == "[":
            end = _end_of_set(pattern, at)
        elif pattern[at] == "(":
            opened.append(len(parts))
        parts.append(pattern[at:end])
        if pattern[at] == ")":
            start = opened.pop()
            if found := _POSSESSIVE.match(pattern, end):
                parts[start] = f"(?>{parts[start]}"
                parts.append(f"{found[1]})")
                end = found.end()
        at = end
    return "".join(parts)


def _end_of_set(pattern: str, at: int) -> int:
    """The place behind the set of characters that begins at `at`; a bracket that comes first in it is one of them."""
    at += 2 if pattern[at + 1] == "^" else 1
    at += pattern[at] == "]"
    while pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
