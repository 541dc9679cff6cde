"""The packages that lkltest is set up with."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
DEBIAN_12 = "3.11.2"  # its Python, with which the README's commands must work


def test_pins_are_for_the_oldest_python() -> None:
    """Each pinned package can be installed with Debian 12's Python, even where the tests run with a later one."""
    lowest = SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])
    assert lowest.contains(DEBIAN_12)
    installed = 0
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        if not re.fullmatch(r"[\w.-]+==[\w.]+", line):
            continue
        try:
            package = distribution(name)
        except ModuleNotFoundError:  # of another kind of machine
            continue
        if package.version == version:
            installed += 1
            wanted = SpecifierSet("".join(package.metadata.get_all("Requires-Python") or []))
            assert wanted.contains(DEBIAN_12), f"{line} wants Python {wanted}"
    assert installed > 50
