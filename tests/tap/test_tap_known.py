"""Known failures of `lkltest tap`, as its users list them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.tap.test_tap_cli import tap
from tests.xunit import complaints

PLAIN = b"TAP version 13\n1..3\nok 1 - good\nnot ok 2 - bad\nnot ok 3 - worse\n"
NESTED = b"KTAP version 1\n1..1\n    KTAP version 1\n    1..3\n    ok 1 a\n    not ok 2 b\n    not ok 3 c\n"
NESTED += b"not ok 1 outer\n"
KEPT = b'TAP version 13\n1..2\nnot ok 1 - mount\nnot ok 2 - read\n  ---\n  not_reached: "mount"\n  ...\n'


@pytest.mark.parametrize(
    ("stream", "listed", "status"),
    [
        (PLAIN, ["bad", "worse"], 0),
        (PLAIN, ["*"], 0),
        (PLAIN, ["bad"], 1),
        (PLAIN, ["ba", "worse"], 1),
        (NESTED, ["outer > b", "outer > c"], 0),
        (NESTED, ["outer > *"], 0),
        (NESTED, ["outer > b"], 1),
        (NESTED, ["outer > b", "outer"], 1),
        (NESTED, ["outer"], 1),
        (PLAIN.replace(b"1..3", b"1..4"), ["*"], 1),
        (PLAIN.replace(b"1..3\n", b""), ["*"], 1),
        (PLAIN + b"Bail out! no power\n", ["*"], 1),
        (b"1..2 # boot\n* 1 a\nnot ok 1 a\n* 2 b\n", ["*"], 1),
        (b"1..1 # boot\n* 1 a\nnot ok 1 a\n", ["boot::a"], 0),
        (KEPT, ["mount"], 0),
        (KEPT, ["read"], 1),
    ],
)
def test_only_what_is_listed_is_excused(tmp_path: Path, stream: bytes, listed: list[str], status: int) -> None:
    """Listed failures fail nothing; others, crashes, missed plans and bail-outs fail the stream as ever."""
    known = tmp_path / "known.txt"
    known.write_text("".join(f"{pattern}  bug\n" for pattern in listed))
    assert tap(stdin=stream).status == 1
    ended = tap("--known", known, stdin=stream)
    assert ended.status == status
    document = tap("--known", known, "--junit", "-", stdin=stream).output
    assert complaints(document) == []
    assert (ET.fromstring(document)[0].get("failures") == "0") == (status == 0)


def test_what_is_known_is_shown(tmp_path: Path) -> None:
    """A person, JSON and JUnit see the reason; what passed though it is listed, and what is no point here, is told."""
    known = tmp_path / "known.txt"
    known.write_text("bad  https://bugs/7\ngood  old\nworse  also\ngone  long ago\n")
    ended = tap("--known", known, stdin=PLAIN)
    text, errors = ended.output.decode(), ended.errors.decode()
    assert "known          2 bad  (https://bugs/7)\n" in text
    assert text.splitlines()[-1] == "<stdin>: TAP 13: passed: 1 passed, 2 known to fail"
    assert f"known to fail, but passed: <stdin> > good ({known}:2: old)" in errors
    assert f"known failure that is no point here: gone ({known}:4)" in errors
    document = json.loads(tap("--known", known, "--json", stdin=PLAIN).output)
    assert document["streams"][0]["counts"]["known"] == 2
    assert [point.get("known") for point in document["streams"][0]["points"]] == [None, "https://bugs/7", "also"]
    assert [each["line"] for kind in ("passed", "unmatched") for each in document["known"][kind]] == [2, 4]
    cases = ET.fromstring(tap("--known", known, "--junit", "-", stdin=PLAIN).output).iter("testcase")
    assert [case[0].get("message") for case in cases if len(case)] == ["known: https://bugs/7", "known: also"]


def test_many_plain_points_are_looked_through(tmp_path: Path) -> None:
    """A listed failure is found among thousands of points that are kept in their printed form."""
    known = tmp_path / "known.txt"
    known.write_text("point 4321  bug\n")
    stream = "".join(f"{'not ' * (number == 4321)}ok {number} - point {number}\n" for number in range(1, 9001))
    for options in ((), ("--json",)):
        assert tap("--known", known, *options, stdin=f"TAP version 13\n1..9000\n{stream}".encode()).status == 0


def test_a_mistake_in_the_list_ends_the_command(tmp_path: Path) -> None:
    """A mistake in the list is told with its line, in place of a verdict."""
    known = tmp_path / "known.txt"
    known.write_text("# ours\nbad\n")
    ended = tap("--known", known, stdin=PLAIN)
    assert ended.status == 2
    assert f"{known}:2: no reason" in ended.errors.decode()
