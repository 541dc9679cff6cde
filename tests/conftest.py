"""A real kernel for lkltest's own tests, built before the first test that takes it, and kept from all others."""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

import lkltest
from lkltest import liblkl as kernels
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from lkltest.settings import file as settings_file

pytest_plugins = ["pytester"]

CHECKOUT = Path(__file__).parents[1]
KERNELS = {"liblkl", "uml"}  # the fixtures that are kernels: each test that takes one has the mark `kernel`
OURS = ("LKLTEST_LKL", "LKLTEST_UML", "LKLTEST_CACHE")  # choose the kernels of these tests, and where they are kept
ENVIRONMENT = dict(os.environ)  # as it was before it is hidden
SWITCHES = ("LKLTEST_SLOW", "LKLTEST_CRASHES", "LKLTEST_TAP_MUTANTS")  # how much these tests do
REFUSAL = """#!/bin/sh
echo "npm error a test without the mark 'kernel' fetches a kernel: let it take the fixture liblkl" >&2
exit 1
"""


def pytest_configure(config: pytest.Config) -> None:
    """Register our mark; heed signals that end us: a shell's background jobs and nohup's ignore them."""
    config.addinivalue_line("markers", "kernel: runs a real kernel, liblkl or UML; set by the fixtures it takes")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a kernel."""
    for item in items:
        if KERNELS & set(getattr(item, "fixturenames", ())):
            item.add_marker("kernel")


@pytest.fixture(scope="session")
def refusing_npm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an npm that fetches nothing, and so lets no build of a default kernel begin."""
    program = tmp_path_factory.mktemp("npm") / "npm"
    program.write_text(REFUSAL)
    program.chmod(0o755)
    return program.parent


@contextmanager
def hidden_settings() -> Iterator[None]:
    """Hide a developer's own settings: their variables, and a settings file in the checkout or above it."""
    read = settings_file._table
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("LKLTEST_") and name not in (*SWITCHES, "LKLTEST_CACHE"):
                patch.delenv(name)
        patch.setattr(settings_file, "_table", lambda file: {} if CHECKOUT.is_relative_to(file.parent) else read(file))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_a_developer() -> Iterator[None]:
    """Let the tests, and the sessions that they start, have none of a developer's settings."""
    with hidden_settings():
        yield


@pytest.fixture(autouse=True)
def no_kernel_by_surprise(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test without the mark fetch or build a kernel, nor find the one that is in the user's cache."""
    if request.node.get_closest_marker("kernel") is None:
        monkeypatch.delenv("LKLTEST_CACHE", raising=False)
        monkeypatch.setenv("PATH", str(request.getfixturevalue("refusing_npm")), prepend=os.pathsep)
        monkeypatch.setenv("XDG_CACHE_HOME", str(request.getfixturevalue("tmp_path_factory").getbasetemp() / "cache"))


def default_settings(environment: Mapping[str, str] = ENVIRONMENT) -> Settings:
    """Settings for the kernel of these tests: the default one without btrfs, which boots in 0.1 s."""
    return Settings.load({"variant": "fast"}, environment={name: environment.get(name, "") for name in OURS})


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build the kernel where its progress can be seen."""
    wanted = any("liblkl" in getattr(item, "fixturenames", ()) for item in session.items)
    settings = default_settings()
    if session.config.option.collectonly or not wanted or settings.lkl or kernels.is_built(settings):
        return
    from lkltest.host.progress import Bar

    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), Bar() as bar:
        kernels.default(settings, progress=bar)


@pytest.fixture
def lean_sessions(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 -- unsets it first
    """Let sessions that a test starts load no plugins of others that it is not about: they are half of their start."""
    others = ("hypothesispytest", "rerunfailures", "repeat")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in others))


@pytest.fixture(scope="session")
def loaded_package() -> None:
    """Load all of lkltest: pytester makes the process forget each module that a test is the first to load."""
    for module in pkgutil.walk_packages(lkltest.__path__, "lkltest."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@pytest.fixture
def inline(
    loaded_package: None, lean_sessions: None, pytester: pytest.Pytester  # noqa: ARG001 -- needed before it
) -> Callable[..., pytest.RunResult]:
    """Run pytest in this process, which takes a fifth of the time of one more process.

    Sessions that look at what is loaded, or that end by a signal, need a process of their own.
    """

    def run(*arguments: str | os.PathLike[str]) -> pytest.RunResult:
        with warnings.catch_warnings():
            warnings.resetwarnings()  # ours are errors
            return pytester.runpytest_inprocess(*arguments)

    return run


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The settings of these tests."""
    return default_settings()


@pytest.fixture(scope="session")
def liblkl(settings: Settings) -> Liblkl:
    """A real kernel: LKLTEST_LKL's, or the default one without btrfs."""
    return kernels.find(settings.lkl[0], settings) if settings.lkl else kernels.default(settings)
