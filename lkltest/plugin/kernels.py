"""The kernels that a pytest session runs against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lkltest import liblkl
from lkltest.errors import LkltestError
from lkltest.liblkl import Liblkl
from lkltest.plugin.session import settings_of
from lkltest.settings import Settings


@dataclass(frozen=True)
class Choice:
    """A kernel that a session runs against, named before anything is built or booted."""

    name: str  # part of the ids of test items
    path: Path | None  # what the user named; None: the default liblkl


_CHOICES = pytest.StashKey[tuple[Choice, ...]]()


def choices_of(config: pytest.Config) -> tuple[Choice, ...]:
    """The kernels of this session, each with a name of its own.

    Raises LkltestError where what the user named is no kernel.
    """
    if _CHOICES not in config.stash:
        settings = settings_of(config)
        found = [Choice(liblkl.find(path, settings).name, path) for path in settings.lkl]
        if not found:
            found = [Choice(liblkl.default_name(settings), None)]
        config.stash[_CHOICES] = tuple(_tell_apart(found))
    return config.stash[_CHOICES]


def _tell_apart(choices: list[Choice]) -> Iterator[Choice]:
    """Number the names that stand for more than one kernel."""
    names = [choice.name for choice in choices]
    for index, choice in enumerate(choices):
        count = names[: index + 1].count(choice.name)
        yield Choice(f"{choice.name}#{count}", choice.path) if names.count(choice.name) > 1 else choice


def obtain(choice: Choice, settings: Settings) -> Liblkl:
    """The kernel that was chosen, built first where it is the default one."""
    return liblkl.find(choice.path, settings) if choice.path else liblkl.default(settings)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a wrong --lkl before anything is collected."""
    if config.getoption("lkltest_lkl"):
        try:
            choices_of(config)
        except LkltestError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever takes the fixture `kernel` against each kernel of the session."""
    if "kernel" not in metafunc.fixturenames:
        return
    try:
        choices = choices_of(metafunc.config)
    except LkltestError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    metafunc.parametrize("kernel", choices, indirect=True, ids=[choice.name for choice in choices], scope="session")


@pytest.fixture(scope="session")
def lkltest_settings(pytestconfig: pytest.Config) -> Settings:
    """The settings of this session."""
    return settings_of(pytestconfig)


@pytest.fixture(scope="session")
def kernel(request: Any, lkltest_settings: Settings) -> Liblkl:  # noqa: ANN401 -- pytest does not export SubRequest
    """A kernel to test: each one that the session runs against, one after another."""
    try:
        return obtain(request.param, lkltest_settings)
    except LkltestError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build what is not built yet before the first test, where its progress can be seen."""
    config = session.config
    if config.option.collectonly or not any("kernel" in getattr(i, "fixturenames", ()) for i in session.items):
        return
    build_missing(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:  # noqa: ANN401 -- xdist's own type
    """Build what is not built yet in the controller: the workers' output is not seen."""
    names = [f"[{choice.name}" for choice in choices_of(node.config)]
    if any(name in nodeid for name in names for nodeid in ids):
        build_missing(node.config)


def build_missing(config: pytest.Config) -> None:
    """Fetch and build the default kernel if it is chosen and not there, its progress on the terminal."""
    settings = settings_of(config)
    if all(choice.path for choice in choices_of(config)) or liblkl.is_built(settings):
        return
    from lkltest.progress import Bar

    capture = config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled(), Bar() as bar:
            liblkl.default(settings, progress=bar)
    except LkltestError as error:
        raise pytest.UsageError(str(error)) from None
