"""Debuggers and tracers in a pytest session."""

from __future__ import annotations

import pytest

from lkltest.plugin.session import TRACE


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a debugger's prompt for several programs at once, and remember the traces of this session."""
    if config.getoption("lkltest_gdb") and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--lkl-gdb has one terminal, -n runs several programs at once: leave one out")
    config.pluginmanager.register(Traces(), "lkltest-traces")


class Traces:
    """Prints where the traces of a session are."""

    def __init__(self) -> None:
        """Start with none."""
        self.paths: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the trace of a run, which the first of its items has."""
        self.paths += [str(value) for name, value in report.user_properties if name == TRACE]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name each trace once."""
        for path in dict.fromkeys(self.paths):
            terminalreporter.write_line(f"trace: {path}")
