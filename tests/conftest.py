"""What lkltest's own tests share: a real kernel, built before the first test that wants one."""

from __future__ import annotations

import signal

import pytest

from lkltest import liblkl as kernels
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

pytest_plugins = ["pytester"]


def pytest_configure() -> None:
    """Heed what ends us, and let our children heed it: a shell's background jobs and nohup's ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def default_settings() -> Settings:
    """Settings for the kernel of these tests: the default one without btrfs, which boots in 0.1 s."""
    return Settings.load({"variant": "fast"})


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


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The settings of these tests."""
    return default_settings()


@pytest.fixture(scope="session")
def liblkl(settings: Settings) -> Liblkl:
    """A real kernel: LKLTEST_LKL's, or the default one without btrfs."""
    return kernels.find(settings.lkl[0], settings) if settings.lkl else kernels.default(settings)
