"""The pages of the documentation, taken apart: blocks, the commands in them, commands and options within sentences."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(page for page in DOCS if page.parent.name != "reference")]

_FENCE = re.compile(r'^( *)```(\w*)(?: title="([^"]+)")?[^\n]*\n(.*?)^\1```$', re.MULTILINE | re.DOTALL)
_LEADING = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?")  # environment and place of a command


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int  # of the page, on which it begins
    language: str  # "" where the page does not say
    title: str  # the file that it is to be written to; "" for none
    text: str

    def __str__(self) -> str:
        return f"{self.page.stem}:{self.line}"


def blocks(*languages: str, pages: list[Path] = PAGES) -> list[Block]:
    """The blocks of some languages, or all."""
    found = []
    for page in pages:
        text = page.read_text()
        for fence in _FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 1
            found.append(Block(page, line, fence[2], fence[3] or "", fence[4]))
    return [block for block in found if not languages or block.language in languages]


def commands(block: Block) -> list[str]:
    """The commands of a block of the language sh, without their comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+", " ", command) for line in lines if (command := re.sub(r"(^|\s+)#.*$", "", line).strip())]


def spans(page: Path) -> Iterator[str]:
    """The pieces of code within the sentences and tables of a page."""
    for found in re.findall(r"`([^`]+)`", _FENCE.sub("", page.read_text())):
        yield " ".join(found.replace(r"\|", "|").split())


def words(command: str) -> list[str]:
    """The words of a command without a pipe's other end, and without what stands in front of its program."""
    command = re.sub(r"^git bisect run ", "", _LEADING.sub("", command))
    return shlex.split(command.partition(" | ")[0], comments=True)
