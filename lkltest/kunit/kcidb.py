"""Results of KUnit as JSON for KCIDB, the database of kernel CI systems."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from lkltest.host.cache import key
from lkltest.kunit.ktap import in_suites
from lkltest.kunit.results import Result, Status

VERSION = {"major": 4, "minor": 3}
ORIGIN = "lkltest"
STATUSES = {Status.PASSED: "PASS", Status.SKIPPED: "SKIP", Status.CRASHED: "FAIL", Status.HUNG: "FAIL"}
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
EXCERPT = 16384  # characters of a log that KCIDB takes

Json = dict[str, object]


def write(results: Iterable[Result], release: str, commit: str) -> str:
    """The report of one run: a checkout, a build of UML, and a test for each case and each parameter.

    `commit` is what git says of the tree; where that is no whole hash, the checkout has none.
    """
    now = datetime.now(UTC).isoformat()
    run = key(release, commit, now)
    checkout: Json = {"id": f"{ORIGIN}:{run}", "origin": ORIGIN, "start_time": now, "valid": True,
                      "misc": {"release": release, "described": commit}}  # fmt: skip
    if COMMIT.fullmatch(commit):
        checkout["git_commit_hash"] = commit
    build: Json = {"id": f"{ORIGIN}:{run}", "checkout_id": checkout["id"], "origin": ORIGIN, "architecture": "um",
                   "config_name": "kunit", "valid": True}  # fmt: skip
    tests = [
        {"id": f"{ORIGIN}:{run}-{number}", "build_id": build["id"], "origin": ORIGIN, **each}
        for number, each in enumerate(each for cases in in_suites(results) for each in _tests(cases))
    ]
    return json.dumps({"version": VERSION, "checkouts": [checkout], "builds": [build], "tests": tests}, indent=1)


def _tests(cases: Iterable[Result]) -> Iterable[Json]:
    """The tests in KCIDB's sense: the cases of a suite, each with its parameters behind it."""
    for result in cases:
        path = f"kunit.{_segment(result.case.suite)}.{_segment(result.case.name)}"
        misc = {"reason": result.reason} if result.reason else {}
        told: Json = {"path": path, "status": _status(result.status), "duration": round(result.seconds, 3)}
        if result.status.bad and result.console:
            told["log_excerpt"] = result.console[-EXCERPT:]
        yield {**told, "misc": {"speed": result.case.speed, "module": result.case.module, **misc}}
        for parameter in result.parameters:
            yield {"path": f"{path}.{_segment(parameter.name)}", "status": _status(parameter.status)}


def _status(status: Status) -> str:
    return STATUSES.get(status, "FAIL")


def _segment(name: str) -> str:
    """A part of a test's path, which takes few characters."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name) or "_"
