"""Reports, the header and the summary of a pytest session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lkltest.errors import LkltestError
from lkltest.liblkl import Liblkl
from lkltest.plugin.kernels import choices_of, obtain
from lkltest.plugin.running import RESULT
from lkltest.plugin.session import settings_of


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None] | Any:  # noqa: ANN401 -- a wrapper yields and returns
    """Give a point's report the point's own time and reason; under --lkl-strict a skip fails."""
    report = yield
    result = item.stash.get(RESULT, None)
    if report.when == "call" and result is not None:
        report.duration = result.seconds
        if report.skipped and isinstance(report.longrepr, tuple):
            source = getattr(item.parent, "source", item.path)
            report.longrepr = (str(source), 0, report.longrepr[2])
    if report.skipped and not hasattr(report, "wasxfail") and settings_of(item.config).strict:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"skipped, which --lkl-strict forbids: {reason.removeprefix('Skipped: ')}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> Iterator[None]:
    """Let JUnit files hold the logs of points, whatever junit_logging says of other tests."""
    return (yield)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say which kernels the session runs against, where anything in it does."""
    if not any("kernel" in getattr(item, "fixturenames", ()) for item in items):
        return []
    lines = []
    for choice in choices_of(config):
        try:
            found = obtain_known(config, choice.path is None) and obtain(choice, settings_of(config))
        except LkltestError as error:
            found = None
            lines.append(f"kernel {choice.name}: {error}")
        if found:
            lines.append(describe(found))
    return lines


def obtain_known(config: pytest.Config, default: bool) -> bool:
    """Whether a kernel can be described without building it."""
    from lkltest import liblkl

    return not default or liblkl.is_built(settings_of(config))


def describe(kernel: Liblkl) -> str:
    """One line that says what a kernel is and where it is from."""
    import datetime

    built = datetime.datetime.fromtimestamp(kernel.built).strftime("%Y-%m-%d %H:%M")  # noqa: DTZ006 -- for people here
    return f"kernel {kernel.name}: Linux {kernel.version} ({kernel.generation.value}), {kernel.origin}, built {built}"
