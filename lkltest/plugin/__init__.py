"""The pytest plugin: every hook and fixture of lkltest, and nothing else.

It is loaded in every pytest run of its users, most of which have nothing to do with LKL: this module and `fixtures`
are all that these load.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest

from lkltest.plugin import parts
from lkltest.settings import Settings, ini_name, options_of


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer every setting as an option and as an ini setting of the same name."""
    group = parser.getgroup("lkltest", "Linux as a library")
    for item in options_of(Settings):
        about = item.metadata
        action = "store_true" if item.type == "bool" else "append" if about["repeat"] else "store"
        extra = {} if action == "store_true" else {"metavar": about["metavar"]}
        if about["alone"] is not None:
            extra |= {"nargs": "?", "const": about["alone"]}
        group.addoption(
            about["option"], dest=f"lkltest_{item.name}", action=action, default=None, help=about["help"], **extra
        )
        parser.addini(ini_name(about["option"]), about["help"], default=None)
    group.addoption(
        "--tap-program", dest="lkltest_tap_program", action="append", default=[], metavar="CMD",
        help="run a program that prints TAP, such as './t/check.sh --fast', its points as tests (may be repeated; "
        "a quoted pattern such as 't/*.t' is several; paths of tests are run beside it only where they are named)",
    )  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Spare sessions without Hypothesis tests the second that its plugin takes at the end to import Hypothesis."""
    plugins = session.config.pluginmanager
    if "hypothesis" not in sys.modules and plugins.has_plugin("hypothesispytest"):
        plugins.unregister(name="hypothesispytest")


def pytest_configure(config: pytest.Config) -> None:
    """Offer the fixtures, and tell pytest of our marks."""
    config.pluginmanager.import_plugin("lkltest.plugin.fixtures")
    if parts.is_shared(config) or any(config.getoption(f"lkltest_{name}") for name in ("html", "json", "kcidb")):
        parts.load(config)
    if config.getoption("lkltest_tap_program"):
        config.pluginmanager.import_plugin("lkltest.plugin.tap_option")
    config.addinivalue_line(
        "markers",
        "lkl_timeout(program, point): timeouts in seconds of a test program, and of each of its points",
    )
    config.addinivalue_line(
        "markers",
        "lkl_recipes(*names, directory): the recipes of the images that tests run on, maybe of their own directory",
    )


def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> object:  # noqa: ANN401 -- nodes of any type
    """Load the parts when the first module that may declare a program, or boot a UML, is collected."""
    if not parts.OURS & sys.modules.keys() or collector.config.pluginmanager.has_plugin("lkltest.plugin.collection"):
        return None
    parts.load(collector.config)
    from lkltest.plugin import collection

    return collection.pytest_pycollect_makeitem(collector, name, obj)  # pytest asks it from the next object on
