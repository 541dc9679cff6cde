"""The parser on any input at all."""

import resource
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lkltest.tap import (
    Dialect,
    Event,
    Parser,
    PlanSeen,
    PointComplete,
    PointSeen,
    PointStarted,
    Report,
    StreamEnded,
)

LINES = b"""\
ok 1
ok 2 - foo
ok 3
not ok 2
not ok
ok
1..3
1..0 # skip it
1..2 # boot
1..1 # disk
* 1 foo
* 2 bar
TAP version 13
TAP version 14
KTAP version 1
    KTAP version 1
    1..2
    ok 1
  ok 2 x
        1..1
# Subtest: a
    # Subtest: b
\t# Subtest: c
\tok 1 c
  ---
  a: 1
  ...
 ---
 log: |
  x
 ...
Bail out! x
# comment
# running 1 foo
# running 3 x
# selftests: x
noise
not noise
not
pragma +strict
ok 1 - x {
{
}
ok 3 fo[    1.234567] kernel: x
[    1.234567] ok 4 x
[    0.100000] KTAP version 1
[    0.100000] 1..1
ok 99999999999999999999
1..99999999999999999999
ok 4 # SKIP x
not ok 5 # TODO
1..4 todo 2 3
""".split(b"\n")

lines = st.lists(st.sampled_from(LINES) | st.binary(max_size=8), max_size=25).map(b"\n".join)
dialects = st.none() | st.sampled_from(Dialect)


def plain(events: list[Event]) -> list[tuple[object, ...]]:
    """Events comparable between runs: reports are other objects in each."""
    return [(type(event).__name__, *(part for part in event if not isinstance(part, Report))) for event in events]


def outcome(parser: Parser) -> list[tuple[object, ...]]:
    """All that the reports say."""
    return [
        (each.dialect, each.plan, each.passed, each.problems, list(each.points), each.output, each.comments)
        for each in parser.reports
    ]


@given(st.binary(max_size=200) | lines, dialects)
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_read(data: bytes, dialect: Dialect | None) -> None:
    """Any bytes are read without an exception, and what is reported of them too."""
    parser = Parser(dialect)
    parser.feed(data)
    parser.close()
    for report in parser.reports:
        assert isinstance(report.passed, bool)
        assert all(problem.kind and problem.message and problem.line for problem in report.problems)


@given(lines, dialects, st.lists(st.integers(1, 30), min_size=1))
@settings(deadline=None, max_examples=400)
def test_any_split_gives_the_same_events(data: bytes, dialect: Dialect | None, sizes: list[int]) -> None:
    """Events do not depend on how the input was cut into pieces; nor do the reports on whether events are wanted."""
    whole = Parser(dialect)
    expected = whole.feed(data) + whole.close()
    events: list[Event] = []
    pieces, at, turn = Parser(dialect), 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        events += pieces.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    events += pieces.close()
    assert plain(events) == plain(expected)
    quiet = Parser(dialect, events=False)
    assert quiet.feed(data) + quiet.close() == []
    assert outcome(quiet) == outcome(whole)


@given(lines)
@settings(deadline=None, max_examples=300)
def test_nothing_mends_a_verdict(data: bytes) -> None:
    """A stream passes only with its plan met and every point ok, skipped or todo."""
    parser = Parser()
    parser.feed(data)
    parser.close()
    for report in parser.reports:
        if report.passed:
            assert report.plan == len(report.points) or report.unplanned
            assert report.bail_out is None
            assert all(point.ok or point.directive in ("todo", "skip") for point in report.points)


def test_points_come_as_soon_as_their_lines() -> None:
    """A point is seen with its line, complete with the end of its block or with the first line of something else."""
    parser = Parser()
    assert [type(event) for event in parser.feed(b"TAP version 13\n1..2\n")][-1] is PlanSeen
    assert [type(event) for event in parser.feed(b"# running 1 mutex\n")] == [PointStarted]
    assert [type(event) for event in parser.feed(b"ok 1 mutex\n")] == [PointSeen]
    assert parser.feed(b"  ---\n  duration_us: 1\n") == []
    assert [type(event) for event in parser.feed(b"  ...\n")] == [PointComplete]
    assert [type(event) for event in parser.feed(b"ok 2\n")] == [PointSeen]
    assert [type(event) for event in parser.close()] == [PointComplete, StreamEnded]
    assert parser.passed


