"""Any stream, written as KTAP and read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from lkltest.cli import main
from lkltest.tap import Dialect, Parser, Point, Report
from lkltest.tap.formats import ktap, writer
from tests.tap.test_tap_writer import points

STREAMS = sorted((Path(__file__).parent / "streams").iterdir())


def read(data: bytes) -> Parser:
    """Read a stream to its end."""
    parser = Parser(excuse_skips=False)
    parser.feed(data)
    parser.close()
    return parser


def written(reports: list[Report]) -> Report:
    """The report on what is written of these reports, in its own dialect."""
    parser = read("".join(ktap.write([(f"file{number}", report) for number, report in enumerate(reports)])).encode())
    (report,) = parser.reports
    assert report.dialect is Dialect.KTAP
    assert report.problems == []
    return report


def leaves(found: list[Point]) -> list[str]:
    """The names of the innermost points."""
    return [name for point in found for name in (leaves(list(point.points)) if point.points else [point.description])]


@pytest.mark.parametrize("path", STREAMS, ids=[path.name for path in STREAMS])
@pytest.mark.parametrize("strict", [False, True])
def test_the_verdict_is_kept(path: Path, strict: bool) -> None:
    """Each stream, whatever its dialect and its defects, is valid KTAP with the same verdict, under --strict too."""
    parser = read(path.read_bytes())
    reports = parser.reports or [parser.report]  # a file without TAP has failed
    for report in reports:
        report.strict = strict
    again = written(reports)
    assert again.passed == all(report.passed for report in reports)
    assert all(point.points for point in again.points if len(reports) > 1)


@given(points(depth=2))
@settings(deadline=None, max_examples=200)
def test_points_are_kept(found: list[Point]) -> None:
    """All points come back, in their order, with as many failures; writing what was written gives the same again."""
    report = read(b"".join(writer.write(found, plan=len(found)))).report
    again = written([report])
    assert again.passed == report.passed
    assert len(leaves(list(again.points))) >= len(leaves(list(report.points)))
    assert [point.passed for point in again.points][: len(found)] == [point.passed for point in report.points]
    twice = written([again])
    assert leaves(list(twice.points)) == leaves(list(again.points))
    assert twice.counts == again.counts


@pytest.mark.parametrize("name", ["#", "# #", "a #", "# # todo"])
def test_a_hash_at_a_names_end_begins_no_directive(name: str) -> None:
    """The directive behind such a name is read as one, and the name stays the same when it is written again."""
    report = read(f"TAP version 14\n1..1\n    not ok 1 - \\{name}\n    1..1\nok 1 - sum\n".encode()).report
    again = written([report])
    assert [point.directive for point in again.points[0].points] == ["todo"]
    assert leaves(list(written([again]).points)) == leaves(list(again.points))


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--ktap writes all files as one document, which has the exit status of the run that wrote it."""
    good, bad, none = (tmp_path / name for name in ("good.tap", "bad.tap", "none.txt"))
    good.write_text("1..1\nok 1 - a # b\n")
    bad.write_text("TAP version 14\n1..2\nnot ok 1 - c # SKIP not here\n")
    none.write_text("hello\n")
    out = tmp_path / "out.ktap"
    for files, status in (([good], 0), ([good, bad], 1), ([bad], 1)):
        assert main(["tap", "--quiet", "--ktap", str(out), *map(str, files)]) == status
        assert main(["tap", "--quiet", "--strict", str(out)]) == status
    assert main(["tap", "--quiet", "--ktap", str(out), str(none)]) == 2
    assert "not ok 1 stream" in out.read_text()
    capsys.readouterr()
    main(["tap", "--ktap", "-", str(good)])
    assert capsys.readouterr().out == "KTAP version 1\n1..1\nok 1 a # b\n"
