"""A real UML for these tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest import cc
from lkltest.settings import Settings
from lkltest.uml import Uml, default, find
from lkltest.uml.executable import CURE

INIT = Path(__file__).parents[2] / "suites" / "uml" / "init.c"


@pytest.fixture(scope="session")
def uml(settings: Settings) -> Uml:
    """LKLTEST_UML's UML, or the one that is installed."""
    if not settings.uml and default() is None:
        pytest.skip(f"no linux.uml on the PATH: {CURE}")
    return find(None, settings)


@pytest.fixture(scope="session")
def init(settings: Settings) -> Path:
    """The UML suite's init."""
    return cc.compile_native(INIT, settings, flags=["-D_GNU_SOURCE"])
