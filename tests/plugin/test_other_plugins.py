"""lkltest beside other plugins: each verdict as without them, and each program run once.

They would change every other session of these tests, so the development environment has none of them:
`tox -e plugins` has, and so has CI.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lkltest.liblkl import Liblkl

PROGRAM = r"""
#include <stdio.h>
#include <lkltest.h>

POINT(start_kernel) { lkltest_start_kernel(); }
POINT(works) { CHECK_EQ(lkl_sys_close(1000), -LKL_EBADF); }
POINT(fails) { CHECK_EQ(lkl_sys_close(1000), 0); }
POINT(skips) { lkltest_skip("nothing to do"); }
POINT(is_known) { CHECK_EQ(lkl_sys_close(1000), 0); }
POINT(stop_kernel) { lkltest_stop_kernel(); }

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(start_kernel), LKLTEST(works), LKLTEST(fails), LKLTEST(skips),
	LKLTEST(is_known, .todo = "some day"), LKLTEST_LIBRARY(stop_kernel),
};

int main(int argc, char **argv)
{
	FILE *starts = fopen(STARTS, "a");

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--list") == 0)
			return lkltest_main(argc, argv);
	fputs("started\n", starts);
	fclose(starts);
	return lkltest_main(argc, argv);
}
"""
SUITE = """
from lkltest import Program
program = Program("program.c")


def test_plain():
    pass
"""
OTHERS = {"xdist", *(f"pytest_{name}" for name in ["cov", "html", "randomly", "rerunfailures", "sugar", "timeout"])}
# The points of the program, its end, and the plain test.
OUTCOMES = {"passed": 5, "failed": 1, "skipped": 1, "xfailed": 1}
CALM = ("-p", "no:randomly", "-p", "no:sugar")  # these two change every run


@pytest.fixture
def project(pytester: pytest.Pytester, liblkl: Liblkl) -> list[str]:
    """A program and its suite; the options of the sessions."""
    pytester.makefile(".c", program=f'#define STARTS "{pytester.path}/starts"\n{PROGRAM}')
    pytester.makepyfile(test_it=SUITE)
    return [f"--lkl={liblkl.path}"]


@pytest.mark.parametrize(
    ("options", "starts"),
    [
        pytest.param(["--timeout=300", *CALM], 1, id="timeout"),
        pytest.param(["--timeout=300", "--timeout-method=thread", *CALM], 1, id="timeout-thread"),
        pytest.param(["-p", "no:sugar"], 1, id="randomly"),
        pytest.param(["--force-sugar", "-p", "no:randomly"], 1, id="sugar"),
        pytest.param(["--html=report.html", "--self-contained-html", *CALM], 1, id="html"),
        pytest.param(["--cov=.", *CALM], 1, id="cov"),
        pytest.param(["-n2", *CALM], 1, id="xdist"),
        pytest.param(["-n2", "-p", "no:sugar"], 1, id="xdist-randomly"),
        pytest.param(["-p", "no:cacheprovider", *CALM], 1, id="no-cacheprovider"),
        pytest.param(["--reruns=1", *CALM], 2, id="rerunfailures"),
        pytest.param(["--reruns=1", "-n2", "--timeout=300", "--html=report.html"], 2, id="all"),
    ],
)
def test_verdicts_and_runs_stay(
    pytester: pytest.Pytester, project: list[str], options: list[str], starts: int
) -> None:
    """Each point has its own verdict, and the program is started once (once more where a rerun is asked for)."""
    if missing := sorted(name for name in OTHERS if importlib.util.find_spec(name) is None):
        pytest.skip(f"no {', '.join(missing)}: run by `tox -e plugins`")
    result = pytester.runpytest_subprocess(*project, *options, "--junitxml=it.xml")
    assert result.ret == 1
    assert counts(pytester.path / "it.xml") == OUTCOMES
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert (pytester.path / "starts").read_text().count("started") == starts


def counts(junit: Path) -> dict[str, int]:
    """The numbers of tests by their last outcomes, from a JUnit file."""
    import xml.etree.ElementTree as ET

    found: dict[str, str] = {}
    for case in ET.parse(junit).iter("testcase"):
        below = {child.tag: child for child in case}
        skipped = below.get("skipped")
        outcome = "failed" if "failure" in below else "passed"
        if skipped is not None:
            outcome = "xfailed" if skipped.get("type") == "pytest.xfail" else "skipped"
        found[f"{case.get('classname')}::{case.get('name')}"] = outcome
    return {outcome: list(found.values()).count(outcome) for outcome in OUTCOMES}
