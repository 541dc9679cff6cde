"""A kernel whose cases behave as a test plants them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lkltest.uml import Uml

PARAMETER = b"kunit.filter_glob\0"  # as before Linux 6.6
STUB = Path(__file__).with_name("stub.py")
Suites = Mapping[str, Mapping[str, str]]
Stub = Callable[[Suites], Uml]


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """Make a kernel of suites, which map their cases to a behaviour; its boots are lines of tmp_path/boots."""

    def make(suites: Suites) -> Uml:
        path, program = tmp_path / "linux", tmp_path / "stub.py"
        text = STUB.read_text().replace("SUITES: dict[str, dict[str, str]] = {}", f"SUITES = {dict(suites)!r}")
        text = text.replace('PLACE = ""', f"PLACE = {str(tmp_path / 'boots')!r}")
        program.write_text(text)
        # A kernel with KUnit has the name of this parameter in its file; no Python program can have the zero byte.
        path.write_bytes(f'#!/bin/sh\nexec {sys.executable} -IS {program} "$@"\n'.encode() + PARAMETER)
        path.chmod(0o755)
        return Uml("uml-stub", path, "6.12.0", "Linux version 6.12.0", "x86-64")

    return make
