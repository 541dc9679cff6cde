"""Items that one cause has kept from being reached have one paragraph, on a real kernel."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from functools import partial
from pathlib import Path

import pytest

from lkltest.errors import KERNEL_LOST
from lkltest.liblkl import Liblkl
from lkltest.plugin.causes import HEAD, LINES, shortened
from lkltest.settings import Settings
from tests.plugin.conftest import Pytest
from tests.plugin.test_trials import many, paragraph

FIXTURE = """
import pytest

@pytest.fixture(scope="class")
def disk(kernel):
    raise RuntimeError("the shop has no disks")

@good
def fed(disk):
    return []
"""
CRASH = "static volatile int *nowhere;\nPOINT(p1) { *nowhere = 1; }"


@pytest.fixture
def crashes_early(
    pytester: pytest.Pytester, liblkl: Liblkl, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Pytest:
    """Run pytest on a program of 600 points, the second of which crashes."""
    monkeypatch.setenv("LKLTEST_CACHE", str(settings.cache))  # pytester moves the home directory
    source = Path(many(pytester.path))
    source.write_text(source.read_text().replace("POINT(p1) { }", CRASH))
    pytester.makepyfile(test_suite=f"from lkltest import Program\nmany = Program({str(source)!r})\n")
    return partial(pytester.runpytest_subprocess, f"--lkl={liblkl.path}", timeout=300)


def test_points_after_a_crash_have_one_paragraph(crashes_early: Pytest) -> None:
    """The crash is told by its own point; the others say which it is, how many they are, and end on one screen."""
    result = crashes_early()
    result.assert_outcomes(passed=1, failed=600)
    assert paragraph(result) == [
        "not reached: the program was killed by SIGSEGV in the point 'p1'",
        *(line.replace("KERNEL", kernel_of(result)) for line in (
            "  599 items of the kernel KERNEL, first and last:",
            "    test_suite.py::many::p2[KERNEL]",
            "    test_suite.py::many::exit[KERNEL]",
            "  told in full above, in test_suite.py::many::p1[KERNEL]",
        )),
    ]
    # In CI pytest's short summary repeats whole messages.
    sections = itertools.takewhile(lambda line: "= not reached =" not in line, result.outlines)
    assert sum(re.match(r"  #\d+ +point_p1 ", line) is not None for line in sections) == 1
    assert sum(line.startswith("FAILED ") for line in result.outlines) == 2
    assert len(result.outlines) < 50


def kernel_of(result: pytest.RunResult) -> str:
    """The name of the one kernel of a session."""
    return next(found[1] for line in result.outlines if (found := re.match(r"kernel (\S+):", line)))


@pytest.mark.parametrize("option", ["-v", "-rA", "--tap", "--junitxml=junit.xml"])
def test_each_item_keeps_an_entry(crashes_early: Pytest, pytester: pytest.Pytester, option: str) -> None:
    """Each item has its own entry where the user asks for entries, with the cause that kept it from being reached."""
    result = crashes_early(option)
    if option.startswith("--junitxml"):
        cases = ET.parse(pytester.path / "junit.xml").iter("testcase")
        entries = [str(bad.get("message")) for case in cases for bad in case.iter("failure")]
        assert sum("not reached: the program was killed by SIGSEGV" in entry for entry in entries) == 598
    else:
        entry = {"-v": r"\S+::p\d+\S+ FAILED", "-rA": r"FAILED \S+::p\d+\S+ - ", "--tap": r"not ok \d+ .*p\d+"}
        entries = [line for line in result.outlines if re.match(entry[option], line)]
        assert len(entries) >= 599
    assert not any(re.match(r"_+ many\.p2", line) for line in result.outlines)


def test_quiet_and_without_tracebacks(crashes_early: Pytest) -> None:
    """-q has the paragraph too; --tb=no only what the items have in common."""
    assert len(paragraph(crashes_early("-q"))) == 5
    assert len(paragraph(crashes_early("--tb=no"))) == 4


def test_workers_report_one_paragraph(crashes_early: Pytest) -> None:
    """Under -n 2 the causes come with the reports of the workers."""
    result = crashes_early("-n", "2")
    result.assert_outcomes(passed=1, failed=600)
    assert len([line for line in paragraph(result) if line.startswith("not reached: ")]) == 1


def test_where_nobody_tells_the_end_does(crashes_early: Pytest) -> None:
    """With the crashing point deselected, the last selected item tells of the crash, and the others name it."""
    result = crashes_early("-k", "p100 or p200")
    result.assert_outcomes(failed=2, deselected=599)
    assert "  told in full above, in " in paragraph(result)[-1]
    result.stdout.re_match_lines([r" +#\d+ +point_p1 .*"])


def test_a_fixture_that_fails_is_told_once(pytester: pytest.Pytester, suite: Pytest, liblkl: Liblkl) -> None:
    """The error of a suite's fixture for a whole run has one section, and one paragraph for the rest of its items."""
    suite("good", "--collect-only")  # writes the suite, which then gets a fixture
    path = pytester.path / "test_suite.py"
    path.write_text(path.read_text() + FIXTURE)
    result = pytester.runpytest_subprocess(f"--lkl={liblkl.path}", "-k", "fed", timeout=300)
    result.assert_outcomes(errors=6, deselected=6)
    assert sum("the shop has no disks" in line and line.startswith("E ") for line in result.outlines) == 1
    assert paragraph(result)[1].startswith("  5 items of the kernel ")


