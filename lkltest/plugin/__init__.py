"""The pytest plugin: every hook and fixture of lkltest, and nothing else."""

from __future__ import annotations

import sys

import pytest

from lkltest.settings import Settings, ini_name, options_of

# Modules with the hooks and fixtures of one concern each.
PARTS = ("collection", "debugging", "fixtures", "freshness", "repeating", "reporting", "scheduling")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer every setting as an option and as an ini setting of the same name."""
    group = parser.getgroup("lkltest", "Linux as a library")
    for item in options_of(Settings):
        about = item.metadata
        action = "store_true" if item.type == "bool" else "append" if about["repeat"] else "store"
        extra = {} if action == "store_true" else {"metavar": about["metavar"]}
        group.addoption(
            about["option"], dest=f"lkltest_{item.name}", action=action, default=None, help=about["help"], **extra
        )
        parser.addini(ini_name(about["option"]), about["help"], default=None)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Spare sessions without Hypothesis tests the second that its plugin takes at the end to import Hypothesis."""
    plugins = session.config.pluginmanager
    if "hypothesis" not in sys.modules and plugins.has_plugin("hypothesispytest"):
        plugins.unregister(name="hypothesispytest")


def pytest_configure(config: pytest.Config) -> None:
    """Load the parts, and tell pytest of our marks."""
    for part in PARTS:
        config.pluginmanager.import_plugin(f"lkltest.plugin.{part}")
    config.addinivalue_line(
        "markers",
        "lkl_timeout(program, point): deadlines in seconds of a test program, and of each of its points",
    )
