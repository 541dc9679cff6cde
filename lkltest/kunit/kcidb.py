"""Results of KUnit as JSON for KCIDB, the database of kernel CI systems."""

from __future__ import annotations

from collections.abc import Iterable

from lkltest.ci import kcidb
from lkltest.kunit import outcomes
from lkltest.kunit.results import Result


def write(results: Iterable[Result], release: str, commit: str) -> str:
    """The report of one run: a checkout, a build of UML, and a test for each case and each parameter.

    `commit` is what git says of the tree; where that is no whole hash, the checkout has none.
    """
    builds = {release: {"architecture": "um", "config_name": "kunit"}}
    return kcidb.write(outcomes.of(results, release), builds, commit, {"release": release})
