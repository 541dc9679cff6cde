"""The mark `kernel`, and the tests without it."""

from __future__ import annotations

import pytest

from lkltest import Settings, liblkl
from lkltest.errors import LkltestError
from lkltest.liblkl import Liblkl
from tests.conftest import KERNELS


def test_a_fixture_that_is_a_kernel_gives_the_mark(request: pytest.FixtureRequest) -> None:
    """The tests that take a kernel have the mark, those that take none have not."""
    for item in request.session.items:
        takes = bool(KERNELS & set(getattr(item, "fixturenames", ())))
        assert (item.get_closest_marker("kernel") is not None) == takes, item.nodeid


def test_a_test_with_the_mark_finds_a_kernel(liblkl: Liblkl, request: pytest.FixtureRequest) -> None:
    """A test that takes the fixture runs on a real kernel."""
    assert request.node.get_closest_marker("kernel") is not None
    assert liblkl.path.exists()


def test_no_kernel_is_found_without_the_mark() -> None:
    """The kernel in the user's cache is out of reach: a test cannot need it in silence."""
    assert not liblkl.is_built(Settings.load({}, environment={}))


def test_no_kernel_is_built_without_the_mark() -> None:
    """To fetch and build the default kernel fails, and says which fixture to take."""
    with pytest.raises(LkltestError) as told:
        liblkl.default(Settings.load({}, environment={}))
    assert "let it take the fixture liblkl" in str(told.value) + str(getattr(told.value, "output", ""))
