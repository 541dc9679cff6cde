"""Coverage of a pytest session: collected run by run, reported at the end."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkltest.errors import Exit, LkltestError, UsageError
from lkltest.kernel import Kernel
from lkltest.plugin.session import settings_of
from lkltest.program.command import Launch
from lkltest.settings import Settings

if TYPE_CHECKING:
    from lkltest.coverage.summary import Summary

_OLD = pytest.StashKey[frozenset[Path]]()  # the data of earlier sessions
_SUMMARY: pytest.StashKey[Summary] = pytest.StashKey()
KCOV = "build the UML with CONFIG_KCOV=y, as docs/coverage.md says"
_PROBLEMS = pytest.StashKey[list[str]]()


class Collector:
    """Collects what one run of a program reaches, where the session collects coverage."""

    def __init__(
        self, config: pytest.Config, settings: Settings, kernel: Kernel | None, directory: Path, suite: str,
        parameters: str,
    ) -> None:
        """The programs write to `directory`, which is removed in the end; `suite` and `parameters` name the run.

        For a UML, it is the directory with its root.
        """
        self.config = config
        self.kernel = kernel
        self.directory = directory
        self.suite, self.parameters = suite, parameters
        self.target = settings.cov if kernel else None

    def attach(self, launch: Launch) -> Launch:
        """The command, with the variable that lets its program note what it reaches."""
        if self.target is None:
            return launch
        from lkltest.coverage.raw import VARIABLE

        earlier(self.config)
        if launch.native:
            return launch  # told by the kernel's command line: see `program.launch.KCOV`
        self.directory.mkdir(parents=True, exist_ok=True)
        return replace(launch, env={**launch.env, VARIABLE: str(self.directory)})

    def collect(self, program: Path) -> None:
        """Save what the run has reached."""
        if self.target is None or self.kernel is None:
            return
        from lkltest.coverage import data
        from lkltest.coverage.collect import collect

        try:
            found = collect(self.directory, program, self.kernel, self._context)
            if found.modules:
                data.save(found, self.target / f"{uuid.uuid4().hex}{data.SUFFIX}")
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _context(self, point: str) -> str:
        """The id of a point's item; of the run itself for what is reached between points."""
        name = f"{self.suite}::{point}" if point else self.suite
        return f"{name}[{self.parameters}]"


def earlier(config: pytest.Config) -> frozenset[Path]:
    """The data of earlier sessions, as they were before this one saved any.

    Raises UsageError where the directory is one of something else.
    """
    if _OLD not in config.stash:
        target = settings_of(config).cov
        config.stash[_OLD] = frozenset(_saved(target))
        if target and target.is_dir() and not config.stash[_OLD] and any(target.iterdir()):
            raise UsageError(f"--lkl-cov: {target} holds other things than coverage: name a directory of its own, and "
                             "write --lkl-cov=DIR, for a word that stands apart is taken for DIR")
    return config.stash[_OLD]


def _saved(directory: Path | None) -> Iterator[Path]:
    from lkltest.coverage.data import SUFFIX

    return directory.glob(f"*{SUFFIX}") if directory else iter(())


def _is_reporting(config: pytest.Config) -> bool:
    """Whether this process reports: no worker, and coverage is collected."""
    if hasattr(config, "workerinput"):
        return False
    if config.option.lkltest_cov or os.environ.get("LKLTEST_COV") or config.getini("lkl_cov"):
        return True
    from lkltest.settings import file

    try:
        return "cov" in file.read(config.rootpath)
    except LkltestError:
        return False  # nothing of ours runs in a session whose settings cannot be read


def pytest_sessionstart(session: pytest.Session) -> None:
    """Tell the data of earlier sessions apart from those that workers will save."""
    if _is_reporting(session.config):
        try:
            earlier(session.config)
        except LkltestError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Find the lines of what was reached, write the lcov file, and fail where it is less than was demanded."""
    if not _is_reporting(session.config) or session.config.option.collectonly:
        return
    settings = settings_of(session.config)
    problems = session.config.stash[_PROBLEMS] = []
    status: int = Exit.USAGE
    try:
        old = earlier(session.config)
        files = [file for file in _saved(settings.cov) if settings.cov_append or file not in old]
        if files:
            session.config.stash[_SUMMARY] = _report(settings, files)
            from lkltest.coverage.report import missed

            problems += missed(session.config.stash[_SUMMARY], settings.cov_fail_under)
            status = Exit.FAILED
            if not settings.cov_append:
                for file in old:
                    file.unlink(missing_ok=True)
        elif session.testscollected:
            problems.append(f"no coverage was collected: no program ran on a library, or on a UML with KCOV ({KCOV})")
    except LkltestError as error:
        problems.append(str(error))
    if problems and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = status


def _report(settings: Settings, files: list[Path]) -> Summary:
    """The lines of a session's data, which are in the lcov file by then."""
    from lkltest.coverage import data, lcov
    from lkltest.coverage.summary import summarize

    assert settings.cov is not None
    summary = summarize(data.load(files), settings.cache)
    lcov.write(summary, settings.cov / lcov.INFO)
    return summary


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the share of each directory, and what is wrong."""
    summary = config.stash.get(_SUMMARY, None)
    if summary is not None:
        from lkltest.coverage.report import table

        terminalreporter.section("coverage of the kernel", "-")
        for line in table(summary):
            terminalreporter.write_line(line)
        for name in _uncovered(config, summary.kernels):
            terminalreporter.write_line(f"{name} has no coverage: {KCOV}", yellow=True)
        target = settings_of(config).cov
        terminalreporter.write_line(f"coverage data and lcov.info: {target}")
    for problem in config.stash.get(_PROBLEMS, []):
        terminalreporter.write_line(problem, red=True)


def directories(config: pytest.Config) -> tuple[tuple[str, int, int], ...]:
    """The directories of the kernel with their lines, and those that were reached; none without coverage."""
    summary = config.stash.get(_SUMMARY, None)
    shares = summary.directories(depth=2) if summary is not None else {}
    return tuple((name, share.lines, share.hit) for name, share in shares.items())


def _uncovered(config: pytest.Config, covered: Iterable[str]) -> list[str]:
    """The UMLs of the session that have left no coverage."""
    from lkltest.plugin.kernels import choices_of

    return [choice.name for choice in choices_of(config) if choice.uml and choice.name not in covered]
