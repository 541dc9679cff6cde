"""The parts of the plugin that only sessions with something of ours load."""

from __future__ import annotations

import pytest

# Modules with the hooks of one concern each.
PARTS = (
    "ci_files", "collection", "coverage", "debugging", "findings", "freshness", "repeating", "reporting", "scheduling",
    "known", "page",
)  # fmt: skip

# Modules that only sessions with something of ours load.
OURS = {"lkltest.program", "lkltest.uml", "lkltest.kunit", "lkltest.kselftest"}


def load(config: pytest.Config) -> None:
    """Load the parts that are not loaded yet."""
    for part in PARTS:
        config.pluginmanager.import_plugin(f"lkltest.plugin.{part}")


def is_shared(config: pytest.Config) -> bool:
    """Whether pytest-xdist shares the session out: its controller reports what others have collected."""
    shared = hasattr(config, "workerinput") or config.getoption("dist", "no") != "no" or config.getoption("tx", None)
    return bool(shared)
