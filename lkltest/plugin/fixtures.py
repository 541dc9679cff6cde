"""The fixtures that suites take, and their parametrization.

What they need is imported when one of them is used: the plugin loads in every pytest run of its users.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lkltest.errors import Exit, LkltestError
from lkltest.plugin import parts
from lkltest.plugin.session import REFUSED, Choice, refusing, settings_of
from lkltest.settings import Settings, options_of

if TYPE_CHECKING:
    from lkltest.image.disk import Disk
    from lkltest.kernel import Kernel
    from lkltest.plugin.images import PowerCuts
    from lkltest.uml import Uml

Request = Any  # pytest does not export SubRequest

# Options whose mistakes are reported before anything is collected.
NAMED = ("lkl", "uml", "variant", "gdb", "valgrind", "strace", "wrapper", "cc")

IMAGES = {"image", "broken_disk", "power_cuts"}
UMLS = "_uml_choice"


@pytest.hookimpl(trylast=True)  # after the capture manager, which a build's progress goes past
def pytest_configure(config: pytest.Config) -> None:
    """Refuse wrong values of options before anything is collected."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Refusal(), "lkltest-refusal")
    listed = bool(config.getini("lkl_known") or os.environ.get("LKLTEST_KNOWN"))
    if listed or any(config.getoption(f"lkltest_{item.name}") for item in options_of(Settings)):
        settings_of(config)
    if listed or config.getoption("lkltest_known"):
        from lkltest.plugin import known

        known.require(config)
    if any(config.getoption(f"lkltest_{name}") for name in NAMED):
        from lkltest.plugin import kernels

        kernels.require(config)
    if config.getoption("lkltest_images") or config.getoption("lkltest_image"):
        from lkltest.plugin import images

        images.require(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize tests that take our fixtures over the kernels and images that they are for."""
    names = {name for name in {"kernel", UMLS, *IMAGES} & set(metafunc.fixturenames) if _is_ours(metafunc, name)}
    if not names:
        return
    with refusing(metafunc.config):
        if "kernel" in names:
            from lkltest.plugin import kernels, trials

            for choice in kernels.parametrize(metafunc):
                trials.begin(metafunc.config, choice)
        if UMLS in names:
            from lkltest.plugin import umls

            umls.parametrize(metafunc)
        if names & IMAGES:
            from lkltest.plugin import images

            images.parametrize(metafunc)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a fixture's error for the user without a traceback; note the cause of any error of ours."""
    report = yield
    error = call.excinfo.value if call.excinfo else None
    if not isinstance(error, LkltestError):
        return report
    if report.when == "setup":
        report.longrepr = str(error)
    if not item.config.pluginmanager.has_plugin("lkltest.plugin.reporting"):
        parts.load(item.config)
        from lkltest.plugin import causes

        causes.note(item, report, error)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Put the mistake that the user has to mend on the report of a failed collection, from a worker of xdist's too."""
    report = yield
    if report.failed and REFUSED in collector.config.stash:
        error = collector.config.stash[REFUSED]
        refused = str(error), int(getattr(error, "exit_code", Exit.USAGE))
        report.lkltest_refused = refused  # type: ignore[attr-defined] # xdist sends on whatever a report has
        if refused[0] in str(report.longrepr):
            report.longrepr = refused[0]  # show the message without our traceback
    return report


class Refusal:
    """Ends the session for a mistake that the user has to mend, found in place of a test that cannot be collected."""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Look at a report of this process, or of a worker."""
        if hasattr(report, "lkltest_refused"):
            from lkltest.plugin import kernels

            kernels.refuse(*report.lkltest_refused)


def _is_ours(metafunc: pytest.Metafunc, name: str) -> bool:
    """Whether a fixture is this plugin's, and not one that the user's own tests call by the same name."""
    definitions = metafunc._arg2fixturedefs.get(name)
    return definitions is not None and definitions[-1].func.__module__ == __name__


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Let tests that need no build run before those that do: the first results come in seconds."""
    if any(_wants_default(item) for item in session.items):
        from lkltest import liblkl

        if not liblkl.is_built(settings_of(session.config)):
            session.items.sort(key=_wants_default)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Build what is not built yet before the first test that needs it, where its progress can be seen."""
    if _wants_default(item) and not hasattr(item.config, "workerinput"):
        from lkltest.plugin import kernels

        kernels.build_missing(item.config)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let an item run only on a kernel that has run the smallest program; report the reason once for all others."""
    choice = getattr(getattr(item, "callspec", None), "params", {}).get("kernel")
    if isinstance(choice, Choice):
        from lkltest.plugin import trials

        trials.demand(item.config, choice)


def _wants_default(item: pytest.Item) -> bool:
    """Whether an item runs on the default kernel."""
    choice = getattr(getattr(item, "callspec", None), "params", {}).get("kernel")
    return isinstance(choice, Choice) and choice.path is None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:  # noqa: ANN401 -- xdist's own type
    """Build what is not built yet in the controller: the workers' output is not seen."""
    if any("[lkl-" in nodeid for nodeid in ids):
        from lkltest.plugin import kernels

        if kernels.run_on_default(node.config, ids):
            kernels.build_missing(node.config)


@pytest.fixture(scope="session")
def lkltest_settings(pytestconfig: pytest.Config) -> Settings:
    """The settings of this session."""
    return settings_of(pytestconfig)


@pytest.fixture(scope="session")
def kernel(request: Request, lkltest_settings: Settings) -> Kernel:
    """A kernel to test: each one that the session runs against, one after another."""
    from lkltest.plugin import kernels

    try:
        return kernels.obtain(request.param, lkltest_settings)
    except LkltestError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="class")
def image(request: Request, kernel: Kernel) -> Iterator[Disk]:
    """A fresh disk image: one of each recipe, or a copy of each of the user's own (--lkl-image)."""
    from lkltest.plugin import images

    with images.image(request, kernel) as disk:
        yield disk


@pytest.fixture(scope="class")
def broken_disk(request: Request, kernel: Kernel) -> Iterator[list[str]]:
    """Copies of a recipe's image, each broken in a way of its own: the arguments of broken.c."""
    from lkltest.plugin import images

    with images.broken_disk(request, kernel) as arguments:
        yield arguments


@pytest.fixture(scope="module")
def power_cuts(request: Request, kernel: Kernel, lkltest_settings: Settings) -> Iterator[PowerCuts]:
    """A disk of a recipe, recorded at work on a kernel; workload.c and judge.c are beside the suite."""
    from lkltest.plugin import images

    with images.power_cuts(request, kernel, lkltest_settings) as cuts:
        yield cuts


@pytest.fixture(scope="session")
def _uml_choice(request: Request) -> Choice:
    """The file of the UML that a test is for, with its name."""
    from lkltest.plugin import umls

    return umls.require(request.param)


@pytest.fixture(scope="session")
def uml_path(_uml_choice: Choice) -> Path:
    """The file of `uml`, which may not even be a UML: for tests of the file itself."""
    assert _uml_choice.path is not None
    return _uml_choice.path


@pytest.fixture(scope="session")
def uml(_uml_choice: Choice, lkltest_settings: Settings, pytestconfig: pytest.Config) -> Uml:
    """A UML that has booted once: each one of --uml, or the one that is installed."""
    from lkltest.plugin import umls

    return umls.obtain(pytestconfig, _uml_choice, lkltest_settings)
