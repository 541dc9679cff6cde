"""A kernel tree's own tests as pytest items, on a tree whose tests are these and whose library is a real kernel's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest import liblkl as kernels
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.program import tree
from lkltest.settings import Settings

HERE = Path(__file__).parent
BUILD = "boot-y += boot.o test.o\nuntabled-y += untabled.o\nbroken-y += gone.o\n"
SUITE = """
from lkltest import OtherTreePrograms, TreeProgram

boot = TreeProgram("boot")
others = OtherTreePrograms(known=("boot",))
"""

MakeTree = Callable[[str, bool], Path]


@pytest.fixture
def make_tree(liblkl: Liblkl, tmp_path: Path) -> MakeTree:
    """Make a tree, with or without tests of its own, around the library of a real kernel."""

    def make(name: str, tests: bool) -> Path:
        tools = tmp_path / name / "tools" / "lkl"
        tools.mkdir(parents=True)
        for part in ("Kconfig", "Makefile"):
            (tmp_path / name / part).touch()
        (tools / "include").symlink_to(liblkl.include[0])
        (tools / "liblkl.a").symlink_to(liblkl.library)
        if tests:
            (tools / "tests").mkdir()
            for source in HERE.glob("*.[ch]"):
                shutil.copy(source, tools / "tests")
            (tools / "tests" / "Build").write_text(BUILD)
        return tmp_path / name

    return make


@pytest.fixture
def run(
    pytester: pytest.Pytester, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Run the suite on trees."""
    monkeypatch.setenv("LKLTEST_CACHE", str(settings.cache))  # pytester moves the home directory
    pytester.makepyfile(test_suite=SUITE)

    def run(*arguments: str, trees: tuple[Path, ...]) -> pytest.RunResult:
        paths = [f"--lkl={path}" for path in trees]
        return pytester.runpytest_subprocess("-rA", *paths, *arguments, timeout=600)

    return run


def test_each_point_of_the_table_is_an_item(make_tree: MakeTree, run: Callable[..., pytest.RunResult]) -> None:
    """Points pass and fail one by one; a crash is told at the point that was running, with function and line."""
    result = run("-k", "boot", trees=(make_tree("linux", True),))
    result.assert_outcomes(passed=2, failed=4, deselected=1)
    result.stdout.re_match_lines_random([
        r"PASSED test_suite.py::boot::getpid\[.*",
        r"FAILED test_suite.py::boot::fails\[.*",
        r".*killed by SIGSEGV in the point 'crashes'.*",
        r".*lkl_test_crashes +.*tools/lkl/tests/boot.c:\d+.*",
        r"FAILED test_suite.py::boot::never_reached\[.*not reached.*",
    ])


def test_the_console_of_a_crash_is_shown(make_tree: MakeTree, run: Callable[..., pytest.RunResult]) -> None:
    """The kernel's messages are on the console, though the program keeps them for a log that never comes."""
    result = run("-k", "boot and crashes", trees=(make_tree("linux", True),))
    result.stdout.fnmatch_lines(["last lines of the console:", "*This architecture does not have*"])


def test_a_program_without_a_table_has_subtests(
    make_tree: MakeTree, run: Callable[..., pytest.RunResult]
) -> None:
    """A program that nobody has declared is run too; each point that comes is a subtest of its one item."""
    result = run("-k", "untabled", "-v", trees=(make_tree("linux", True),))
    result.stdout.re_match_lines_random([
        r"test_suite.py::untabled::program\[.*\] SUBPASSED\[first\].*",
        r"test_suite.py::untabled::program\[.*\] SUBFAILED\[second\].*",
        r"test_suite.py::untabled::program\[.*\] SUBSKIPPED\[third\].*",
    ])
    assert result.ret == 1


def test_each_kernel_has_the_points_of_its_own_table(
    make_tree: MakeTree, run: Callable[..., pytest.RunResult]
) -> None:
    """A point that only one tree has is run on that one; a tree without tests says so once a declared program."""
    one, other, bare = make_tree("one", True), make_tree("other", True), make_tree("bare", False)
    source = other / "tools/lkl/tests/boot.c"
    source.write_text(source.read_text().replace("LKL_TEST(never_reached),", "").replace("LKL_TEST(fails),", ""))
    result = run("--collect-only", "-q", trees=(one, other, bare))
    names = [line.partition("::")[2] for line in result.outlines if "::boot::" in line]
    assert sum("boot::never_reached[" in name for name in names) == 1
    assert sum("boot::getpid[" in name for name in names) == 2
    assert sum("boot::exit[" in name for name in names) == 3
    skipped = run("-k", "bare", trees=(one, other, bare))
    skipped.assert_outcomes(skipped=1, deselected=skipped.parseoutcomes()["deselected"])
    skipped.stdout.fnmatch_lines(["*bare has no tests of its own (no tools/lkl/tests): pass --lkl a whole LKL tree*"])


