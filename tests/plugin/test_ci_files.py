"""The files for kernel CI systems that a session writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kcidb_io
import pytest

from tests.plugin.conftest import Pytest

SUITE = """
import pytest
from lkltest import TapProgram

check = TapProgram(["./check.sh"])

def test_good(subtests):
    with subtests.test("one"):
        pass
    with subtests.test("two words"):
        assert not "planted"

def test_broken(no_such_fixture):
    pass

@pytest.mark.xfail(reason="known")
def test_expected():
    assert False

def test_skipped():
    pytest.skip("no device")
"""
SCRIPT = "#!/bin/sh\necho 1..3; echo ok 1 a.b; echo 'not ok 2 b'; echo 'ok 3 c # SKIP not here'; exit 1\n"
FILES = ("--lkl-json=out.json", "--lkl-kcidb=out.kcidb")


def cases(group: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """The cases of a document in KernelCI's shape, by their groups."""
    for case in group["test_cases"]:
        yield "/".join((*path, case["name"])), case["status"]
    for inner in group["sub_groups"]:
        assert inner["arch"] == group["arch"]
        yield from cases(inner, (*path, inner["name"]))


def read(directory: Path) -> tuple[dict[str, str], dict[str, dict[str, Any]], dict[str, Any]]:
    """The cases in KernelCI's shape, the tests by their paths, and the whole of KCIDB's, which its library takes."""
    document = json.loads((directory / "out.kcidb").read_text())
    kcidb_io.schema.V4_3.validate(document)
    tests = {test["path"]: test for test in document["tests"]}
    assert len(tests) == len(document["tests"]) == len({test["id"] for test in document["tests"]})
    return dict(cases(json.loads((directory / "out.json").read_text()))), tests, document


@pytest.mark.parametrize("options", [[], ["-n2"]])
def test_every_kind_of_item(pytester: pytest.Pytester, inline: Pytest, options: list[str]) -> None:
    """Tests, subtests, points, errors and expected failures are in both files, in one process or several."""
    pytester.makepyfile(test_all=SUITE)
    script = pytester.path / "check.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    inline(*FILES, *options)
    found, tests, document = read(pytester.path)
    assert found == {
        "test_all.py/check/program/a.b": "PASS", "test_all.py/check/program/b": "FAIL",
        "test_all.py/check/program/c": "SKIP", "test_all.py/test_good/one": "PASS",
        "test_all.py/test_good/two words": "FAIL", "test_all.py/test_broken": "ERROR",
        "test_all.py/test_expected": "SKIP", "test_all.py/test_skipped": "SKIP",
    }  # fmt: skip
    assert {path: test["status"] for path, test in tests.items()} == {
        "tap.check.program": "FAIL", "tap.check.program.a_b": "PASS", "tap.check.program.b": "FAIL",
        "tap.check.program.c": "SKIP", "pytest.test_all_py.test_good": "FAIL",
        "pytest.test_all_py.test_good.one": "PASS", "pytest.test_all_py.test_good.two_words": "FAIL",
        "pytest.test_all_py.test_broken": "ERROR", "pytest.test_all_py.test_expected": "FAIL",
        "pytest.test_all_py.test_skipped": "SKIP",
    }  # fmt: skip
    assert tests["pytest.test_all_py.test_expected"]["waived"] is True
    assert tests["pytest.test_all_py.test_skipped"]["misc"]["reason"] == "no device"
    assert "planted" in tests["pytest.test_all_py.test_good.two_words"]["misc"]["reason"]
    assert document["checkouts"][0]["misc"]["exit_status"] == 1


def test_a_lost_kernel(suite: Pytest, pytester: pytest.Pytester) -> None:
    """A point that loses its kernel says so, points behind it were not reached, and each kernel is a build."""
    suite("crashes good", "--lkl-restarts=0", *FILES)
    found, tests, document = read(pytester.path)
    lost = [path for path, test in tests.items() if test["status"] == "MISS"]
    assert lost
    assert all(path.startswith("lkltest.crashes.") for path in lost)
    assert {status for name, status in found.items() if "/crashes/" in name} >= {"ERROR", "FAIL"}
    assert {status for name, status in found.items() if "/good/" in name} == {"PASS", "SKIP"}
    assert [build["architecture"] for build in document["builds"]] == ["lkl"]


def test_a_file_that_cannot_be_collected(pytester: pytest.Pytester, inline: Pytest) -> None:
    """A file that cannot be collected is an error, and not left out."""
    pytester.makepyfile(test_bad="import no_such_module\n")
    inline(*FILES)
    found, tests, _ = read(pytester.path)
    assert found == {"test_bad.py": "ERROR"}
    assert "no_such_module" in tests["pytest.test_bad_py"]["log_excerpt"]


def test_a_file_that_cannot_be_written(pytester: pytest.Pytester, inline: Pytest) -> None:
    """A file that cannot be written is refused before anything runs."""
    pytester.makepyfile(test_one="def test_one(): pass\n")
    result = inline("--lkl-json=no/such/out.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*cannot write *no/such/out.json: name a file in a directory*"])
