"""The kernels of a session, as values."""

from __future__ import annotations

import pytest

from lkltest.plugin import kernels


@pytest.mark.parametrize(("nodeid", "expected"), [
    ("test_boot.py::boot::getpid[lkl-4.9.0]", True),
    ("test_disk.py::disk::files[lkl-4.9.0-ext4]", True),
    ("test_boot.py::boot::getpid[lkl-4.9.0-fast]", True),
    ("test_tap.py::test_stream[lkl-crash-in-last-point.tap]", False),
    ("test_boot.py::boot::getpid[lkl-4.9.01]", False),
    ("test_boot.py::boot::getpid[lkl-6.0.0]", False),
    ("test_boot.py::boot::getpid", False),
])  # fmt: skip
def test_ids_name_the_default_kernel(pytester: pytest.Pytester, nodeid: str, expected: bool) -> None:
    """Only an id with the default kernel's own name lets pytest-xdist's controller build it."""
    config = pytester.parseconfig()  # and not ours, of which a developer's settings are part
    assert kernels.run_on_default(config, ["test_other.py::test_it", nodeid]) is expected
