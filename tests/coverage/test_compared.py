"""The comparisons that an instrumented kernel tells."""

from __future__ import annotations

from pathlib import Path

import lkltest
from lkltest.host import process
from tests.coverage.conftest import PROGRAMS
from tests.liblkl.tiny import call


def test_a_loop_leaves_room_for_other_comparisons(tmp_path: Path) -> None:
    """A loop that counts to a thousand has a few entries in the log of each call, and a constant behind it is there."""
    program, harness = tmp_path / "compared", Path(lkltest.__file__).parent / "harness"
    call("gcc", "-g", "-O2", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror", "-I", harness,
         PROGRAMS / "compared.c", "-o", program)  # fmt: skip
    lines = process.run([program], timeout=60).output.decode().splitlines()
    assert lines == [f"{n} {number}" for n in (0, 1) for number in [*(f"{i:x}" for i in range(16)), "5bd1e995"]]