def test_the_table_leaves_out_what_a_kernel_did_not_reach(crashes_early: Pytest, liblkl: Liblkl) -> None:
    """Side by side stand the points that all kernels have reached; how many are left out is said."""
    result = crashes_early(f"--lkl={liblkl.library}", "-k", "p0 or p1 or exit")
    start = next(number for number, line in enumerate(result.outlines) if "side by side" in line)
    table = [line.split()[0] for line in result.outlines[start + 1 :] if "::" in line and line.startswith(" ")]
    assert [name.rpartition("::")[2] for name in table] == ["p0", "p1", "exit"]
    assert any(re.match(r"\d+ points are left out, which", line) for line in result.outlines)


def test_a_long_text_is_cut_in_the_middle() -> None:
    """Both ends of a text stay, 40 lines in all; short texts stay as they are."""
    text = "\n".join(map(str, range(100)))
    assert len(shortened(text)) == LINES
    assert shortened(text)[:HEAD] == text.splitlines()[:HEAD]
    assert shortened(text)[-1] == "99"
    assert shortened("one\ntwo\n") == ["one", "two"]


@pytest.mark.parametrize(("program", "how"), [
    ("crashes", "signal"), ("hangs", "timeout"), ("panics", "panic"), ("fails", ""), ("exits", ""), ("good", ""),
])  # fmt: skip
def test_a_lost_kernel_is_recorded(suite: Pytest, pytester: pytest.Pytester, program: str, how: str) -> None:
    """JUnit files tell how the kernel was lost, by a property of the tests that failed for it."""
    suite(program, "--junitxml=junit.xml")
    found = {one.get("value") for one in ET.parse(pytester.path / "junit.xml").iter("property")
             if one.get("name", "").rpartition(": ")[2] == KERNEL_LOST}  # fmt: skip
    assert found == ({how} if how else set())


def test_a_kernel_lost_by_a_fixture_or_a_test_is_recorded(pytester: pytest.Pytester, inline: Pytest) -> None:
    """The error KernelLost counts wherever it is raised: before a test, in it, after it."""
    pytester.makepyfile("""
        import pytest
        from lkltest import uml
        from lkltest.errors import KernelLost
        @pytest.fixture(params=["before", "in", "after", "never"])
        def when(request):
            if request.param == "before": raise KernelLost("gone")
            yield request.param
            if request.param == "after": raise KernelLost("gone")
        def test_it(when):
            if when == "in": raise KernelLost("gone")
            assert when != "never", "killed by SIGSEGV"
        """)
    inline("--junitxml=junit.xml", "-p", "no:cacheprovider")
    cases = list(ET.parse(pytester.path / "junit.xml").iter("testcase"))
    lost = {case.get("name") for case in cases for one in case.iter("property") if one.get("name") == KERNEL_LOST}
    assert lost == {"test_it[before]", "test_it[in]", "test_it[after]"}
