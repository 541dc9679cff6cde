"""The session's report for people: --lkl-html FILE; on GitHub, annotations and the step's summary."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lkltest.errors import LkltestError
from lkltest.plugin import causes
from lkltest.plugin.coverage import directories
from lkltest.plugin.reporting import describe, outcome_of, point_of
from lkltest.plugin.session import settings_of
from lkltest.sessionreport import github
from lkltest.sessionreport.model import Finding, Item, Session, latest


def pytest_configure(config: pytest.Config) -> None:
    """Collect what this session shows, where somebody will look at it; not in pytest-xdist's workers."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Page(config), "lkltest-page")


def is_on_github(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the session is a step of a GitHub workflow."""
    return environment.get("GITHUB_ACTIONS") == "true"


class Page:
    """Collects the items of a session, and writes its report at the end."""

    def __init__(self, config: pytest.Config) -> None:
        """Start with nothing seen."""
        self.config = config
        self.started = time.time()
        self.items: list[Item] = []
        self.notes: dict[str, None] = {}  # an ordered set
        self.findings: list[Finding] = []
        self.lines: list[str] = []  # for the terminal

    @functools.cached_property
    def wanted(self) -> bool:
        """Whether somebody will look; settings that cannot be read are refused elsewhere."""
        try:
            return is_on_github() or settings_of(self.config).html is not None
        except (LkltestError, pytest.UsageError):
            return False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note an item's report."""
        if not self.wanted:
            return
        self.notes |= dict.fromkeys(getattr(report, "lkltest_notes", []))
        for found in getattr(report, "lkltest_findings", ()):
            self.findings.append(Finding(**{**found, "files": tuple(found["files"])}, item=report.nodeid))
        if str(report.outcome) != "rerun" and (report.when == "call" or not report.passed):
            self.items.append(item_of(report))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports that are wanted."""
        try:
            if self.config.option.collectonly or not self.items:
                return
            found, target = self.session(), settings_of(self.config).html
            if target:
                from lkltest.sessionreport import page

                page.write(found, target)
                self.lines.append(f"report: {target}")
        except LkltestError as error:
            self.lines.append(str(error))
            session.exitstatus = session.exitstatus or pytest.ExitCode.USAGE_ERROR
            return
        if is_on_github():
            self.lines += github.commands(found, Path(os.environ.get("GITHUB_WORKSPACE", self.config.rootpath)))
            write_summary(found)

    def session(self) -> Session:
        """All that was collected."""
        return Session(
            title=" ".join(["pytest", *self.config.invocation_params.args]), started=self.started,
            seconds=time.time() - self.started, kernels=self._kernels(), items=latest(self.items),
            coverage=directories(self.config), notes=tuple(self.notes),
            findings=tuple(self.findings),
        )  # fmt: skip

    def _kernels(self) -> dict[str, str]:
        """The kernels of the session that any item ran on, each with its description."""
        seen = {item.kernel for item in self.items} - {""}
        if not seen:
            return {}
        from lkltest.plugin.kernels import choices_of

        chosen = [choice for choice in choices_of(self.config) if choice.name in seen]
        return {one.name: describe(self.config, one)[0].partition(": ")[2] for one in chosen}

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the report is; workflow commands begin a line of their own."""
        for line in self.lines:
            terminalreporter.write_line(line)


def item_of(report: Any) -> Item:  # noqa: ANN401 -- a report of pytest's, or of a plugin's
    """An item as its report has it."""
    kernel = str(dict(report.user_properties).get("kernel", ""))
    cause = causes.cause_of(report)
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return Item(
        point=point_of(report.nodeid, kernel), kernel=kernel, outcome=outcome_of(report), seconds=report.duration,
        text=str(getattr(report, "wasxfail", "") or reason), log="\n".join(text for _, text in report.sections),
        cause=cause.title if cause else "",
    )  # fmt: skip


def write_summary(session: Session) -> None:
    """Add to the step's summary, if GitHub gives a file for one; other steps of the job have theirs."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in github.summary(session))
