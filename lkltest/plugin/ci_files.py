"""The session's results as the files that kernel CI systems take: --lkl-json, --lkl-kcidb."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from lkltest.ci.outcome import Outcome, Status
from lkltest.errors import KERNEL_LOST, LkltestError
from lkltest.plugin import causes
from lkltest.plugin.session import settings_of
from lkltest.settings import Settings

# A later report of an item only makes its outcome worse: a teardown may fail after a test that has passed.
WORST = (Status.PASSED, Status.EXPECTED, Status.SKIPPED, Status.MISSED, Status.FAILED, Status.ERROR, Status.LOST)


def pytest_configure(config: pytest.Config) -> None:
    """Watch the reports, where a file is wanted, in the process that has them all."""
    settings = settings_of(config)
    if (settings.json or settings.kcidb) and not hasattr(config, "workerinput"):
        from lkltest.host.outfile import require_writable

        for path in filter(None, (settings.json, settings.kcidb)):
            try:
                require_writable(path)
            except LkltestError as error:
                raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(Recorder(config, settings), "lkltest-ci-files")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note on a report where its item stands in a tree of all tests; pytest-xdist sends on whatever a report has."""
    report = yield
    place = getattr(item.parent, "ci_path", None)
    if place is not None:
        report.lkltest_path = [*place, item.name.partition("[")[0]]
    return report


@dataclass
class Entry:
    """The reports of one item so far."""

    nodeid: str
    path: tuple[str, ...]
    status: Status | None = None
    kernel: str = ""
    seconds: float = 0.0
    reason: str = ""
    log: str = ""
    inner: list[Outcome] = field(default_factory=list)

    def note(self, report: pytest.TestReport) -> None:
        """Take a report in."""
        self.kernel = str(dict(report.user_properties).get("kernel", self.kernel))
        status = status_of(report)
        if report.when == "call":
            self.seconds = report.duration
        if status is None or (self.status is not None and WORST.index(status) <= WORST.index(self.status)):
            return
        self.status, self.reason, self.log = status, reason_of(report), log_of(report)

    def outcome(self) -> Outcome:
        """The item's outcome; an item without a result, as after the crash of its process, could not be run."""
        inner = tuple(replace(each, path=(*self.path, each.name), kernel=self.kernel) for each in self.inner)
        return Outcome(self.nodeid.rpartition("::")[2], self.status or Status.ERROR, inner, self.path, self.kernel,
                       self.seconds, self.reason, self.log, {"nodeid": self.nodeid})  # fmt: skip


class Recorder:
    """Collects the outcomes of a session's items, and writes the files at its end."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        """Start with nothing seen."""
        self.config, self.settings = config, settings
        self.entries: dict[str, Entry] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a report of an item, or of one of its subtests."""
        if str(report.outcome) == "rerun":  # pytest-rerunfailures': another attempt follows
            self.entries.pop(report.nodeid, None)
            return
        path = tuple(getattr(report, "lkltest_path", None) or ("pytest", *report.nodeid.split("::")))
        if report.when == "setup":
            self.entries.pop(report.nodeid, None)
        entry = self.entries.setdefault(report.nodeid, Entry(report.nodeid, path))
        context = getattr(report, "context", None)
        if context is None:
            entry.note(report)
        else:
            name = context.msg or ", ".join(f"{key}={value}" for key, value in context.kwargs.items()) or "subtest"
            entry.inner.append(Outcome(str(name), status_of(report), reason=reason_of(report), log=log_of(report)))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that could not be collected."""
        if report.failed:
            text = str(report.longrepr)
            self.entries[report.nodeid] = Entry(
                report.nodeid, ("pytest", *report.nodeid.split("::")), Status.ERROR, reason=causes.first_line(text),
                log=text,
            )  # fmt: skip

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the files."""
        from lkltest.host.outfile import put

        outcomes = [entry.outcome() for entry in self.entries.values()]
        try:
            if self.settings.json:
                put(self.settings.json, kernelci_text(self.config, outcomes))
            if self.settings.kcidb:
                put(self.settings.kcidb, kcidb_text(self.settings, outcomes, int(exitstatus)))
        except LkltestError as error:
            raise pytest.UsageError(str(error)) from None


def status_of(report: pytest.TestReport) -> Status | None:
    """The outcome that one report tells; None for a setup or teardown that went well."""
    cause = causes.cause_of(report)
    if report.passed:
        return Status.PASSED if report.when == "call" else None
    if report.skipped:
        return Status.EXPECTED if hasattr(report, "wasxfail") else Status.SKIPPED
    if KERNEL_LOST in dict(report.user_properties):
        return Status.LOST if cause is None or cause.own else Status.MISSED
    if cause is not None and not cause.own:
        return Status.MISSED
    return Status.FAILED if report.when == "call" else Status.ERROR


def reason_of(report: pytest.TestReport) -> str:
    """One sentence on a test that did not pass."""
    if report.passed:
        return ""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail)
    told = causes.cause_of(report)
    crash = getattr(report.longrepr, "reprcrash", None)
    return told.line if told else causes.first_line(str(crash.message if crash else report.longrepr))


def log_of(report: pytest.TestReport) -> str:
    """All that is known of a failure."""
    if not report.failed:
        return ""
    return "\n".join([str(report.longrepr), *(f"{title}:\n{text}" for title, text in report.sections)])


def architecture(kernel: str) -> str:
    """The architecture of a kernel, as its makefile names it; this machine's where there is no kernel."""
    if not kernel:
        return os.uname().machine
    return "um" if kernel.startswith("uml") else "lkl"


def kernelci_text(config: pytest.Config, outcomes: Iterable[Outcome]) -> str:
    """The outcomes in groups: files, and in them classes."""
    from lkltest.ci import kernelci

    found = list(outcomes)
    kinds = sorted({architecture(each.kernel) for each in found if each.kernel}) or [architecture("")]
    fields = {"arch": "+".join(kinds), "defconfig": "lkltest", "build_environment": str(config.rootpath)}
    return kernelci.write("lkltest", grouped(found), fields)


def grouped(outcomes: Iterable[Outcome], depth: int = 0) -> list[Outcome]:
    """Groups by the parts of the items' ids."""
    found: dict[str, list[Outcome]] = {}
    groups: list[Outcome] = []
    for outcome in outcomes:
        parts = str(outcome.misc["nodeid"]).split("::")
        if depth < len(parts) - 1:
            found.setdefault(parts[depth], []).append(outcome)
        else:
            groups.append(outcome)
    return [*groups, *(Outcome(name, inner=tuple(grouped(inner, depth + 1))) for name, inner in found.items())]


def kcidb_text(settings: Settings, outcomes: list[Outcome], exit_status: int) -> str:
    """The outcomes with a build for each kernel; the checkout is that of the tree, where one is tested."""
    from lkltest.ci import kcidb

    kernels = dict.fromkeys(outcome.kernel for outcome in outcomes)
    builds = {kernel: {"architecture": architecture(kernel), "config_name": kernel or "no kernel"}
              for kernel in kernels}  # fmt: skip
    tree = settings.kselftest_tree or settings.kunit_tree
    misc = {"kernels": list(kernels), "exit_status": exit_status}
    return kcidb.write(outcomes, builds, _commit(tree) if tree else "", misc)


def _commit(tree: Path) -> str:
    from lkltest.uml.tree import commit

    return commit(tree)
