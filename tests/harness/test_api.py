"""The harness's public face: documented, apart from what is internal, and the same on the Python side."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lkltest.cc import HARNESS
from lkltest.crash import report
from lkltest.errors import BuildError
from tests.harness.stream import BOOT, Build, Run, failed

PUBLIC = sorted((HARNESS / "lkltest").glob("*.h"))
INTERNAL = sorted((HARNESS / "lkltest" / "internal").glob("*.h"))
SUITES = [path for path in sorted(BOOT.parent.parent.glob("*/*")) if path.suffix in {".c", ".h"}]

COMMENT = re.compile(r"/\*\*\n \* (?:struct |enum )?(\w+)(?:\(\))? - \S.*\n((?: \*.*\n)*?) \*/\n")
MACRO = re.compile(r"^#define (\w+)(?:\(([^)]*)\))?", re.MULTILINE)
FUNCTION = re.compile(r"^(?:LKLTEST_FN|static) [^=;{]*?\b(lkltest_\w+)\(([^)]*)\)", re.MULTILINE)
TYPE = re.compile(r"^(?:struct|enum) (\w+) \{", re.MULTILINE)
FOR_THE_COMPILER = {"_GNU_SOURCE", "LKLTEST_API", "lkl_sys_mmap", "st_mtime_nsec"}
SETTINGS = {"LKLTEST_NATIVE", "LKLTEST_NO_CRASH"}  # that a program or its compiler may define


def arguments(header: str) -> dict[str, set[str]]:
    """The public names of a header, each with those of its arguments."""
    found = {name: set(re.findall(r"\w+|\.\.\.", args)) for name, args in MACRO.findall(header)}
    for name, args in FUNCTION.findall(re.sub(r"__attribute__\(\(.*?\)\)+ ", "", header)):
        found[name] = {arg for part in args.split(",") for arg in re.findall(r"(\w+)$", part) if arg != "void"}
    found |= {name: set() for name in TYPE.findall(header)}
    guard = re.findall(r"#ifndef (\w+_H)\n", header)
    return {name: args for name, args in found.items() if name not in {*FOR_THE_COMPILER, *guard}}


def documented() -> dict[str, str]:
    """The names that a kernel-doc comment explains, with the comment's later lines."""
    return {name: body for path in PUBLIC for name, body in COMMENT.findall(path.read_text())}


@pytest.mark.parametrize("header", PUBLIC, ids=lambda path: path.name)
def test_each_public_name_has_its_comment(header: Path) -> None:
    """Each macro, function and type of a header beside internal/ has a kernel-doc comment that names its arguments."""
    comments = documented()
    names = arguments(header.read_text())
    assert names
    for name, args in names.items():
        assert name in comments, f"{header.name}: no comment of {name}"
        told = set(re.findall(r"^ \* @(\w+|\.\.\.):", comments[name], re.MULTILINE))
        assert told >= {arg for arg in args if arg != "..."}, f"{header.name}: {name}"


@pytest.mark.parametrize("header", INTERNAL, ids=lambda path: path.name)
def test_an_internal_header_refuses_to_be_included(program: Build, tmp_path: Path, header: Path) -> None:
    """A header of internal/ cannot be included by itself, and says which one to take instead."""
    source = tmp_path / "wrong.c"
    source.write_text(f"#include <lkltest/internal/{header.name}>\nint main(void) {{ return 0; }}\n")
    with pytest.raises(BuildError, match=r"internal to lkltest: include <lkltest\.h>"):
        program(source)


def test_the_suites_use_public_names_only() -> None:
    """Our own suites take nothing of the harness that has no comment: neither can a user's."""
    public = {*documented(), *SETTINGS}
    for path in SUITES:
        code = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|#include[^\n]*', "", path.read_text(), flags=re.DOTALL)
        assert set(re.findall(r"\b(?:lkltest|LKLTEST)_\w+|\blkltest\.", code)) <= public, path


def test_the_names_of_kselftest(run: Run, tmp_path: Path) -> None:
    """ASSERT_* ends the point and EXPECT_* goes on, as users of kselftest_harness.h know them."""
    source = tmp_path / "names.c"
    source.write_text("""
#include <lkltest.h>
POINT(asserts) { ASSERT_EQ(-LKL_ENOENT, 3); lkltest_log("went on"); }
POINT(expects) { EXPECT_TRUE(1 == 2); EXPECT_FALSE(3); EXPECT_STREQ("a", "b"); lkltest_log("went on"); }
POINT(holds)
{
	ASSERT(1); ASSERT_NE(1, 2); ASSERT_LT(1, 2); ASSERT_LE(2, 2); ASSERT_GT(2, 1); ASSERT_GE(2, 2);
	ASSERT_TRUE(1); ASSERT_FALSE(0); ASSERT_STREQ("a", "a"); ASSERT_STR_EQ("a", "a"); ASSERT_MEM_EQ("ab", "ac", 1);
	ASSERT_ERR(-LKL_EBADF, LKL_EBADF);
	ASSERT_EQ(ASSERT_OK(4), 4);
}
LKLTEST_POINTS = { LKLTEST(asserts), LKLTEST(expects), LKLTEST(holds) };
int main(int argc, char **argv) { return lkltest_main(argc, argv); }
""")
    output = run(source)
    assert failed(output) == ["asserts", "expects"]
    asserts, expects = output.points["asserts"].block, output.points["expects"].block
    assert (asserts["check"], "log" in asserts) == ("-LKL_ENOENT == 3", False)
    assert expects["check"] == "1 == 2"
    assert [other["check"] for other in expects["failures"]] == ["!(3)", '"a" is "b"']
    assert expects["log"] == "went on\n"


def test_the_former_name_of_a_timeout_compiles(run: Run, tmp_path: Path) -> None:
    """.deadline_ms is .timeout_ms still."""
    source = tmp_path / "former.c"
    source.write_text("""
#include <lkltest.h>
POINT(old) { CHECK_EQ(lkltest_points_of()[0].timeout_ms, 700); }
POINT(new) { CHECK_EQ(lkltest_points_of()[1].timeout_ms, 800); }
LKLTEST_POINTS = { LKLTEST(old, .deadline_ms = 700), LKLTEST(new, .timeout_ms = 800, .todo = NULL) };
static const struct lkltest_point *lkltest_points_of(void) { return lkltest_points; }
int main(int argc, char **argv) { return lkltest_main(argc, argv); }
""".replace("POINT(old)", "static const struct lkltest_point *lkltest_points_of(void);\nPOINT(old)", 1))
    assert failed(run(source)) == []


def test_the_lines_of_a_crash_are_those_that_python_reads() -> None:
    """Each kind of line that the handlers write is one that the reader knows, and none is missing."""
    source = "".join(path.read_text() for path in INTERNAL)
    written = set(re.findall(r'say\("(?:\\n)?lkltest: ([a-z]+) %', source))
    written |= set(re.findall(r'lkltest_crash_begin\("(\w+)"', source))
    written |= set(re.findall(r'report_write\("lkltest: (\w+) "', source))
    assert written == set(re.findall(r"\(\?P<\w+>([a-z]+)\)", report.LINE.pattern))
