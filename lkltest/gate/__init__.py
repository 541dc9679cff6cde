"""The gate that a patched kernel tree must pass: stock UML, and LKL where the tree has it, build and work."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lkltest.errors import BuildError, UsageError
from lkltest.gate import kselftest, kunit, sources, suites
from lkltest.gate.report import Report, Row, Verdict
from lkltest.host import programs
from lkltest.host.cache import key
from lkltest.liblkl import Progress, build_tree, prepare
from lkltest.liblkl.build_default import Log
from lkltest.settings import Settings
from lkltest.uml import build
from lkltest.uml.executable import check_executable, check_machine, read
from lkltest.uml.tree import commit, demand_tree, version

__all__ = ["Report", "Row", "Verdict", "run", "workplace"]

workplace = sources.workplace

OBJECTS = 900  # compiled for a defconfig UML 6.1: for the progress bar only
UML = "UML"
PROGRAMS = ("boot", "disk")  # suites whose programs also run as the init of a UML
LIBRARIES = ("tools/lkl", "tools/um")


def run(
    tree: Path, place: Path, settings: Settings, progress: Progress, *, with_kunit: bool = False
) -> Report:
    """Build a copy of `tree` in `place`, test what comes out, and report; the tree itself is only read.

    `place` is an empty directory, from `workplace`. Logs, and what pytest printed, stay in the cache. Raises UsageError
    where `tree` is not a kernel tree with UML, or the host lacks something.
    """
    demand_tree(tree)
    programs.demand(build.NEEDED, "building UML", "")
    suites.directory()
    logs = settings.cache / "logs" / f"gate-{key(str(tree))}"
    logs.mkdir(parents=True, exist_ok=True)
    progress.say(f"copying the sources of {tree}")
    copy = place / "linux"
    sources.copy(tree, copy)
    rows = [*try_uml(copy, place, logs, settings, progress)]
    for library in LIBRARIES:
        if (tree / library / "Makefile").is_file():
            clean(tree, copy, logs, progress)
            rows += try_library(copy, library, logs, settings, progress)
    if with_kunit:
        rows += kunit.rows(tree, settings, progress)
        rows += kselftest.rows(tree, logs, settings, progress)
    return Report(commit(tree), version(tree), tuple(rows))


def try_uml(copy: Path, place: Path, logs: Path, settings: Settings, progress: Progress) -> Iterator[Row]:
    """Build stock UML, and test it."""
    started = time.monotonic()
    try:
        commands = (["mrproper"], ["defconfig"], [build.jobs(settings)])
        build.make(commands, copy, logs / "build-uml.log", progress, OBJECTS)
    except BuildError as error:
        yield Row(UML, "builds", Verdict.NOT_BUILT, explanation=str(error), seconds=time.monotonic() - started)
        return
    yield Row(UML, "builds", Verdict.PASSED, "ARCH=um defconfig", seconds=time.monotonic() - started)
    executable = place / "uml" / "linux"
    executable.parent.mkdir()
    if (copy / "linux").exists():
        shutil.copy2(copy / "linux", executable)
    bad = judge_executable(executable)
    yield bad or Row(UML, "linux is executable", Verdict.PASSED)
    if bad:
        yield Row(UML, "suites/uml", Verdict.NOT_RUN)
        return
    progress.say(f"testing UML {read(executable).version}")
    # The prefix that the names of all its kernels have: -k does not accept every version that a tree may give itself.
    unusable = False
    for suite, options in [("uml", []), *((suite, ["-k", "uml-"]) for suite in PROGRAMS)]:
        if unusable:
            yield Row(UML, f"suites/{suite}", Verdict.NOT_RUN)
            continue
        row = suites.run(UML, suite, [f"--uml={executable}", *options], logs)
        unusable = row.verdict is Verdict.UNUSABLE
        yield row


def judge_executable(linux: Path) -> Row | None:
    """The row for a `linux` that is missing, no ELF of this machine, or not executable; None where it is right."""
    check = "linux is executable"
    if not linux.exists():
        return Row(UML, check, Verdict.FAILED, "there is none", "make ended well, but left no file linux")
    try:
        check_machine(read(linux))
        check_executable(linux)
    except UsageError as error:
        return Row(UML, check, Verdict.FAILED, explanation=str(error).replace(str(linux), "linux"))
    return None


def clean(tree: Path, copy: Path, logs: Path, progress: Progress) -> None:
    """Remove the products of the build from the copy, above all its .config, which the next build would keep."""
    log = Log(logs / "mrproper.log", progress, None)
    try:
        with log.file:
            build_tree.run(["make", "ARCH=um", "mrproper"], copy, log)
    except BuildError:  # a tree that is stripped to what a library needs has no rules for that
        shutil.rmtree(copy)
        sources.copy(tree, copy)
        (copy / ".config").unlink(missing_ok=True)


def try_library(copy: Path, library: str, logs: Path, settings: Settings, progress: Progress) -> Iterator[Row]:
    """Build the kernel as a library, and test it."""
    started = time.monotonic()
    try:
        found = prepare(copy / library, replace(settings, build=True, lkl=()), progress)
    except (BuildError, UsageError) as error:
        yield Row(library, "builds", Verdict.NOT_BUILT, explanation=str(error), seconds=time.monotonic() - started)
        return
    yield Row(library, "builds", Verdict.PASSED, found.name, seconds=time.monotonic() - started)
    progress.say(f"testing {found.name}")
    for suite in PROGRAMS:
        yield suites.run(library, suite, [f"--lkl={copy / library}"], logs)
