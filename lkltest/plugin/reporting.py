"""Reports, the header and the summary of a pytest session."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import pytest

from lkltest.errors import LkltestError
from lkltest.plugin import causes, side_by_side
from lkltest.plugin.session import RESULT, Choice, settings_of, take_notes

# Properties of the boot suite's points that the summary shows, each with the words it is shown in.
SHOWN = {"kernel_release": "Linux {}", "boot_us": "booted in {} us", "latency_ns": "getpid in {} ns"}


def pytest_configure(config: pytest.Config) -> None:
    """Watch the reports of this session, and its JUnit file if it writes one."""
    config.pluginmanager.register(KernelSummary(config), "lkltest-summary")
    sections = causes.Sections()
    config.pluginmanager.register(sections, "lkltest-sections")
    config.pluginmanager.register(causes.Paragraphs(sections), "lkltest-paragraphs")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each item of a kernel that kernel's name as a property: JUnit files and the summary tell them apart."""
    choice = getattr(item, "callspec", None) and item.callspec.params.get("kernel")  # type: ignore[attr-defined]
    if isinstance(choice, Choice):
        item.user_properties.append(("kernel", choice.name))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a point's report the point's own time and place; under --lkl-strict a skip fails."""
    report = yield
    causes.note(item, report, call.excinfo.value if call.excinfo else None)
    result = item.stash.get(RESULT, None)
    if report.when == "call" and result is not None:
        report.duration = result.seconds
        if result.todo is not None and report.passed and not item.config.option.runxfail:
            _pass_unexpectedly(report, result.todo, strict=_is_strict(item.config))
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        place = getattr(item.parent, "place", None)  # a ProgramSuite's: not where our own code skips it
        if place is not None:
            report.longrepr = (*place(result.name if result is not None else ""), reason)
        if settings_of(item.config).strict:
            report.outcome = "failed"
            report.longrepr = f"skipped, which --lkl-strict forbids: {reason.removeprefix('Skipped: ')}"
    vars(report)["lkltest_notes"] = take_notes(item.config)  # a worker's report carries them to the controller
    return report


def _pass_unexpectedly(report: pytest.TestReport, reason: str, *, strict: bool) -> None:
    """Make the report of a test that passed though it was expected to fail, as pytest's own mark xfail makes it."""
    if strict:
        report.outcome = "failed"
        report.longrepr = f"[XPASS(strict)] {reason}"
    else:
        report.wasxfail = reason


