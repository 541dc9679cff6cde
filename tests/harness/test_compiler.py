"""The compiler of test programs, and the machine that it runs on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import cc
from lkltest.errors import BuildError, UsageError
from lkltest.settings import Settings

COMPILER = '#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "ld: final link failed: {}"\nexit 1\n'


@pytest.mark.parametrize(("said", "error"), [("No space left on device", UsageError), ("bad value", BuildError)])
def test_a_full_disk_is_no_fault_of_the_program(tmp_path: Path, said: str, error: type[Exception]) -> None:
    """A compiler that has no room for its output is the machine's trouble; any other failure is the program's."""
    (tmp_path / "cc").write_text(COMPILER.format(said))
    (tmp_path / "cc").chmod(0o755)
    (tmp_path / "program.c").write_text("int main(void) { return 0; }\n")
    settings = replace(Settings.load({}), cache=tmp_path / "cache", cc=(str(tmp_path / "cc"),))
    with pytest.raises(error, match=said):
        cc.compile_native(tmp_path / "program.c", settings)
