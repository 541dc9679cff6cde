"""TAP written and read back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lkltest.tap import Dialect, Parser, Point, Report
from lkltest.tap.formats import writer

# No line ends, no blanks at the ends and no dash at the beginning: these belong to the line and not to the name.
names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12).map(
    lambda text: text.strip().removeprefix("-").strip()
)
blocks = st.none() | st.lists(st.sampled_from(["a: 1", "log: |", "  ...", "  ok 2 fake", "- x", ""]), max_size=5).map(
    lambda lines: "".join(f"{line}\n" for line in lines).encode()
)


@st.composite
def points(draw: st.DrawFn, depth: int = 1) -> list[Point]:
    """Points numbered from 1, some of them with subtests."""
    found = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        point = Point(number, draw(st.booleans()), draw(names), 0)
        point.directive = draw(st.sampled_from([None, "skip", "todo"]))
        point.reason = draw(names) if point.directive else None
        point.raw_block = draw(blocks)
        if depth and draw(st.booleans()):
            point.subtest = Report(Dialect.TAP14, 0)
            for child in draw(points(depth - 1)):
                point.subtest.points.append(child)
            point.subtest.plan = len(point.subtest.points)
        found.append(point)
    return found


def essence(found: list[Point]) -> list[tuple[object, ...]]:
    """The parts of points that a stream can carry."""
    return [
        (
            *(point.number, point.ok, point.description, point.directive, point.reason, point.raw_block),
            essence(list(point.points)),
        )
        for point in found
    ]


@given(points())
@settings(deadline=None, max_examples=200)
def test_reads_back_what_it_wrote(found: list[Point]) -> None:
    """Points, directives, blocks and subtests that were written are read back the same."""
    data = b"".join(writer.write(found, plan=len(found)))
    parser = Parser()
    parser.feed(data)
    parser.close()
    report = parser.report
    assert essence(list(report.points)) == essence(found)
    assert (report.dialect, report.plan) == (Dialect.TAP14, len(found))
    assert parser.passed == all(point.ok or point.directive for point in found)


def test_writes_a_skipped_stream() -> None:
    """A stream that skips all is written with its reason."""
    parser = Parser()
    parser.feed(b"".join(writer.write([], plan=0, skip_all="no # device")))
    parser.close()
    assert (parser.passed, parser.report.skip_all) == (True, "no # device")
