"""Results of KUnit as JSON, in the shape that kunit.py writes for KernelCI."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lkltest.kunit.ktap import in_suites
from lkltest.kunit.results import Result, Status

NAMES = {Status.PASSED: "PASS", Status.SKIPPED: "SKIP", Status.CRASHED: "ERROR", Status.HUNG: "ERROR"}

Json = dict[str, object]


def write(results: Iterable[Result], build_directory: str) -> str:
    """The document: a group for the run, one for each suite, and one for each case with parameters."""
    common: Json = {
        "arch": "um", "defconfig": "kunit_defconfig", "build_environment": build_directory, "lab_name": None,
        "kernel": None, "job": None, "git_branch": "kselftest",
    }  # fmt: skip
    suites = [_suite(cases, common) for cases in in_suites(results)]
    return json.dumps(_group("KUnit Test Group", suites, [], common), indent=4)


def _suite(cases: list[Result], common: Json) -> Json:
    nested = [_parametrized(result, common) for result in cases if result.parameters]
    plain = [_case(result.case.name, result.status) for result in cases if not result.parameters]
    return _group(cases[0].case.suite, nested, plain, common)


def _parametrized(result: Result, common: Json) -> Json:
    """The group of a case with parameters; where the kernel was lost in one, or the case failed beside, it says so."""
    members = [_case(each.name, each.status) for each in result.parameters]
    if result.status.bad and not any(each.status.bad for each in result.parameters):
        members.append(_case(result.case.name, result.status))
    return _group(result.case.name, [], members, common)


def _case(name: str, status: Status) -> Json:
    return {"name": name, "status": NAMES.get(status, "FAIL")}


def _group(name: str, groups: list[Json], cases: list[Json], common: Json) -> Json:
    return {"name": name, "sub_groups": groups, "test_cases": cases, **common}