def test_a_change_of_any_source_is_compiled_anew(make_tree: MakeTree, settings: Settings) -> None:
    """The cache looks at every source and header of a program, not only at the one with its main."""
    from lkltest.program import TreeProgram
    from lkltest.program.launch import compile_for

    root = make_tree("linux", True)
    kernel = kernels.find(root, settings)
    first = compile_for(TreeProgram("boot"), kernel, settings)
    made = first.stat().st_mtime_ns
    assert compile_for(TreeProgram("boot"), kernel, settings).stat().st_mtime_ns == made
    for name in ("boot.c", "test.c", "test.h"):
        source = root / "tools/lkl/tests" / name
        source.write_text(source.read_text() + "/* changed */\n")
        remade = compile_for(TreeProgram("boot"), kernel, settings).stat().st_mtime_ns
        assert remade != made, name
        made = remade


def test_a_program_finds_the_shared_library(make_tree: MakeTree, liblkl: Liblkl, settings: Settings) -> None:
    """A program that opens liblkl.so by its name, as upstream's test-dlmopen does, gets that of its tree."""
    from lkltest.program import TreeProgram
    from lkltest.program.launch import compile_for

    tools = make_tree("linux", True) / "tools" / "lkl"
    (tools / "lib").mkdir()
    (tools / "lib" / "liblkl.so").symlink_to(liblkl.shared or "")
    (tools / "tests" / "Build").write_text("opens-y += opens.o\n")
    source = '#include <dlfcn.h>\nint main(void) { return !dlopen("liblkl.so", RTLD_LAZY); }\n'
    (tools / "tests" / "opens.c").write_text(source)
    program = compile_for(TreeProgram("opens"), kernels.find(tools, settings), settings)
    assert process.run([program], timeout=60).ok


def test_the_makefile_lists_the_programs(make_tree: MakeTree, settings: Settings) -> None:
    """Programs are what Build says, where their sources are there; a name it has not got is told with those it has."""
    kernel = kernels.find(make_tree("linux", True), settings)
    assert kernel.tests is not None
    assert [source.name for source in tree.sources(kernel, "boot")] == ["boot.c", "test.c"]
    assert set(tree.programs(kernel.tests)) == {"boot", "untabled"}
    assert tree.missing(kernel, "nothing").endswith("has no program nothing: its Build lists boot, untabled")


def test_a_library_older_than_its_sources_is_told(make_tree: MakeTree, run: Callable[..., pytest.RunResult]) -> None:
    """The end of a session names the kernel, the source that is newer, and what to do."""
    root = make_tree("linux", True)
    assert "older than its sources" not in run("-k", "getpid", trees=(root,)).stdout.str()
    (root / "Kbuild").touch()
    result = run("-k", "getpid", trees=(root,))
    result.stdout.fnmatch_lines(["kernel *liblkl.a is older than its sources: *was changed at*--lkl-build*"])


def test_the_tests_of_a_newer_tree(make_tree: MakeTree, run: Callable[..., pytest.RunResult]) -> None:
    """Shared objects are linked, a point that is compiled out is no item, and `TAP version 13` hides no crash."""
    root = make_tree("linux", True)
    tests = root / "tools/lkl/tests"
    (tests / "Build").write_text("tests-common-y += test.o\nboot-y += boot.o\n")
    boot, shared = tests / "boot.c", tests / "test.c"
    gone = "#ifdef LKL_CONFIG_NOBODY_HAS\n\tLKL_TEST(gone),\n#endif"
    boot.write_text(boot.read_text().replace("\tLKL_TEST(fails),", gone))
    shared.write_text(shared.read_text().replace('"1..%d # %s\\n", nr, suite', '"TAP version 13\\n1..%d\\n", nr'))
    result = run("-k", "boot", trees=(root,))
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.re_match_lines_random([r".*killed by SIGSEGV in the point 'crashes'.*"])
