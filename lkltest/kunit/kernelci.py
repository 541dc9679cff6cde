"""Results of KUnit as JSON, in the shape that kunit.py writes for KernelCI."""

from __future__ import annotations

from collections.abc import Iterable

from lkltest.ci import kernelci
from lkltest.kunit import outcomes
from lkltest.kunit.results import Result


def write(results: Iterable[Result], build_directory: str) -> str:
    """The document: a group for the run, one for each suite, and one for each case with parameters."""
    fields = {"arch": "um", "defconfig": "kunit_defconfig", "build_environment": build_directory}
    return kernelci.write("KUnit Test Group", outcomes.of(results, ""), fields)
