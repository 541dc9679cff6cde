"""The kselftests of a tree, as rows of the gate's table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from lkltest.errors import BuildError, UsageError
from lkltest.gate import suites
from lkltest.gate.report import Row, Verdict
from lkltest.host.progress import Progress
from lkltest.kselftest import kernel
from lkltest.kselftest.sources import copy
from lkltest.settings import Settings

KERNEL = "UML, kselftest"


def rows(tree: Path, logs: Path, settings: Settings, progress: Progress) -> Iterator[Row]:
    """Build UML with the options that the tree's kselftests ask for, in the cache, and run those that suit it."""
    started = time.monotonic()
    try:
        uml = kernel.build(copy(tree, settings, progress), (), settings, progress)
    except BuildError as error:
        yield Row(KERNEL, "builds", Verdict.NOT_BUILT, explanation=str(error), seconds=time.monotonic() - started)
        return
    except UsageError as error:
        yield Row(KERNEL, "builds", Verdict.NOT_RUN, explanation=str(error))
        return
    yield Row(KERNEL, "builds", Verdict.PASSED, "with their options", seconds=time.monotonic() - started)
    progress.say("running the kselftests")
    known = suites.directory() / "kselftest" / "known-failures.txt"
    options = [f"--lkl-kselftest-tree={tree}", f"--uml={uml.path}", f"--lkl-known={known}"]
    yield suites.run(KERNEL, "kselftest", options, logs)
