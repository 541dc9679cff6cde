"""A library's kernel, booted for its KUnit tests; the default one has none."""

from __future__ import annotations

import pytest

from lkltest.errors import UsageError
from lkltest.kunit.kernel import Options, boot, carries_kunit, list_cases
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings


def test_boots_and_halts(liblkl: Liblkl, settings: Settings) -> None:
    """A library boots with the words of its command line, and halts; its console is read line by line."""
    console = list(boot(liblkl, ["planted=1"], Options(settings=settings, words=("more=2",))))
    assert sum("Linux version" in line for line in console) == 1
    assert any("kunit.enable=1 printk.time=1 planted=1 more=2" in line for line in console)
    assert "reboot: " in console[-1]


def test_has_no_kunit(liblkl: Liblkl, settings: Settings) -> None:
    """A library without KUnit is seen to have none, and refused with what to configure."""
    assert not carries_kunit(liblkl)
    with pytest.raises(UsageError, match="it has no KUnit, or no tests in it; build it with CONFIG_KUNIT=y"):
        list_cases(liblkl, Options(settings=settings))