def test_lkl_announces_its_points() -> None:
    """LKL's progress line is an event; a point announced in its place ends the one before as never ended."""
    parser = Parser()
    parser.feed(b"1..3 # boot\n* 1 mutex\nok 1 mutex\n")
    assert parser.feed(b"* 2 join\n")[-1] == PointStarted(2, "join", 4)
    events = parser.feed(b"* 3 getpid\n")
    assert [event.point.ok for event in events if isinstance(event, PointSeen)] == [None]
    parser.close()
    assert parser.close() == []
    assert [point.ok for point in parser.report.points] == [True, None, None]


def test_brackets_in_a_name_are_no_time_stamp() -> None:
    """Only the kernel's own form of a time stamp tears a line."""
    parser = Parser()
    parser.feed(b"1..2\nok 1 - took [ 1.5] s\nok 2 - [12.345] x\n")
    parser.close()
    assert [point.description for point in parser.report.points] == ["took [ 1.5] s", "[12.345] x"]


def test_plain_points_need_no_events() -> None:
    """Points taken in by the thousand are the same as those read one by one."""
    data = b"TAP version 13\n1..3000\n" + b"".join(
        b"ok %d - p %d\n%s" % (n, n, b"  ---\n  duration_us: %d\n  ...\n" % n if n % 3 else b"") for n in range(1, 3001)
    )
    at_once, line_by_line = Parser(events=False), Parser(events=False)
    at_once.feed(data)
    at_once.close()
    for line in data.splitlines(keepends=True):
        line_by_line.feed(line)
    line_by_line.close()
    assert at_once.passed
    assert outcome(at_once) == outcome(line_by_line)
    assert at_once.report.points[1999].diagnostics == {"duration_us": 2000}
    assert len(at_once.report.points[10:20]) == 10


