"""Results for others: KernelCI's, KCIDB's, KTAP."""

from __future__ import annotations

import json

import kcidb_io
import pytest

from lkltest.kunit import kcidb, kernelci, ktap
from lkltest.kunit.listing import Case
from lkltest.kunit.results import Parameter, Result, Status
from lkltest.tap import Dialect, Parser

RESULTS = [
    Result(Case("two words", "b", 1), Status.HUNG, "no end after 3 s", console="    # b: waits"),
    Result(Case("one", "a", 0), Status.PASSED),
    Result(Case("one", "p", 0), Status.FAILED, "a parameter failed",
           (Parameter("v 1", Status.PASSED), Parameter("v 2", Status.FAILED))),
    Result(Case("one", "s", 0), Status.SKIPPED, "no device"),
]  # fmt: skip


def test_kernelci() -> None:
    """The document has kunit.py's groups and words."""
    document = json.loads(kernelci.write(RESULTS, "/build"))
    one, two = document["sub_groups"]
    assert document["name"] == "KUnit Test Group"
    assert one["test_cases"] == [{"name": "a", "status": "PASS"}, {"name": "s", "status": "SKIP"}]
    assert [(group["name"], [case["status"] for case in group["test_cases"]]) for group in one["sub_groups"]] == [
        ("p", ["PASS", "FAIL"])]  # fmt: skip
    assert (two["name"], two["test_cases"]) == ("two words", [{"name": "b", "status": "ERROR"}])


def test_ktap() -> None:
    """The KTAP is read back with the same results, and no problem."""
    parser = Parser(Dialect.KTAP)
    parser.feed("".join(ktap.write(RESULTS)).encode())
    parser.close()
    (report,) = parser.reports
    assert [point.name for point in report.points] == ["one", "two words"]
    assert [(point.name, point.passed, point.directive) for point in report.points[0].points] == [
        ("a", True, None), ("p", False, None), ("s", True, "skip")]  # fmt: skip
    assert report.points[1].points[0].directive == "timeout"
    assert report.problems == []
    assert not report.passed


@pytest.mark.parametrize("commit", ["a" * 40, "v6.12-3-gabcdef", ""])
def test_kcidb(commit: str) -> None:
    """Each case and parameter is a test of one build, with a path of KCIDB's characters."""
    document = json.loads(kcidb.write(RESULTS, "6.12.0", commit))
    assert [(test["path"], test["status"]) for test in document["tests"]] == [
        ("kunit.one.a", "PASS"), ("kunit.one.p", "FAIL"), ("kunit.one.p.v_1", "PASS"), ("kunit.one.p.v_2", "FAIL"),
        ("kunit.one.s", "SKIP"), ("kunit.two_words.b", "FAIL"),
    ]  # fmt: skip
    assert len({test["id"] for test in document["tests"]}) == 6
    assert ("git_commit_hash" in document["checkouts"][0]) == (len(commit) == 40)


def test_kcidb_schema() -> None:
    """KCIDB's own library takes the document."""
    document = json.loads(kcidb.write(RESULTS, "6.12.0", "a" * 40))
    assert kcidb_io.schema.V4_3.is_compatible(document)
    kcidb_io.schema.V4_3.validate(document)
