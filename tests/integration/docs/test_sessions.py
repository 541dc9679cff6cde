"""The pages that show terminals, done as they say: files are written, commands run, their output compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkltest.host import programs
from tests.integration.docs import prepared
from tests.integration.docs.pages import PAGES, blocks
from tests.integration.docs.terminal import Terminal

SESSIONS = [page for page in PAGES if any(blocks("console", pages=[page]))]
UML = re.compile(r"^\$ .*--uml=", re.MULTILINE)
STATUS = re.compile(r" +# exits with (\d+)$")


def commands(session: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a terminal's session, each with the lines that it is to print."""
    found: list[tuple[str, list[str]]] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    yield from found


def pattern(lines: list[str]) -> re.Pattern[str]:
    """The lines as an expression: "..." is any text, and any lines where it stands alone."""
    parts = ["(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + " *\n" for line in lines]
    return re.compile("".join(parts))


@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.stem)
def test_sessions_are_true(page: Path, terminal: Terminal, request: pytest.FixtureRequest) -> None:
    """Each command ends as the page says, and prints what the page shows."""
    if UML.search(page.read_text()) and not programs.find("linux.uml"):
        pytest.skip("linux.uml not found: apt-get install user-mode-linux")
    if page.stem in prepared.PAGES:
        prepared.PAGES[page.stem](terminal, request)
    for block in blocks(pages=[page]):
        if block.title:
            terminal.write(block.title, block.text)
        for command, lines in commands(block.text) if block.language == "console" else ():
            status = STATUS.search(command)
            done = terminal.run(command)
            told = done.output.decode()
            assert done.status == (int(status[1]) if status else 0), f"{command}\n{told}"
            assert not lines or pattern(lines).fullmatch(told), f"{command}\n{told}"