ODD = [
    b"ok 150 # SKIP x\n", b"not ok 150 x\n", b"ok 150\n", b"ok 150 a\\b\n", b"ok 150 [x]\n", b"ok 150 x\r\n",
    b"ok 0150\n", b"ok 150x\n", b"ok 151 x\n", b"noise\n", b"# comment\n", b"  ok 150\n", b"ok 150 {\n", b"Bail out!\n",
    b"x: not ok 150\n", b"  ---\n  a: 1\n", b"  a: 1\n  ...\n", b"  ---\n  ...\n", b"  ---\n\n  ...\n",
    b"  ---\n  a: 1\n b\n  ...\n",
    b"  ---\n  a: 1\r\n  ...\n", b"  ---\n  a: |\n    ---\n  ---\n    ...\n  ...\n", b"    ---\n    a: 1\n    ...\n",
    b"not \nok 150\n", b"\n", b"  ---\n  a: 1\n  ...\n  ---\n  b: 1\n  ...\n", b"ok 149\n", b"1..300\n",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("block", [b"", b"  ---\n  duration_us: 1\n  ...\n"])
@pytest.mark.parametrize("before", [b"", b"ok 150 - p\n"])
def test_an_odd_line_among_plain_points_is_read(odd: bytes, block: bytes, before: bytes) -> None:
    """Lines among plain points that are taken in together are read as when they come alone."""
    points = [b"%sok %d - p\n%s" % (b"not " * (n % 50 == 0), n, block) for n in range(1, 301)]
    data = b"TAP version 13\n1..300\n" + b"".join([*points[:149], before, odd, *points[150:]])
    at_once, line_by_line = Parser(), Parser()
    events: list[Event] = []
    for line in data.splitlines(keepends=True):
        events += line_by_line.feed(line)
    assert plain(at_once.feed(data) + at_once.close()) == plain(events + line_by_line.close())
    assert outcome(at_once) == outcome(line_by_line)


def test_events_of_many_points_are_a_sequence() -> None:
    """The events of a piece can be counted, indexed, compared and added; those of plain points are made when read."""
    parser = Parser()
    parser.feed(b"TAP version 13\n1..60\n")
    events = parser.feed(b"".join(b"ok %d\n" % n for n in range(1, 51)) + b"# a\n")
    listed = list(events)
    assert len(events) == len(listed) == 100
    assert (events[0], events[-1], events[3:5]) == (listed[0], listed[-1], listed[3:5])
    assert events == listed
    assert events != listed[1:]
    assert events + listed[:1] == [*listed, listed[0]]
    assert listed[:1] + events == [listed[0], *listed]


def test_bare_points_are_cut_where_their_numbers_grow() -> None:
    """Points without a block, taken in by the thousand, have the numbers, results and names of their lines."""
    results = [(number, number % 7 != 0, f"p {number}" if number % 5 else "") for number in range(1, 1203)]
    data = b"TAP version 13\n1..1202\n" + b"".join(
        b"%sok %d%s\n" % (b"" if ok else b"not ", number, f" - {name}".encode() if name else b"")
        for number, ok, name in results
    )
    for wanted in (True, False):
        parser = Parser(events=wanted)
        events = parser.feed(data) + parser.close()
        points = list(parser.report.points)
        assert [(point.number, point.ok, point.description) for point in points] == results
        assert [point.line for point in points] == list(range(3, 1205))
        assert [event.point for event in events if isinstance(event, PointSeen)] == (points if wanted else [])


def test_a_forced_dialect_stays() -> None:
    """A dialect that the user asks for is kept whatever the stream says."""
    parser = Parser(Dialect.TAP13)
    parser.feed(b"KTAP version 1\n1..1\nnot ok 1 # SKIP\n")
    parser.close()
    assert (parser.report.dialect, parser.passed) == (Dialect.TAP13, False)


MEGABYTE = 1 << 20

HOSTILE: dict[str, Callable[[int], bytes]] = {
    "one line": lambda size: b"ok 1\n" + b"x" * size + b"\n1..1\n",
    "one test line": lambda size: b"1..1\nok 1 " + b"x" * size + b"\n",
    "one comment": lambda size: b"1..1\nok 1\n# " + b"x" * size + b"\n",
    "hashes": lambda size: b"1..1\nok 1 " + b"#" * size + b"\n",
    "URLs": lambda size: b"1..1\nok 1 " + b"http://a#b" * (size // 10) + b"\n",
    "backslashes": lambda size: b"1..1\nok 1 " + b"\\" * size + b"# skip\n",
    "blanks": lambda size: (b" " * 50_000 + b"x\n") * (size // 50_000) + b"1..1\nok 1\n",
    "blanks in a result": lambda size: b"1..1\nok 1" + b" " * size + b"x\n",
    "blanks in a plan": lambda size: b"1..1" + b" " * size + b"x\n1..1\nok 1\n",
    "digits": lambda size: b"1..1\nok " + b"9" * size + b"\n",
    "zeros": lambda size: b"1..1\nok " + b"0" * size + b"1\n",
    "indented results": lambda size: b"".join(b" " * (4 * n) + b"ok 1\n" for n in range(int((size // 2) ** 0.5))),
    "brackets": lambda size: b"1..1\nok 1 " + b"[" * size + b"\n",
    "time stamps": lambda size: b"[    1.0] " * (size // 10) + b"\n1..1\nok 1\n",
    "blank lines": lambda size: b"\n" * size + b"1..1\nok 1\n",
    "numbers backwards": lambda size: b"".join(b"ok %d\n" % n for n in range(size // 10, 0, -1)),
    "not in order": lambda size: b"TAP version 14\n" + b"".join(b"ok %d\n" % (n ^ 1) for n in range(size // 10)),
    "open blocks": lambda size: b"TAP version 13\n" + b"ok 1\n  ---\n" * (size // 12),
    "one block": lambda size: b"1..1\nok 1\n  ---\n  log: |\n" + b"    x\n" * (size // 6) + b"  ...\n",
    "NULs": lambda size: b"\0" * size,
    "carriage returns": lambda size: b"ok 1" + b"\r" * size + b"\n1..1\n",
    "plans": lambda size: b"1..1\n" * (size // 5),
    "versions in noise": lambda size: b"1..2\nok 1\n" + b"x TAP version 13\n" * (size // 17),
    "failures behind labels": lambda size: b"1..2\nok 1\n" + b"x: not ok 1\n" * (size // 12),
    "torn lines behind labels": lambda size: b"1..2\nok 1\n" + b"x: not [    1.000000] x\n" * (size // 24),
    "failures before any stream": lambda size: b"x: not ok 1\n" * (size // 12),
    "escapes": lambda size: b"1..1\n" + b"\x1b[31m" * (size // 5) + b"ok 1\n",
    "escapes without end": lambda size: b"1..1\n" + b"\x1b]" * (size // 2) + b"\nok 1\n",
    "escapes in all lines": lambda size: b"TAP version 13\n1..1\n" + b"\x1b[31mx\x1b[0m\n" * (size // 11),
    "labels": lambda size: b"1: " * (size // 3) + b"\n1: 1..1\n1: ok 1\n",
    "brackets with digits": lambda size: b"[1]" * (size // 3) + b" ok 1\n",
    "glued results": lambda size: b"1..9\nok 1\n" + b"# xok 2 - x" * (size // 11) + b"\n",
    "lines with glued results": lambda size: b"1..9\nok 1\n" + b"# xok 7 - x\n" * (size // 12),
    "headers of prove": lambda size: b"1..1\nok 1\n" + b"t/a.t .. \n" * (size // 10),
    "kselftest": lambda size: b"TAP version 13\n# selftests: a: b\n" + b"# # # ok 1 x\n" * (size // 13),
    "remarks": lambda size: b"TAP version 13\n# selftests: a: b\n" + b"# " * (size // 2) + b"ok 1\n",
    "torn lines": lambda size: b"1..2\nok 1\n" + b"not [    1.000000] x\n" * (size // 21),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear(name: str) -> None:
    """Four times the input takes about four times as long, whatever the input."""

    def took(size: int) -> float:
        data = HOSTILE[name](size)
        start = time.process_time()
        parser = Parser(events=False)
        parser.feed(data)
        parser.close()
        return time.process_time() - start

    small, large = took(MEGABYTE // 16), took(MEGABYTE // 4)
    for _ in range(2):  # a host at work delays some measurements
        if large < 10 * small + 0.05:
            return
        small, large = min(small, took(MEGABYTE // 16)), min(large, took(MEGABYTE // 4))
    assert large < 10 * small + 0.05


def test_endless_noise_needs_constant_memory() -> None:
    """Megabytes of each kind of rubbish leave no more behind than is reported."""
    parser = Parser(events=False)
    parser.feed(b"KTAP version 1\n1..2\nok 1 a\n")
    chunks = [b"noise\n" * 20_000, b"x" * 120_000, b"\n", b"# a comment\n" * 2_000, b"1..2\n" * 500, b"\0" * 120_000]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(40):
        for chunk in chunks:
            parser.feed(chunk)
    parser.feed(b"\nok 2 b\n")
    parser.close()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert parser.passed
    assert grown < 12_000  # kilobytes, of 17,000 that were read


TORN = b"ok 2 - tw[    1.234567] a line of the kernel's\n"


@pytest.mark.parametrize("last", [b"ok 2 - tw", b"not ok 2 - two # TODO la", b"1..2", TORN])
def test_half_a_line_of_a_killed_program_does_not_count(last: bytes) -> None:
    """A last line without its end is no result where the stream was cut, and is one where its writer ended."""
    stream = b"TAP version 13\n" + (b"" if last == b"1..2" else b"1..2\n") + b"ok 1 - one\n"
    cut, whole = Parser(), Parser()
    for parser in (cut, whole):
        parser.feed(stream + (b"ok 2 - two\n" if last == b"1..2" else b"") + last)
    cut.close(cut=True)
    whole.close()
    assert not cut.passed
    assert whole.passed


def test_a_line_of_a_hundred_megabytes_keeps_its_directive() -> None:
    """Of a line without end both ends are kept, so that its result and its directive count."""
    parser = Parser(events=False)
    parser.feed(b"TAP version 13\n1..2\nnot ok 1 ")
    for _ in range(100):
        parser.feed(b"x" * MEGABYTE)
    parser.feed(b" # TODO later\nok 2 - next\n")
    parser.close()
    report = parser.report
    assert report.passed
    assert [point.directive for point in report.points] == ["todo", None]
    assert [problem.kind for problem in report.problems] == ["long-line"]
    assert len(report.points[0].description) < 2 * MEGABYTE
