"""The kernel that is fuzzed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lkltest import liblkl
from lkltest.errors import UsageError
from lkltest.host.progress import Bar
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings
from lkltest.settings import file as settings_file

GUIDED = "guided"  # that one, with the instrumentation for a guided fuzzer
FAST = "fast"  # the variant of the default kernel that boots in 0.1 s instead of 1.5 s


def load(options: Mapping[str, Any], *, guided: bool = False) -> Settings:
    """The settings of a command; the default kernel is the variant that boots fast, or an instrumented one.

    For a `guided` fuzzer, it is the variant that boots fast and guides.
    """
    settings = settings_file.load(options)
    plain = not settings.lkl and settings.variant == "default" and settings.cov is None
    return replace(settings, variant=GUIDED if guided else FAST) if plain else settings


def kernel(settings: Settings) -> Liblkl:
    """The one kernel to fuzz, built first if need be; raises UsageError where there are several or none will do."""
    if len(settings.lkl) > 1:
        raise UsageError("the fuzzer takes one kernel at a time: give one --lkl (or LKLTEST_LKL with one path)")
    with Bar() as bar:
        found = liblkl.kernels(settings, bar)[0]
    liblkl.require_runnable(found, settings)
    return found
