"""The host's programs for file systems: finding them, and the cure where one is missing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host import process, programs

# Messages are parsed, and mtools takes names as the locale writes them: English, in UTF-8.
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": os.devnull}

TIMEOUT = 300.0  # seconds: no tool takes this long on the images that are made here


class MissingTool(UsageError):
    """A program of the host is not installed; the message carries the cure."""


def find(program: str, package: str | None = None) -> Path:
    """The path of a program; raises MissingTool naming the `package` that has it."""
    found = programs.find(program)
    if found is None:
        package = package or programs.PACKAGES.get(program)
        cure = f"apt-get install {package}" if package else "install it"
        raise MissingTool(f"{program} not found: {cure}")
    return found


def known(program: str, packages: Mapping[str, str]) -> bool:
    """Whether a program is installed, or at least known to be in a package."""
    try:
        return program in packages or program in programs.PACKAGES or bool(find(program))
    except MissingTool:
        return False


def run(
    argv: Sequence[str], *, package: str | None = None, stdin: bytes = b"", cwd: Path | None = None
) -> process.Completed:
    """Run a program of the host to its end; its exit status is for the caller to judge. Raises MissingTool."""
    program = find(argv[0], package)
    return process.run([program, *argv[1:]], env=ENVIRONMENT, stdin=stdin, timeout=TIMEOUT, cwd=cwd)


def said(completed: process.Completed) -> str:
    """All output of a program, for people and for judging."""
    return (completed.errors + completed.output).decode(errors="backslashreplace")
