"""Outcomes as JSON for KCIDB, the database of kernel CI systems."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from lkltest.ci.outcome import Outcome, Status
from lkltest.host.cache import key

VERSION = {"major": 4, "minor": 3}
ORIGIN = "lkltest"
NAMES = {
    Status.PASSED: "PASS", Status.SKIPPED: "SKIP", Status.EXPECTED: "FAIL", Status.FAILED: "FAIL",
    Status.LOST: "FAIL", Status.MISSED: "MISS", Status.ERROR: "ERROR",
}  # fmt: skip
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
EXCERPT = 16384  # characters of a log that KCIDB takes

Json = dict[str, object]


def write(
    outcomes: Iterable[Outcome], builds: Mapping[str, Mapping[str, object]], commit: str, misc: Mapping[str, object]
) -> str:
    """The report of one run: a checkout, a build for each kernel, and a test for each outcome with a status.

    `builds` are the fields of each kernel's build, by its name; the kernel of an outcome is one of them. `commit` is
    what git says of the sources; where that is no whole hash, the checkout has none. `misc` describes the checkout.
    """
    now = datetime.now(UTC).isoformat()
    run = key(commit, now, *builds)
    checkout: Json = {"id": f"{ORIGIN}:{run}", "origin": ORIGIN, "start_time": now, "valid": True,
                      "misc": {**misc, "described": commit}}  # fmt: skip
    if COMMIT.fullmatch(commit):
        checkout["git_commit_hash"] = commit
    ids = {kernel: f"{ORIGIN}:{run}-{number}" for number, kernel in enumerate(builds)}
    made = [{"id": ids[kernel], "checkout_id": checkout["id"], "origin": ORIGIN, "valid": True, **fields}
            for kernel, fields in builds.items()]  # fmt: skip
    tests = [
        {"id": f"{ids[outcome.kernel]}-{number}", "build_id": ids[outcome.kernel], "origin": ORIGIN, **_test(outcome)}
        for number, outcome in enumerate(_flat(outcomes))
    ]
    return json.dumps({"version": VERSION, "checkouts": [checkout], "builds": made, "tests": tests}, indent=1)


def _flat(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The outcomes that have a status, each with the inner ones behind it."""
    for outcome in outcomes:
        if outcome.status is not None:
            yield outcome
        yield from _flat(outcome.inner)


def _test(outcome: Outcome) -> Json:
    """The fields of a test."""
    assert outcome.status is not None
    told: Json = {"path": ".".join(map(_segment, outcome.path)), "status": NAMES[outcome.status]}
    if outcome.seconds is not None:
        told["duration"] = round(outcome.seconds, 3)
    if outcome.status is Status.EXPECTED:
        told["waived"] = True
    if outcome.status.bad and outcome.log:
        told["log_excerpt"] = outcome.log[-EXCERPT:]
    misc = {**outcome.misc, **({"reason": outcome.reason} if outcome.reason else {})}
    return {**told, **({"misc": misc} if misc else {})}


def _segment(name: str) -> str:
    """A part of a test's path, which takes few characters."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name) or "_"
