"""Causes that many items share, each reported once for all of them."""

from __future__ import annotations

import copy
from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from lkltest.errors import KERNEL_LOST, UNUSABLE, KernelLost, LkltestError, UnusableKernel
from lkltest.plugin import alike
from lkltest.plugin.session import Choice

LINES = 40  # of a cause's text on the terminal
HEAD = 24  # of these, from its beginning
DEFAULT = "fE"  # what pytest's short summary shows if nobody asks for anything
CATEGORIES = ("failed", "error", "skipped")


@dataclass(frozen=True)
class Cause:
    """The cause that kept an item from its verdict. Items with the same kernel and the same line have one cause."""

    kernel: str  # the name of a kernel; empty where it has nothing to do with one
    line: str  # one sentence
    text: str = ""  # all that is known of it
    own: bool = False  # the item's own report tells the text
    unusable: bool = False  # this host cannot run the kernel: the items are skips
    lost: str = ""  # how the kernel was lost; empty where it was not
    alike: bool = False  # the items were reached, and failed in one way

    @property
    def title(self) -> str:
        """The first line of its paragraph."""
        return self.line if self.unusable or self.alike else f"not reached: {self.line}"


CAUSE = pytest.StashKey[Cause | None]()  # of an item, by its present attempt


class NotReached(pytest.fail.Exception):  # type: ignore[name-defined,misc] # an attribute of a function
    """Fails an item that was not reached; `cause` says why."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message, pytrace=False)
        self.cause = cause


def first_line(text: str) -> str:
    """The first line of a text that has any."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")


def record_loss(item: pytest.Item, how: str) -> None:
    """Record for JUnit files, and so for the gate, that an item fails because its kernel was lost."""
    item.user_properties[:] = [*_without_loss(item), (KERNEL_LOST, how)]


def _without_loss(item: pytest.Item) -> list[tuple[str, object]]:
    return [(name, value) for name, value in item.user_properties if name != KERNEL_LOST]


def note(item: pytest.Item, report: pytest.TestReport, error: BaseException | None) -> None:
    """Put the cause that kept an item from its verdict on its report; a skip if this host cannot run the kernel."""
    cause = item.stash.get(CAUSE, None) if report.when == "call" and not report.passed else None
    if report.when == "setup":
        item.user_properties[:] = _without_loss(item)  # of an earlier attempt
    if isinstance(error, KernelLost):
        record_loss(item, "lost")
        report.user_properties = list(item.user_properties)  # a teardown's are what a JUnit file gets
    if isinstance(error, NotReached):
        cause = error.cause
        report.longrepr = str(error)
        if cause.lost:
            record_loss(item, cause.lost)
        report.when = "call"  # it is the item that fails, and no mistake in a fixture
    elif isinstance(error, UnusableKernel):
        cause = Cause(kernel_of(item), first_line(str(error)), str(error), unusable=True)
        item.user_properties.append((UNUSABLE, cause.line))
        report.when = "call"
        report.outcome = "skipped"
        report.longrepr = (str(item.path), (item.location[1] or 0) + 1, f"Skipped: {cause.title}")
    elif report.when == "setup" and report.failed and hasattr(getattr(item, "obj", None), "lkltest_point"):
        # A fixture that fails for a whole run fails for each of its items.
        cause = Cause(kernel_of(item), first_line(str(error)), str(report.longrepr), own=True)
    if report.failed and (cause is None or cause.own) and isinstance(error, pytest.fail.Exception | LkltestError):
        kernel = kernel_of(item)
        likeness = asdict(alike.of(kernel, str(error))) if kernel else None
        report.lkltest_likeness = likeness  # type: ignore[attr-defined] # likewise
    if cause is not None:
        report.lkltest_cause = asdict(cause)  # type: ignore[attr-defined] # xdist sends on whatever a report has


def cause_of(report: Any) -> Cause | None:  # noqa: ANN401 -- a report of pytest's, or of a plugin's
    """The cause that kept the item of a report from being reached, if there is one."""
    noted = getattr(report, "lkltest_cause", None)
    return Cause(**noted) if noted else None


def kernel_of(item: pytest.Item) -> str:
    """The name of the kernel that an item is for; empty where it is for none."""
    params = getattr(getattr(item, "callspec", None), "params", {}).values()
    return next((choice.name for choice in params if isinstance(choice, Choice)), "")


