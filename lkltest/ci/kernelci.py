"""Outcomes as JSON in the shape that kunit.py writes for KernelCI."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from lkltest.ci.outcome import Outcome, Status

Json = dict[str, object]

NAMES = {
    Status.PASSED: "PASS", Status.SKIPPED: "SKIP", Status.EXPECTED: "SKIP", Status.FAILED: "FAIL",
    Status.MISSED: "FAIL", Status.LOST: "ERROR", Status.ERROR: "ERROR",
}  # fmt: skip


def write(name: str, outcomes: Iterable[Outcome], fields: Mapping[str, object]) -> str:
    """The document: a group for the run, and one for each outcome with inner ones; `fields` go before kunit.py's own.

    Every group has the same fields, as with kunit.py: "arch" and "defconfig" among them.
    """
    common = {"lab_name": None, "kernel": None, "job": None, "git_branch": "kselftest", **fields}
    return json.dumps(_group(Outcome(name, inner=tuple(outcomes)), common), indent=4)


def _group(outcome: Outcome, common: Mapping[str, object]) -> Json:
    """A group; where it has failed beside its members, it is a case of its own, too."""
    cases = [_case(each) for each in outcome.inner if not each.inner]
    status = outcome.status
    if status is not None and status.bad and not any(_is_bad(each) for each in outcome.inner):
        cases.append(_case(outcome))
    groups = [_group(each, common) for each in outcome.inner if each.inner]
    return {"name": outcome.name, "sub_groups": groups, "test_cases": cases, **common}


def _is_bad(outcome: Outcome) -> bool:
    own = outcome.status is not None and outcome.status.bad
    return own or any(_is_bad(each) for each in outcome.inner)


def _case(outcome: Outcome) -> Json:
    return {"name": outcome.name, "status": NAMES[outcome.status or Status.ERROR]}
