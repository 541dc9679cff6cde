"""Paragraphs, lists and pages in Markdown, as the pages of docs/reference/ have them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

WIDTH = 118
GENERATED = "<!-- Written by scripts/reference.py: change the sources named here, then run it. -->"


def wrapped(text: str, first: str = "", later: str = "") -> str:
    """A paragraph in lines that are not too long."""
    lines = textwrap.wrap(" ".join(text.split()), WIDTH, initial_indent=first, subsequent_indent=later,
                          break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def bullet(name: str, text: str) -> str:
    """An entry of a list: a name, and a sentence on it where there is one."""
    return wrapped(f"`{name}`: {text}" if text else f"`{name}`", "- ", "  ")


def page(title: str, intro: str, parts: Iterable[str]) -> str:
    """A whole page."""
    return "\n\n".join([f"# {title}", GENERATED, wrapped(intro), *filter(None, parts)]) + "\n"