@dataclass
class Group:
    """The reports that have one cause."""

    cause: Cause
    told: dict[str, str]  # the texts that reports of their own tell, each with the id of the first item that does
    kept: list[Any]  # the reports of the other items

    def paragraph(self, *, full: bool) -> list[str]:
        """The lines on the cause, for the terminal; `full`: with all that is known of it."""
        cause, ids = self.cause, [report.nodeid for report in self.kept]
        failed = any(report.failed for report in self.kept)
        what = f"{len(ids)} item{'s' * (len(ids) > 1)}"
        if cause.unusable:
            what += " failed, since --lkl-strict forbids skips" if failed else " skipped"
        elif cause.kernel:
            what += f" of the kernel {cause.kernel}"
        lines = [cause.title, f"  {what}: {ids[0]}" if len(ids) == 1 else f"  {what}, first and last:"]
        lines += [f"    {nodeid}" for nodeid in (ids[0], ids[-1]) if len(ids) > 1]
        if self.told and full:
            first, *others = self.told.values()
            more = f", and in {len(others)} more of its kind" if others else ""
            lines.append(f"  told in full above, in {first}{more}")
        elif full and cause.text.strip() != cause.line:
            lines += ["", *shortened(cause.text)]
        return lines

    def entry(self) -> Any:  # noqa: ANN401 -- a report
        """One report for all of them, for the short summary."""
        entry = copy.copy(self.kept[0])
        text = f"{len(self.kept)} items {self.cause.title}" if len(self.kept) > 1 else self.cause.title
        entry.longrepr = (*entry.longrepr[:2], text) if isinstance(entry.longrepr, tuple) else text
        return entry


def shortened(text: str) -> list[str]:
    """The lines of a text, without the middle of a long one."""
    lines = text.rstrip().splitlines()
    if len(lines) <= LINES:
        return lines
    tail = LINES - HEAD - 1
    return [*lines[:HEAD], f"[{len(lines) - HEAD - tail} lines left out]", *lines[-tail:]]


def grouped(reports: list[Any]) -> list[Group]:
    """The causes of these reports, in the order in which they came."""
    groups: dict[tuple[str, str, bool], Group] = {}
    for report in reports:
        cause = cause_of(report)
        if cause is None:
            continue
        group = groups.setdefault((cause.kernel, cause.line, cause.unusable), Group(cause, {}, []))
        if cause.own and cause.text not in group.told:
            group.told[cause.text] = report.nodeid
        else:
            group.kept.append(report)
    return [group for group in groups.values() if group.kept]


def repeats(reports: list[Any]) -> list[Group]:
    """The failures, of those that are told in full, which are like an earlier one."""
    groups = []
    for likeness, (first, *others) in alike.repeated(reports):
        cause = Cause(likeness.kernel, likeness.title, alike=True)
        groups.append(Group(cause, {likeness.line: first.nodeid}, others))
    return groups


class Sections:
    """Takes the reports that have a paragraph out of pytest's own sections, for the time of the summary."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.groups: list[Group] = []
        self.whole: dict[str, list[Any]] = {}  # pytest's reports by their category

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Leave the other reports to pytest's sections, and put all back for its counts."""
        stats = terminalreporter.stats
        self.whole = {name: stats[name] for name in CATEGORIES if name in stats}
        reports = [report for reports in self.whole.values() for report in reports]
        groups = grouped(reports)
        kept = {id(report) for group in groups for report in group.kept}
        self.groups = [*groups, *repeats([report for report in reports if id(report) not in kept])]
        kept = {id(report) for group in self.groups for report in group.kept}
        for name, reports in self.whole.items():
            stats[name] = [report for report in reports if id(report) not in kept]
        try:
            return (yield)
        finally:
            stats.update(self.whole)


class Paragraphs:
    """Gives each cause one paragraph in the terminal's summary."""

    def __init__(self, sections: Sections) -> None:
        """Write the reports that `sections` has taken out."""
        self.sections = sections

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the paragraphs, and leave the short summary an entry a cause; under -rA an entry an item."""
        option, groups = terminalreporter.config.option, self.sections.groups
        for number, group in enumerate(groups):
            title, *lines = group.paragraph(full=option.tbstyle != "no")
            if not number or group.cause.alike is not groups[number - 1].cause.alike:
                terminalreporter.write_sep("=", "alike" if group.cause.alike else "not reached")
            else:
                terminalreporter.write_line("")
            terminalreporter.write_line(title, red=not group.cause.unusable, yellow=group.cause.unusable, bold=True)
            for line in lines:
                terminalreporter.write_line(line)
        if "A" in option.reportchars:
            terminalreporter.stats.update(self.sections.whole)
            return
        for name, reports in self.sections.whole.items():
            ids = {id(report) for report in reports}
            terminalreporter.stats[name] += [group.entry() for group in groups if id(group.kept[0]) in ids]
