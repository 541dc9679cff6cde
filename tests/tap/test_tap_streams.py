"""Saved streams, named by their defect, and what is to be read in them."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from lkltest.tap import Parser, Point

STREAMS = Path(__file__).parent / "streams"
EXPECTED = Path(__file__).parent / "expected.txt"


def read(data: bytes, size: int = 1 << 20) -> Parser:
    """Read a stream in pieces of a size."""
    parser = Parser()
    for start in range(0, len(data), size):
        parser.feed(data[start : start + size])
    parser.close()
    return parser


def render(parser: Parser) -> str:
    """Streams in the form of expected.txt: dialect, verdict, kinds of problems, points."""
    lines = []
    for report in parser.reports:
        lines.append(
            f"{report.dialect.value} version={report.version} plan={report.plan} skip={report.skip_all!r} "
            f"bail={report.bail_out!r} {'PASSED' if report.passed else 'FAILED'} "
            f"{' '.join(sorted({problem.kind for problem in report.problems}))}".rstrip()
        )
        lines += render_points(report.points, "  ")
    return "".join(f"{line}\n" for line in lines or ["no TAP"])


def render_points(points: Sequence[Point], indent: str) -> list[str]:
    """Points in the form of expected.txt."""
    lines = []
    for point in points:
        ok = {True: "ok", False: "not ok", None: "never ended"}[point.ok]
        directive = f" #{point.directive} {point.reason}" if point.directive else ""
        lines.append(f"{indent}{ok} {point.number} {point.description!a}{directive}".rstrip())
        if point.subtest:
            lines.append(f"{indent}  plan={point.subtest.plan}")
            lines += render_points(point.points, indent + "  ")
    return lines


def expectations() -> dict[str, str]:
    """The entries of expected.txt, by their streams."""
    parts = re.split("^== ", EXPECTED.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


@pytest.mark.parametrize("name", sorted(path.name for path in STREAMS.iterdir()))
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_reads_what_was_judged_right(name: str, size: int) -> None:
    """A saved stream has the dialect, verdict, problems and points that were judged right by hand."""
    assert render(read((STREAMS / name).read_bytes(), size)) == expectations()[name]


def test_every_expectation_has_its_stream() -> None:
    """No expectation is left of a stream that is gone."""
    assert set(expectations()) == {path.name for path in STREAMS.iterdir()}


LKL_DEFECTS = [path.name for path in STREAMS.glob("lkl-*")]
RIGHTLY_PASSED = {
    "lkl-latin1-in-log.tap",
    "lkl-log-at-the-margin.tap",
    "lkl-not-ok-todo.tap",
    "lkl-tab-and-escape-in-log.tap",
    "lkl-two-suites-first-skipped.tap",
    "lkl-wrapper-extends-suite.tap",
}


@pytest.mark.parametrize("name", sorted(LKL_DEFECTS))
def test_no_defect_of_lkl_passes(name: str) -> None:
    """Streams that LKL's own runner calls passed, or dies of, have the right verdict."""
    assert read((STREAMS / name).read_bytes()).passed == (name in RIGHTLY_PASSED)


@pytest.mark.parametrize(
    "name",
    [
        "harness-crash-in-point.tap",
        "ktap-kunit-stamped.log",
        "ktap-panic-in-suite.log",
        "lkl-crash-in-last-point.tap",
        "subtests-14.tap",
        "yaml-end-mark-in-log.tap",
    ],
)
def test_no_cut_turns_a_failure_into_a_pass(name: str) -> None:
    """A stream that failed under a plan at its beginning does not pass wherever it is cut."""
    data = (STREAMS / name).read_bytes()
    assert [end for end in range(len(data)) if read(data[:end]).passed] == []


def test_the_rest_of_a_log_stays_with_its_point() -> None:
    """An end mark or a result inside of a log is a part of the log, in YAML as in LKL's text."""
    cases = ("lkl-end-mark-and-fake-ok-in-log", {"time_us": 7}), ("yaml-end-mark-in-log", {"duration_us": 5})
    for name, duration in cases:
        point = read((STREAMS / f"{name}.tap").read_bytes()).report.points[0]
        assert duration.items() <= point.diagnostics.items()
        assert "ok 2 fake\n" in str(point.diagnostics["log"])
        assert "...\n" in str(point.diagnostics["log"])


def test_keeps_what_cannot_be_read_as_yaml() -> None:
    """A block that is not valid YAML is kept raw; where only its characters are invalid, it is read all the same."""
    broken = read((STREAMS / "yaml-invalid.tap").read_bytes()).report.points[0]
    assert (broken.diagnostics, broken.raw_diagnostics) == ({}, "key: [1, 2\nlog: lost?\n")
    colored = read((STREAMS / "yaml-with-escape-byte.tap").read_bytes()).report.points[0]
    assert colored.diagnostics == {"duration_us": 5, "log": "\x1b[31mred\n"}
    assert colored.yaml_error


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("lkl-bail-out-before-block.tap", "time_us: 5129\nlog: |\n mkfs.ext4: No space left on device\n"),
        ("lkl-log-at-the-margin.tap", "time_us: 5\nlog: |\n begin\nrandom: init done\n\tCPU 0\n\x1b[0m# end\n end\n"),
        ("yaml-of-an-indented-result-13.tap", None),
        ("yaml-with-tab-at-its-beginning.tap", "line: 3\n\tlog: lost?\n"),
    ],
)
def test_a_block_has_all_that_belongs_to_it(name: str, block: str | None) -> None:
    """Whatever stands between a block's marks is kept, with the point to which it belongs."""
    assert read((STREAMS / name).read_bytes()).report.points[0].raw_diagnostics == block


def test_a_crash_is_blamed_on_the_point_that_ran() -> None:
    """The last lines before the end stand with the point that never ended."""
    point = read((STREAMS / "lkl-crash-in-last-point.tap").read_bytes()).report.points[-1]
    assert (point.ok, point.description, point.output) == (None, "getpid", "Segmentation fault\n")
    suite = read((STREAMS / "ktap-panic-in-suite.log").read_bytes()).report.points[-1]
    assert "Kernel panic - not syncing" in suite.output


def test_comments_belong_to_points() -> None:
    """KTAP's comments lead their point, those of TAP follow it."""
    suite = read((STREAMS / "ktap-kunit.log").read_bytes()).report.points[0]
    assert suite.comments == ["list_sort: pass:1 fail:1 skip:0 total:2"]
    assert suite.points[1].comments == ["list_sort_b: EXPECTATION FAILED at lib/test_list_sort.c:80"]
    assert "a == 1 (0x1)" in suite.points[1].output
    parser = read(b"1..2\n# before\nnot ok 1\n# Failed test\nok 2\n")
    assert [point.comments for point in parser.report.points] == [["before", "Failed test"], []]
