"""A kernel whose cases behave as a test plants them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lkltest.uml import Uml

STUB = Path(__file__).with_name("stub.py")
Suites = Mapping[str, Mapping[str, str]]
Stub = Callable[[Suites], Uml]


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """Make a kernel of suites, which map their cases to a behaviour; its boots are lines of tmp_path/boots."""

    def make(suites: Suites) -> Uml:
        path = tmp_path / "linux"
        text = STUB.read_text().replace("SUITES: dict[str, dict[str, str]] = {}", f"SUITES = {dict(suites)!r}")
        text = text.replace('PLACE = ""', f"PLACE = {str(tmp_path / 'boots')!r}")
        path.write_text(f"#!{sys.executable} -IS\n{text}")
        path.chmod(0o755)
        return Uml("uml-stub", path, "6.12.0", "Linux version 6.12.0", "x86-64")

    return make
