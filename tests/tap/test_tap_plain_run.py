"""Plain points as JSON, many at once."""

import json as reference

from hypothesis import given, settings
from hypothesis import strategies as st

from lkltest.tap import Parser
from lkltest.tap.formats import json

NAMES = [
    "- a",
    "- a b",
    "a",
    "- a - b",
    "a - b",
    "- x in 5 sec",
    "- y in 12ms",
    "- pass",
    "- e -",
    "-",
    "- z ",
    "- 'é'",
    "",
]


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 3), st.integers(0, 9)), min_size=1, max_size=8),
    st.sampled_from([1, 95, 990, 1990]),
)
@settings(deadline=None, max_examples=50)
def test_many_at_once_read_like_each_alone(parts: list[tuple[str, int, int]], before: int) -> None:
    """Points that are written many at once have the same objects as those that are written one by one."""
    names = ["- n"] * before + [name for name, count, _ in parts for _ in range(count)]
    failing = [False] * before + [odd == 9 for _, count, odd in parts for _ in range(count)]
    rows = [
        f"{'not ' if bad else ''}ok {number} {name}".rstrip("\n") + "\n"
        for number, (name, bad) in enumerate(zip(names, failing, strict=True), 1)
    ]
    parser = Parser(events=False)
    parser.feed(f"TAP version 13\n1..{len(rows)}\n{''.join(rows)}".encode())
    parser.close()
    written = reference.loads("".join(json.write([("x", parser.report)])))["streams"][0]["points"]
    assert written == [json.describe_point(point) for point in parser.report.points]
