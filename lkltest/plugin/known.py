"""Known failures among the items of a session."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from lkltest.errors import LkltestError
from lkltest.plugin.session import INEXCUSABLE, RESULT, STANDS_FOR, settings_of

if TYPE_CHECKING:
    from lkltest.known_failures import Entry, KnownFailures

SHOWN = 20  # entries of each kind in the summary

_LISTED: pytest.StashKey[KnownFailures | None] = pytest.StashKey()


def listed(config: pytest.Config) -> KnownFailures | None:
    """The list of this session; None without one. Raises UsageError where it cannot be read."""
    if _LISTED not in config.stash:
        from lkltest import known_failures

        file = settings_of(config).known
        config.stash[_LISTED] = known_failures.read(file) if file else None
    return config.stash[_LISTED]


def require(config: pytest.Config) -> None:
    """Refuse a list that cannot be read before anything is collected."""
    try:
        listed(config)
    except LkltestError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_configure(config: pytest.Config) -> None:
    """Watch the reports of this session."""
    config.pluginmanager.register(KnownSummary(config), "lkltest-known-summary")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a listed item that fails be a known failure, and say of one that passes that it does.

    What keeps an item from being run, in its setup, is no failure of its own: it is not excused. Nor is a kselftest's
    kernel that was lost or has complained.
    """
    report = yield
    if call.when != "call" or item.config.option.runxfail or hasattr(report, "wasxfail"):
        return report
    names = listed(item.config)
    entry = (_find(item, names) or _need(item, names)) if names else None
    if names is None or entry is None:
        return report
    if report.failed and _is_own(item, names) and not item.stash.get(INEXCUSABLE, False):
        report.outcome = "skipped"
        _mark(report, entry)
    elif report.passed and not (RESULT not in item.stash and _has_subtests(item)):
        _mark(report, entry)  # pytest fails a test whose subtests have failed after it has passed
    return report


def _find(item: pytest.Item, names: KnownFailures) -> Entry | None:
    """The entry of an item, or of the subtest of it that is reported."""
    result = item.stash.get(RESULT, None)
    if result is None or not _has_subtests(item):
        return names.find(item.nodeid, item=True)
    return _subtest(item, names, result.name)


def _need(item: pytest.Item, names: KnownFailures) -> Entry | None:
    """The entry of the point whose failure kept an item, or the subtest of it that is reported, from being run."""
    result = item.stash.get(RESULT, None)
    if result is None or not result.need:
        return None
    return (_subtest if _has_subtests(item) else _sibling)(item, names, result.need)


def _has_subtests(item: pytest.Item) -> bool:
    return "subtests" in getattr(item, "fixturenames", ())


def _subtest(item: pytest.Item, names: KnownFailures, point: str) -> Entry | None:
    """The entry of a point that is a subtest of an item.

    One that is shown at a program's end, as its name was not known before, is listed as the item that it is next time.
    """
    from lkltest.plugin.suite import EXIT, UNTABLED, ProgramSuite, attribute, item_name

    ids = [f"{item.nodeid}::{point}", f"{item.nodeid.partition('[')[0]}::{point}"]
    name, bracket, parameters = item.name.partition("[")
    if isinstance(item.parent, ProgramSuite) and name in {UNTABLED, EXIT, item.parent.end}:
        ids.append(f"{item.parent.nodeid}::{attribute(item_name(point))}{bracket}{parameters}")
    return next(filter(None, (names.find(each, item=True) for each in ids)), None)


def _sibling(item: pytest.Item, names: KnownFailures, point: str) -> Entry | None:
    """The entry of another point of an item's run; of its end, where the name is empty."""
    from lkltest.plugin.suite import ProgramSuite, attribute

    assert isinstance(item.parent, ProgramSuite)
    other = attribute(point) if point else item.parent.end
    _, bracket, parameters = item.name.partition("[")
    return names.find(f"{item.parent.nodeid}::{other}{bracket}{parameters}", item=True)


def _is_own(item: pytest.Item, names: KnownFailures) -> bool:
    """Whether the failure of an item stands for no other failure, or for one that is known too."""
    point = item.stash.get(STANDS_FOR, None)
    return point is None or item.parent is None or _sibling(item, names, point) is not None


def _mark(report: pytest.TestReport, entry: Entry) -> None:
    """Make the report an expected failure's, or an unexpected pass's, which does not fail under xfail_strict."""
    report.wasxfail = f"known: {entry.reason}"
    vars(report)["lkltest_known"] = entry.line  # xdist sends on whatever a report has


class KnownSummary:
    """Tells at the end of a session what became of the listed items."""

    def __init__(self, config: pytest.Config) -> None:
        """Start with nothing seen."""
        self.config = config
        self.failed: list[str] = []
        self.passed: list[tuple[str, int]] = []  # with the line of the list

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note which entries match an item, selected or not."""
        self.match([item.nodeid])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Note which entries match an item that a worker has collected."""
        self.match(ids)

    def match(self, ids: Sequence[str]) -> None:
        """Note which entries match any of these items."""
        names = listed(self.config)
        for nodeid in ids if names is not None else ():
            assert names is not None
            names.find(nodeid, item=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a report of a listed item."""
        line: Any = getattr(report, "lkltest_known", None)
        names = listed(self.config) if line is not None else None
        if names is None:
            return
        names.matched.add(line)
        if report.passed:
            self.passed.append((report.nodeid, line))
        else:
            self.failed.append(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell which listed items have passed, and which entries are no item here."""
        names = listed(self.config)
        if names is None or self.config.option.collectonly:
            return
        entries = {entry.line: entry for entry in names.entries}
        passed = [f"{nodeid} ({names.file}:{line}: {entries[line].reason})" for nodeid, line in self.passed]
        unmatched = [f"{entry.pattern} ({names.file}:{entry.line})" for entry in names.unmatched()]
        if self.failed:
            terminalreporter.write_line(f"known failures: {len(self.failed)} ({names.file})")
        for title, told in (("known to fail, but passed", passed), ("known failure that is no item here", unmatched)):
            for text in told[:SHOWN]:
                terminalreporter.write_line(f"{title}: {text}", yellow=True)
            if len(told) > SHOWN:
                terminalreporter.write_line(f"{title}: {len(told) - SHOWN} more", yellow=True)
