"""The tutorial and the pages on CI, done as they say: files are written, commands run, their output compared."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkltest.host import process
from lkltest.liblkl import Liblkl

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs" / "tutorial").glob("*.md")), ROOT / "docs" / "gitlab.md", ROOT / "docs" / "kernelci.md"]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
STATUS = re.compile(r" +# exits with (\d+)$")
ENVIRONMENT = {
    "CI": "", "GITHUB_ACTIONS": "", "NO_COLOR": "1", "COLUMNS": "120", "PYTEST_ADDOPTS": "", "LKLTEST_VARIANT": "fast",
}  # fmt: skip


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tutorial_is_true(page: Path, liblkl: Liblkl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command ends as the page says, and prints what the page shows."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/sbin", prepend=":")
    monkeypatch.delenv("LKLTEST_LKL", raising=False)
    assert liblkl.path
    ran = 0
    for kind, title, text in BLOCK.findall(page.read_text()):
        if title:
            (tmp_path / title).write_text(text)
        for command, lines in commands(text) if kind == "console" else ():
            status = STATUS.search(command)
            done = process.run(["bash", "-c", command], cwd=tmp_path, env=ENVIRONMENT, timeout=900, merge=True)
            told = done.output.decode()
            assert done.status == (int(status[1]) if status else 0), f"{command}\n{told}"
            assert not lines or pattern(lines).fullmatch(told), f"{command}\n{told}"
            ran += 1
    assert ran
