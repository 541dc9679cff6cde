"""Selections of a suite's points: `pytest -k` leaves out any of those that the selected ones do not need."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from lkltest import cc
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.program import table
from lkltest.program.table import Declared
from lkltest.settings import Settings

BOOT = Path(__file__).parents[2] / "suites" / "boot" / "boot.c"


def needed(points: Mapping[str, Declared], chosen: Iterable[str]) -> list[str]:
    """The chosen points and all that they need, in the order of the table."""
    found, left = set(), list(chosen)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += points[name].needs or ()
    return [name for name in points if name in found]


@pytest.mark.parametrize("seed", [5, 9])
def test_a_selection_of_the_boot_suite_passes(liblkl: Liblkl, settings: Settings, seed: int) -> None:
    """No point relies on one that it does not declare as its need, for what it finds or for what was put away."""
    points = {point.name: point for point in table.read(BOOT)}
    draw = random.Random(seed)
    share = draw.choice([0.05, 0.1, 0.3, 0.5, 0.8])
    chosen = needed(points, [name for name in points if draw.random() < share])
    program = cc.compile(BOOT, liblkl, settings)
    done = process.run([program, f"--mem={settings.mem}", f"--only={','.join(chosen)}"], timeout=300)
    output = done.output.decode(errors="replace")
    assert len(re.findall(r"^ok ", output, re.MULTILINE)) == len(chosen)
    assert done.status == 0
