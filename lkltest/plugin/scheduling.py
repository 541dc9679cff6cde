"""How pytest-xdist shares out the items of test programs."""

from __future__ import annotations

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

        def _split_scope(self, nodeid: str) -> str:
            path, _, name = nodeid.rpartition("::")
            _, bracket, parameters = name.partition("[")
            return f"{path}[{parameters}" if bracket and "::" in path else nodeid

    return ByRun(config, log)