def _is_strict(config: pytest.Config) -> bool:
    """Whether a test that passes unexpectedly fails."""
    given = config.getini("strict_xfail")
    return bool(config.getini("strict") if given is None else given)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say which kernels the session runs against, where anything in it does.

    Programs read the ids that --collect-only -q prints: no line of ours may be among them.
    """
    if config.option.collectonly and config.get_verbosity() < 0:
        return []
    choices = {one.path: one for item in items for one in _parameters(item) if isinstance(one, Choice)}
    if any("kernel" in getattr(item, "fixturenames", ()) for item in items):
        from lkltest.plugin.kernels import choices_of

        choices = {one.path: one for one in choices_of(config)} | choices
    return [line for choice in choices.values() for line in describe(config, choice)]


def _parameters(item: pytest.Item) -> Iterable[object]:
    """The parameters of an item."""
    return getattr(getattr(item, "callspec", None), "params", {}).values()


def describe(config: pytest.Config, choice: Choice) -> list[str]:
    """A line on a kernel: version, origin, time of its build; more lines where the user should know more."""
    import datetime

    from lkltest import liblkl
    from lkltest.plugin.kernels import obtain_usable

    settings = settings_of(config)
    if choice.path is None and not liblkl.is_built(settings):
        return [f"kernel {choice.name}: to be fetched and built"]
    try:
        found, note = obtain_usable(choice, settings)
    except LkltestError as error:
        return [f"kernel {choice.name}: {error}"]
    when = datetime.datetime.fromtimestamp(found.built).strftime("%Y-%m-%d %H:%M")
    around = f", {note}" if note else ""
    first = f"kernel {choice.name}: Linux {found.version} ({found.kind}), {found.origin}, built {when}{around}"
    return [first, *(f"  note: {note}" for note in found.notes)]  # `freshness` finds out whether its sources are newer


def point_of(nodeid: str, kernel: str) -> str:
    """The id of an item without its kernel: the same for all kernels."""
    if not kernel:
        return nodeid
    return nodeid.replace(f"[{kernel}]", "").replace(f"[{kernel}-", "[").replace(f"-{kernel}]", "]")


def outcome_of(report: Any) -> str:  # noqa: ANN401 -- a report of pytest's, or of a plugin's
    """The outcome of a report, as pytest counts it: passed, failed, error, skipped, xfailed, xpassed."""
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    return "error" if report.failed and report.when != "call" else str(report.outcome)


def _not_shown(note: str, reporter: pytest.TerminalReporter) -> str:
    """The first line of a note, and the others where no failure has shown them."""
    first, _, others = note.partition("\n")
    shown = others and any(others in report.longreprtext for report in reporter.stats.get("failed", ()))
    return first if shown else note


class KernelSummary:
    """Collects the results of each kernel's points, for the end of the session."""

    def __init__(self, config: pytest.Config) -> None:
        """Start with nothing seen."""
        self.config = config
        self.outcomes: dict[str, dict[str, str]] = {}  # point -> kernel -> outcome
        self.properties: dict[str, dict[str, str]] = {}  # kernel -> property -> value
        self.notes: dict[str, None] = {}  # an ordered set
        self.unreached: set[str] = set()  # points that a kernel has not reached

    @functools.cached_property
    def junit(self) -> Any:  # noqa: ANN401 -- pytest does not export its type
        """The plugin that writes the JUnit file."""
        plugins = self.config.pluginmanager.get_plugins()
        return next((p for p in plugins if type(p).__name__ == "LogXML"), None)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Note a kernel's report; let JUnit have its log, which it leaves out of other tests' cases by default."""
        self.notes |= dict.fromkeys(getattr(report, "lkltest_notes", []))
        if report.when == "setup" and report.passed:
            return (yield)  # the next report of the item says more
        properties = dict(report.user_properties)
        kernel = str(properties.get("kernel", ""))
        with self._naming_subtest(report) if hasattr(report, "context") else contextlib.nullcontext():
            if not kernel:
                return (yield)
            self._note(report, kernel, properties)
            logging = getattr(self.junit, "logging", None)
            if logging == "no":
                self.junit.logging = "log"
            try:
                return (yield)
            finally:
                if logging == "no":
                    self.junit.logging = logging

    @contextlib.contextmanager
    def _naming_subtest(self, report: pytest.TestReport) -> Iterator[None]:
        """Let the entry on a subtest in the JUnit file begin with its name, which pytest leaves out."""
        name = getattr(getattr(report, "context", None), "msg", None)
        if not name or self.junit is None:
            yield
            return
        nodes = self.junit.node_reporter(report).nodes
        before = len(nodes)
        yield
        for node in nodes[before:]:
            if "message" in node.attrib:
                node.set("message", f"{name}: {node.get('message')}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Let the properties of our cases be the suite's, as the schema of JUnit files wants it, before one is written.

        pytest writes them into the cases, which only its older families of files allow.
        """
        if self.junit is None or self.junit.family in ("legacy", "xunit1"):
            return
        found: dict[tuple[str, str], None] = {}  # an ordered set
        for case in (reporter.to_xml() for reporter in self.junit.node_reporters_ordered):
            properties = case.find("properties")
            told = {each.get("name"): each.get("value") for each in properties} if properties is not None else {}
            if "kernel" not in told:
                continue  # not a case of ours
            case.remove(properties)
            found[("kernel", told.pop("kernel"))] = None
            found.update(dict.fromkeys((f"{case.get('name')}: {name}", value) for name, value in told.items()))
        for name, value in found:
            self.junit.add_global_property(name, value)

    def _note(self, report: pytest.TestReport, kernel: str, properties: dict[str, object]) -> None:
        point, outcome = point_of(report.nodeid, kernel), outcome_of(report)
        cause = causes.cause_of(report)
        if cause is not None and not cause.own:
            self.unreached.add(point)
        elif report.when == "call" or outcome != "passed":
            self.outcomes.setdefault(point, {})[kernel] = outcome
        self.properties.setdefault(kernel, {}).update({k: str(v) for k, v in properties.items() if k in SHOWN})

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The collected results: one line for each kernel; for several kernels, also a table of their differences."""
        for text in self.notes | dict.fromkeys(take_notes(self.config)):  # an interrupted run has some left
            terminalreporter.write_line(_not_shown(text, terminalreporter), yellow=True)
        for kernel, values in self.properties.items():
            if values:
                shown = ", ".join(words.format(values[name]) for name, words in SHOWN.items() if name in values)
                terminalreporter.write_line(f"kernel {kernel}: {shown}")
        seen = {kernel for row in self.outcomes.values() for kernel in row}
        if len(seen) > 1:
            from lkltest.plugin.kernels import choices_of

            terminalreporter.section("kernels side by side", "-")
            # In the order in which the user named them.
            kernels = [one.name for one in choices_of(self.config) if one.name in seen]
            reached = {point: row for point, row in self.outcomes.items() if point not in self.unreached}
            side_by_side.write_table(terminalreporter, reached, kernels)
            if left := len(self.unreached):
                what = "1 point is" if left == 1 else f"{left} points are"
                terminalreporter.write_line(f"{what} left out, which some kernel did not reach: see above")
        if self.outcomes:
            side_by_side.write_skips(terminalreporter)
