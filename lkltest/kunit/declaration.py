"""KUnit tests, declared in a suite's file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KUnit:
    """The KUnit tests of a kernel, as tests of pytest: `kunit = KUnit("ext4*")` in a test file.

    The kernel is that of --lkl-kunit-tree, built first where that is needed, or each one of --uml and --lkl.
    `pattern` selects suites, or "suite.case", as kunit.filter_glob does; `timeout` is in seconds, for a case that does
    not say it is slow.
    """

    pattern: str = ""
    timeout: float = 60.0
