"""Share out the items of test programs among pytest-xdist's workers."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:  # noqa: ANN401
    """Keep the items of one run on one worker, so that its program runs once; other tests are spread as always."""
    if config.getvalue("dist") != "load":
        return None  # the user asked for another distribution
    from xdist.scheduler import LoadScopeScheduling

    class ByRun(LoadScopeScheduling):  # type: ignore[misc]
        """Shares out whole runs of programs, other tests one by one."""

        @functools.cached_property
        def kunit(self) -> dict[str, str]:
            """The share of each KUnit case, by its id."""
            ids = [nodeid for nodeid in self.collection if _has_kunit(config.rootpath, nodeid.partition("::")[0])]
            if not ids:
                return {}
            config.pluginmanager.import_plugin("lkltest.plugin.kunit")
            from lkltest.plugin import kunit

            return kunit.shares(config, ids, len(self.nodes))

        def _split_scope(self, nodeid: str) -> str:
            if nodeid in self.kunit:
                return self.kunit[nodeid]
            path, _, name = nodeid.rpartition("::")
            _, bracket, parameters = name.partition("[")
            if not bracket and _is_program(config.rootpath, path):
                return path
            return f"{path}[{parameters}" if bracket and "::" in path else nodeid

    return ByRun(config, log)


@functools.cache
def _has_kunit(root: Path, file: str) -> bool:
    """Whether a test file declares KUnit tests."""
    try:
        return re.search(r"\bKUnit\(", (root / file).read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:
        return False


@functools.cache
def _is_program(root: Path, path: str) -> bool:
    """Whether the id of a class is that of a program that prints TAP: the test file has no such class.

    The controller has nothing but ids to tell by; a class that is wrongly taken for a program stays on one worker.
    """
    file, _, names = path.partition("::")
    name = names.rpartition("::")[2]
    if not name:
        return False
    try:
        text = (root / file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True  # a program of the command line that PATH has
    return re.search(rf"^\s*class {re.escape(name)}\b", text, re.MULTILINE) is None
