"""Programs that print TAP, named on pytest's command line (--tap-program)."""

from __future__ import annotations

import os
import shlex
import types
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.plugin import parts
from lkltest.plugin.session import settings_of
from lkltest.program.naming import unique
from lkltest.program.tap_launch import resolve
from lkltest.program.tap_program import TapProgram, TapPrograms

_PROGRAMS = pytest.StashKey[list[tuple[Path, str, TapProgram]]]()  # of each: its file, its command's words, itself


def pytest_configure(config: pytest.Config) -> None:
    """Look for the programs, and collect nothing else where no other tests are named."""
    parts.load(config)
    directory = config.invocation_params.dir
    try:
        config.stash[_PROGRAMS] = [
            found for text in config.getoption("lkltest_tap_program") for found in _find(text, directory, config)
        ]
    except UsageError as error:
        raise pytest.UsageError(f"--tap-program: {error}") from None
    if config.args_source is not config.ArgsSource.ARGS:
        config.args, config.args_source = [], config.ArgsSource.ARGS


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Add the programs to what the session collects."""
    report = yield
    if isinstance(collector, pytest.Session) and report.passed:
        report.result = [*report.result, *_modules(collector)]
    return report


class TapModule(pytest.Module):
    """A file of programs, in place of the Python module that would declare them."""

    directory: Path  # that their paths are relative to
    programs: dict[str, TapProgram]

    def _getobj(self) -> types.ModuleType:
        module = types.ModuleType(self.name)
        vars(module).update(self.programs)
        return module


def _find(text: str, directory: Path, config: pytest.Config) -> Iterator[tuple[Path, str, TapProgram]]:
    """The programs that one option names."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text}: {error}") from None
    if not words:
        raise UsageError("an empty command")
    skips = settings_of(config).tap_excuse_skips
    found = [("", TapProgram(words, excuse_skips=skips))]
    if any(mark in words[0] for mark in "*?[") and not (directory / words[0]).exists():
        found = [*TapPrograms(words[0], words[1:], excuse_skips=skips).find(directory)]
    for _, program in found:
        first, *rest = map(str, program.argv)
        path = next(iter(resolve([first], directory, directory)[-1:]))
        yield Path(path), " ".join([Path(first).name, *rest]), program


def _modules(session: pytest.Session) -> Iterator[TapModule]:
    """The programs by their files."""
    modules: dict[Path, TapModule] = {}
    for path, name, program in session.config.stash[_PROGRAMS]:
        if path not in modules:
            first = os.fspath(program.argv[0])  # without a slash: of a program that PATH has
            nodeid = os.path.relpath(path, session.config.rootpath) if "/" in first else first
            modules[path] = TapModule.from_parent(session, path=path, nodeid=nodeid)
            modules[path].directory, modules[path].programs = session.config.invocation_params.dir, {}
        programs = modules[path].programs
        programs[unique(name, programs, {})] = program
    yield from modules.values()
