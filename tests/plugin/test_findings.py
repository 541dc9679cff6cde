"""The failures of properties leave files, which the report and the page name."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = """
import pytest
from lkltest.errors import PropertyFailed

def found(number):
    files = {"program.txt": f"getpid() # {number}", "stack.txt": "f"}
    return PropertyFailed(f"BUG in f{number}", f"bug-f{number}", "it failed", files)

def test_one(lkltest_settings):
    raise found(1)

def test_group(lkltest_settings):
    raise ExceptionGroup("several", [found(2), ValueError("no"), found(3)])

def test_fine(lkltest_settings):
    with pytest.raises(PropertyFailed):
        raise found(4)
"""


@pytest.mark.usefixtures("inline")
def test_a_propertys_failures_leave_files(pytester: pytest.Pytester) -> None:
    """Each failure of a failed test, one of several too, has a directory, whose program can be replayed."""
    pytester.makepyfile(TESTS)
    result = pytester.runpytest("--lkl-html=out/page.html", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=2, passed=1)
    places = sorted((pytester.path / "lkltest-artifacts").glob("*bug-f*"))
    assert [place.name.rpartition("-")[2] for place in places] == ["f2", "f3", "f1"]
    assert (places[2] / "program.txt").read_text() == "getpid() # 1"
    again = f"again: * replay {places[2]}/program.txt"
    result.stdout.fnmatch_lines(["*bug-f1*", f"artifacts: {places[2]}", again])
    page = Path(pytester.path / "out" / "page.html").read_text()
    assert page.count("/stack.txt") == 3
    assert f'href="../lkltest-artifacts/{places[2].name}/program.txt"' in page


@pytest.mark.usefixtures("inline")
def test_files_that_cannot_be_written(pytester: pytest.Pytester) -> None:
    """A file that cannot be written is told, costs no other one, and does not end the session."""
    pytester.makepyfile(TESTS.replace('"program.txt"', '"no/directory/program.txt"'))
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(["*no/directory/program.txt is not kept: No such file or directory*"])
    result.stdout.no_fnmatch_line("again:*")
    places = sorted((pytester.path / "lkltest-artifacts").glob("*bug-f*"))
    assert [(place / "stack.txt").read_text() for place in places] == ["f"] * 3


@pytest.mark.usefixtures("inline")
def test_no_directory_for_files(pytester: pytest.Pytester) -> None:
    """The session says that no directory can be made for the files, and goes on."""
    pytester.makepyfile(TESTS)
    (pytester.path / "taken").touch()
    result = pytester.runpytest("-p", "no:cacheprovider", "--lkl-artifacts=taken")
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(["*the files of bug-f1 are not kept: *"])
