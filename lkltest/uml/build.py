"""The build of a stock UML."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from lkltest.host import programs
from lkltest.host.progress import Progress
from lkltest.liblkl import build_tree
from lkltest.liblkl.build_default import Log
from lkltest.settings import Settings

NEEDED = (*programs.BUILD, *programs.KCONFIG)


def jobs(settings: Settings) -> str:
    """The word that tells make how many jobs may run at once."""
    return f"-j{settings.jobs or len(os.sched_getaffinity(0))}"


def make(
    commands: Sequence[Sequence[str]], root: Path, log: Path, progress: Progress, expected: int | None,
    name: str = "stock UML",
) -> None:  # fmt: skip
    """Run make for UML in the sources `root`, once with each of these words, into one log.

    `expected` is the number of objects that are compiled, for the progress bar, which has the `name`; None where
    nothing is: that takes moments, and nothing is said. Raises BuildError with the log's first errors.
    """
    written = Log(log, progress, expected)
    if expected is not None:
        progress.say(f"building {name} (log: {log})")
    with written.file:
        for words in commands:
            build_tree.run(["make", "ARCH=um", *words], root, written)
