"""The KUnit tests of a tree, as rows of the gate's table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lkltest.errors import BuildError, KernelLost, UnusableKernel, UsageError
from lkltest.gate.report import Row, Verdict
from lkltest.host.progress import Progress
from lkltest.kunit import build, memory
from lkltest.kunit.kernel import Options
from lkltest.kunit.results import Result
from lkltest.kunit.spread import spread
from lkltest.settings import Settings
from lkltest.uml.executable import inspect

KERNEL = "UML, KUnit"


def rows(tree: Path, settings: Settings, progress: Progress) -> Iterator[Row]:
    """Build UML with the tree's default KUnit configuration, in the cache, and run its cases in one kernel."""
    started = time.monotonic()
    try:
        built = build.build(build.Request(tree), settings, progress)
    except BuildError as error:
        yield Row(KERNEL, "builds", Verdict.NOT_BUILT, explanation=str(error), seconds=time.monotonic() - started)
        return
    except build.LostOptions as error:
        yield Row(KERNEL, "configuration", Verdict.FAILED, explanation=str(error))
        return
    except UsageError as error:
        yield Row(KERNEL, "builds", Verdict.NOT_RUN, explanation=str(error))
        return
    yield Row(KERNEL, "builds", Verdict.PASSED, built.configs[0].name, seconds=time.monotonic() - started)
    progress.say("running the KUnit tests")
    started = time.monotonic()
    yield replace(tested(built, Options()), seconds=time.monotonic() - started)


def tested(built: build.Built, options: Options) -> Row:
    """The row for the cases of a kernel."""
    try:
        uml = inspect(built.linux)
        cases = memory.cases_of(uml, built.place, options)
    except KernelLost as error:
        return Row(KERNEL, "cases", Verdict.LOST, "they cannot be listed", str(error))
    except UnusableKernel as error:
        return unusable(error)
    except UsageError as error:
        return Row(KERNEL, "cases", Verdict.FAILED, "they cannot be listed", str(error))
    try:
        return judged(list(spread(uml, cases, cases, 1, options, {})))
    except UnusableKernel as error:  # its cases were listed before
        return unusable(error)


def unusable(error: UnusableKernel) -> Row:
    """The row for a kernel that this host cannot run, which says nothing of the tree."""
    return Row(KERNEL, "cases", Verdict.UNUSABLE, "mend this machine first", str(error))


def judged(results: Sequence[Result]) -> Row:
    """The row for these results."""
    bad = [result for result in results if result.status.bad]
    lost = any(result.status.lost for result in bad)
    verdict = Verdict.LOST if lost else Verdict.FAILED if bad else Verdict.PASSED
    counts = Counter(result.status.value for result in results)
    told = (f"{result.case.full}: {result.reason or result.status.value}" for result in bad)
    return Row(KERNEL, "cases", verdict, ", ".join(f"{count} {name}" for name, count in counts.items()),
               "\n".join(told))  # fmt: skip
