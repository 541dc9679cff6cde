"""The command as a whole."""

from __future__ import annotations

import pytest

import lkltest
from lkltest import cli


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`lkltest --version` prints the package's version."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"lkltest {lkltest.__version__}\n"
