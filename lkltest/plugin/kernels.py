"""The kernels that a pytest session runs against."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lkltest import liblkl
from lkltest.errors import Exit, LkltestError
from lkltest.plugin.session import settings_of
from lkltest.program.launch import Kernel
from lkltest.settings import Settings


@dataclass(frozen=True)
class Choice:
    """A kernel that a session runs against, named before anything is built or booted."""

    name: str  # part of the ids of test items
    path: Path | None  # what the user named; None: the default liblkl
    uml: bool = False


_CHOICES = pytest.StashKey[tuple[Choice, ...]]()


def choices_of(config: pytest.Config) -> tuple[Choice, ...]:
    """The kernels of this session, each with a name of its own; libraries first, then UMLs.

    Raises LkltestError where what the user named is no kernel, or does not build under --lkl-build.
    """
    if _CHOICES not in config.stash:
        settings = settings_of(config)
        with shown_progress(config, settings.build) as progress:
            found = [liblkl.prepare(path, settings, progress) for path in dict.fromkeys(settings.lkl)]
        names = liblkl.distinct([kernel.name for kernel in found], [kernel.path for kernel in found])
        named = zip(names, found, strict=True)
        choices = [Choice(settings.names.get(kernel.path, name), kernel.path) for name, kernel in named]
        config.stash[_CHOICES] = (*(choices or [Choice(liblkl.default_name(settings), None)]), *_umls(settings))
    return config.stash[_CHOICES]


def _umls(settings: Settings) -> Iterator[Choice]:
    if settings.uml:
        from lkltest import uml

        found = [uml.find(path, settings) for path in dict.fromkeys(settings.uml)]
        names = liblkl.distinct([kernel.name for kernel in found], [kernel.path for kernel in found])
        for name, kernel in zip(names, found, strict=True):
            yield Choice(name, kernel.path, uml=True)


def obtain(choice: Choice, settings: Settings) -> Kernel:
    """The kernel that was chosen, built first where it is the default one."""
    if choice.uml:
        from lkltest import uml

        return uml.find(choice.path, settings)
    return liblkl.find(choice.path, settings) if choice.path else liblkl.default(settings)


@contextlib.contextmanager
def shown_progress(config: pytest.Config, wanted: bool) -> Iterator[liblkl.Progress]:
    """Where a build may come, show its progress on the terminal, past pytest's capturing."""
    if not wanted or hasattr(config, "workerinput"):
        yield liblkl.Silent()
        return
    from lkltest.progress import Bar

    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext(), Bar() as bar:
        yield bar


def refuse(error: LkltestError) -> None:
    """End the session for a mistake that is the user's to mend, or a kernel that does not build."""
    if error.exit_code == Exit.DOES_NOT_BUILD:
        pytest.exit(str(error), returncode=int(Exit.DOES_NOT_BUILD))
    raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(trylast=True)  # after the capture manager, which a build's progress goes past
def pytest_configure(config: pytest.Config) -> None:
    """Refuse a wrong --lkl or --uml before anything is collected."""
    if config.getoption("lkltest_lkl") or config.getoption("lkltest_uml"):
        try:
            choices_of(config)
        except LkltestError as error:
            refuse(error)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever takes the fixture `kernel` against each kernel of the session that it is for."""
    if "kernel" not in metafunc.fixturenames:
        return
    try:
        choices = choices_of(metafunc.config)
    except LkltestError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    if not getattr(metafunc.function, "lkltest_native", False):
        choices = tuple(choice for choice in choices if not choice.uml)
    only = getattr(metafunc.function, "lkltest_only", None)
    choices = tuple(choice for choice in choices if only is None or choice.name in only)
    metafunc.parametrize("kernel", choices, indirect=True, ids=[choice.name for choice in choices], scope="session")


@pytest.fixture(scope="session")
def lkltest_settings(pytestconfig: pytest.Config) -> Settings:
    """The settings of this session."""
    return settings_of(pytestconfig)


@pytest.fixture(scope="session")
def kernel(request: Any, lkltest_settings: Settings) -> Kernel:  # noqa: ANN401 -- pytest does not export SubRequest
    """A kernel to test: each one that the session runs against, one after another."""
    try:
        return obtain(request.param, lkltest_settings)
    except LkltestError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build what is not built yet before the first test, where its progress can be seen."""
    config = session.config
    if not config.option.collectonly and any(wants_default(item) for item in session.items):
        build_missing(config)


def wants_default(item: pytest.Item) -> bool:
    """Whether an item runs on the default kernel."""
    choice = getattr(getattr(item, "callspec", None), "params", {}).get("kernel")
    return isinstance(choice, Choice) and choice.path is None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:  # noqa: ANN401 -- xdist's own type
    """Build what is not built yet in the controller: the workers' output is not seen."""
    names = [f"[{choice.name}" for choice in choices_of(node.config)]
    if any(name in nodeid for name in names for nodeid in ids):
        build_missing(node.config)


def build_missing(config: pytest.Config) -> None:
    """Fetch and build the default kernel if it is chosen and not there."""
    settings = settings_of(config)
    if all(choice.path for choice in choices_of(config)) or liblkl.is_built(settings):
        return
    try:
        with shown_progress(config, wanted=True) as progress:
            liblkl.default(settings, progress=progress)
    except LkltestError as error:
        refuse(error)

