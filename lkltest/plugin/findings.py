"""The files of a property's failure: the program to replay, the stack, the console."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from lkltest.errors import PropertyFailed
from lkltest.host.cache import discard
from lkltest.plugin.artifacts import Artifacts, command
from lkltest.plugin.session import note, settings_of


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the files of each failure that a property's test has found; the report names them."""
    report = yield
    if report.failed and call.excinfo is not None:
        for failure in failures(call.excinfo.value):
            try:
                keep(item, report, failure)
            except (OSError, pytest.fail.Exception) as error:  # no directory can be made
                note(item.config, f"the files of {failure.name} are not kept: {error}")
    return report


def failures(error: BaseException) -> Iterator[PropertyFailed]:
    """The failures in an exception: Hypothesis raises a group where a property fails in several ways."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from failures(one)
    elif isinstance(error, PropertyFailed):
        yield error


def keep(item: pytest.Item, report: pytest.TestReport, failure: PropertyFailed) -> None:
    """Write the files of a failure into a directory of its own."""
    artifacts = Artifacts(item.config, settings_of(item.config), f"{item.nodeid}-{failure.name}")
    artifacts.wanted = True
    with artifacts:
        kept = [name for name, text in failure.files.items() if _write(item.config, artifacts.path / name, text)]
    found = {"title": failure.title, "name": failure.name, "place": str(artifacts.path), "files": kept}
    report.lkltest_findings = [*getattr(report, "lkltest_findings", ()), found]  # type: ignore[attr-defined] # as a cause
    again = f"\nagain:     {command('replay', artifacts.path / failure.program)}" if failure.program in kept else ""
    report.sections.append((failure.name, f"artifacts: {artifacts.path}{again}"))


def _write(config: pytest.Config, file: Path, text: str) -> bool:
    """Write a file of a failure; where there is no room for it, the report says so."""
    try:
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        discard(file)
        note(config, f"{file} is not kept: {error.strerror}")
        return False
    return True
