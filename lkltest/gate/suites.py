"""The suites of lkltest, run on one kernel by a pytest of its own."""

from __future__ import annotations

import re
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import lkltest
from lkltest.errors import KERNEL_LOST, UNUSABLE, UsageError
from lkltest.gate.report import Row, Verdict
from lkltest.host import process

NO_TESTS = 5  # pytest's exit status
XFAIL = "pytest.xfail"  # the type that JUnit's skipped cases have where the failure was expected
COUNT = re.compile(r"contains \d+ failed subtests?")
TIMEOUT = 6 * 3600.0  # seconds: each test has a timeout of its own, this is for pytest itself on a busy machine

# Settings of the user's own runs must not change this one.
ENVIRONMENT = dict.fromkeys(
    ("LKLTEST_LKL", "LKLTEST_UML", "LKLTEST_KNOWN", "LKLTEST_KSELFTEST_TARGET", "PYTEST_ADDOPTS"), ""
)


def directory() -> Path:
    """The directory of the suites, installed with lkltest or beside it in its sources."""
    package = Path(lkltest.__file__).parent
    for place in (package / "suites", package.parent / "suites"):
        if (place / "uml" / "test_uml.py").is_file():
            return place
    raise UsageError(f"no suites beside {package}: run the gate from lkltest's sources, or install it anew")


def run(kernel: str, suite: str, options: Sequence[str], place: Path) -> Row:
    """Run one suite with pytest's `options`; JUnit and output go to the directory `place`."""
    started = time.monotonic()
    junit = place / f"{suite}.xml"
    junit.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", str(directory() / suite), "-q", "-p", "no:cacheprovider", "--color=no",
            f"--junitxml={junit}", *options]  # fmt: skip
    done = process.run(argv, cwd=place, env=ENVIRONMENT, timeout=TIMEOUT, merge=True)
    output = done.output.decode(errors="replace")
    (place / f"{suite}.log").write_text(output, encoding="utf-8")
    row = Row(kernel, f"suites/{suite}", *judge(junit, done, output))
    return Row(row.kernel, row.check, row.verdict, row.detail, row.explanation, time.monotonic() - started)


def judge(junit: Path, done: process.Ended, output: str) -> tuple[Verdict, str, str]:
    """The verdict on a finished pytest, in a few words and in some lines."""
    if not junit.is_file() or done.status not in {0, 1}:
        tail = "\n".join(output.strip().splitlines()[-10:])
        what = "no test of it is for this kernel" if done.status == NO_TESTS else f"pytest: {done.describe()}"
        return Verdict.FAILED, what, tail
    root = ET.parse(junit).getroot()
    cases = list(root.iter("testcase"))
    if reason := recorded(root, UNUSABLE):
        return Verdict.UNUSABLE, "mend this machine first", reason
    lost = [f"{name_of(case)}: the kernel was lost ({how})" for case in cases if (how := recorded(case, KERNEL_LOST))]
    passed, known, skipped = 0, 0, []
    bad: list[tuple[str, list[str]]] = []
    for case in cases:
        wrong = [child for child in case if child.tag in {"failure", "error"}]
        bad += [(name_of(case), messages(wrong))] if wrong else []
        left_out = [child for child in case if child.tag == "skipped"]
        excused = any(child.get("type") == XFAIL for child in left_out)
        known += excused
        skipped += [child.get("message", "") for child in left_out[:1] if not excused]
        passed += all(child.tag not in {"failure", "error", "skipped"} for child in case)
    if not lost and (how := recorded(root, KERNEL_LOST)):
        lost = [f"a kernel was lost ({how})"]
    if not (passed or bad or known or lost):
        return Verdict.NOT_RUN, f"{len(skipped)} skipped", "\n".join(dict.fromkeys(skipped))
    counts = ((len(bad), "failed"), (passed, "passed"), (known, "known to fail"),
              (len(skipped), "skipped"))  # fmt: skip
    detail = ", ".join(f"{count} {word}" for count, word in counts if count)
    told = "\n".join(summarized([(name, line) for name, lines in bad for line in lines]))
    if lost:  # also where a test whose kernel was lost is an expected failure
        return Verdict.LOST, detail, told or "\n".join(lost)
    return Verdict.FAILED if bad else Verdict.PASSED, detail, told


def name_of(case: ET.Element) -> str:
    """The name of a test, with its class: "timers:nanosleep::exit"."""
    group = re.search(r"(?:^|\.)test_\w+\.(.+)", case.get("classname", ""))
    name = case.get("name", "?")
    return f"{group[1]}::{name}" if group else name


def messages(failures: Sequence[ET.Element]) -> list[str]:
    """The first line of each failure of a test; pytest's count of its failed subtests only where it is all there is."""
    said = [(failure.get("message") or failure.text or "").strip() for failure in failures]
    lines = [next(iter(text.splitlines()), "failed") for text in said]
    return [line for line in lines if not COUNT.fullmatch(line)] or lines


def recorded(root: ET.Element, name: str) -> str:
    """The first value that the plugin has recorded under this name for any of the tests; empty where there is none.

    The plugin's own tests have their properties at the suite, where a name begins with the test's.
    """
    found = (one for one in root.iter("property") if one.get("name", "").rpartition(": ")[2] == name)
    return next((one.get("value", "") for one in found), "")


def summarized(told: Sequence[tuple[str, str]]) -> list[str]:
    """A line for each test that failed; tests that say the same have one together."""
    names: dict[str, list[str]] = {}
    for name, line in told:
        names.setdefault(line, []).append(name)
    more = {line: f" and {len(alike) - 1} more" if len(alike) > 1 else "" for line, alike in names.items()}
    return [f"{alike[0]}{more[line]}: {line}" for line, alike in names.items()]
