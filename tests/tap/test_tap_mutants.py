"""Damaged logs: a failure that survives is never called passed, and a good stream behind a prefix passes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

import pytest

from lkltest.tap import Parser
from tests.tap.mutants import SOURCES, Mutant, failing, passing, source

# The number for CI; LKLTEST_TAP_MUTANTS=100000 LKLTEST_TAP_SEED=7 tries more, or others.
COUNT = int(os.environ.get("LKLTEST_TAP_MUTANTS", "1500"))
SEED = os.environ.get("LKLTEST_TAP_SEED", "1")


def read(mutant: Mutant) -> Parser:
    """Read a log in the pieces that it came in."""
    parser = Parser(events=False)
    sizes, at = itertools.cycle(mutant.sizes), 0
    while at < len(mutant.data):
        size = next(sizes)
        parser.feed(mutant.data[at : at + size])
        at += size
    parser.close()
    return parser


def wrong(make: Callable[[str], Mutant], count: int, *, passed: bool) -> list[str]:
    """The mutants with another verdict, each with what makes it again."""
    found = []
    for number in range(count):
        mutant = make(f"{SEED}:{number}")
        if read(mutant).passed != passed:
            found.append(f"{SEED}:{number} ({mutant.name}):\n{mutant.data.decode('utf-8', 'backslashreplace')}")
    return found


def test_no_failure_that_survives_passes() -> None:
    """A `not ok` at top level fails its log, whatever was cut, deleted, put before or between, or torn."""
    found = wrong(failing, COUNT, passed=False)
    assert not found, f"{len(found)} of {COUNT} passed, among them\n" + "\n".join(found[:5])


def test_good_streams_pass_behind_any_prefix() -> None:
    """A whole stream passes whatever stands before its lines, in colors, and in pieces of any size."""
    found = wrong(passing, COUNT, passed=True)
    assert not found, f"{len(found)} of {COUNT} failed, among them\n" + "\n".join(found[:5])


# Behind each of these the stream is whole but for its failure, so that only the failure itself can tell.
HIDDEN = {
    "a brace between a torn `not ` and its rest": b"1..2\nok 1 - a\nnot usb 1-1: reset\n{\nok 2 - b\n",
    "a pragma between a torn `not ` and its rest": b"1..2\nok 1\nnot [    1.234567] x\npragma +x\n{\nok 2\n",
    "a letter in the prefix, a word in the line": b"0:00:01 I 1..2\n0:00:01 I ok\n0:00:02  not ok 2\n0:00:03 I ok\n",
    "a level of another logger": b"1..1\nok 1 - a\n2026-11-28 00:01:39,700 INFO not ok 2 - b\n",
    "a level and a dash": b"1..1\nok 1 - a\n[2026-11-28, 00:01:39 UTC] ERROR - not ok 2 - b\n",
    "a bare failure behind a level and a dash": (
        b"1..1\nok 1 - a\n[2026-11-28, 00:01:39 UTC] {subprocess.py:93} INFO - not ok\n"
    ),
    "a bare failure behind a stamp and a tag": b"1..1\nok 1 - a\n[  123.006216] init[1]: not ok\n",
    "a bare failure behind a line without its end": b"1..1\nok 1 - a\nPASSnot ok\n",
    "a failure behind a line of a subtest without its end": (
        b"TAP version 14\n1..1\nok 1 - a\n    ok 3 x.wnot ok 1 one\n"
    ),
    "a bare failure where the same text has a bare ok": b"1..1\nok 1 - a\nhost not ok\nhost ok\n",
    "a bare failure where the same text had a bare ok": b"1..1\nok 1 - a\nhost ok\nhost not ok\n",
    "a level of one letter": b"1..1\nok 1 - a\n00:01:39 E not ok 2 - b\n",
    "a container's log": b"1..1\nok 1 - a\n2026-11-28T00:16:48.100738000Z stdout F not ok 2 - b\n",
    "LAVA's log": b'1..1\nok 1 - a\n- {"dt": "2026-11-28T00:00:15.3", "lvl": "target", "msg": "not ok 2 - b"}\n',
    "a label of several words": b"1..1\nok 1 - a\n[test : run] not ok 2 - b\n",
    "a stamp, before the stream": b"2026-11-28T00:00:15.5Z not ok 3 - c\n1..1\nok 1 - z\n",
    "a label, before the stream": b"12: not ok 3\n1..1\nok 1 - z\n",
    "an erased line behind a stamp": b"00:00:01 1..1\n00:00:02 \x1b[2K\rnot usb 1-1: reset\n00:00:03 ok 1 - a\n",
    "an overwritten line": b"TAP version 13\n1..2\nok 1 - a\nok then\nbuilding 10%\rbuilding 99%\rnot ok 2 - b\n",
    "a NUL before the stream": b"\x00not ok 1 - a\nok then\nok 2 - b\n1..2\n",
    "torn after a letter, before another stream": b"n[  1.234567] x\not ok 2 sem\nTAP version 13\n1..1\nok 1\n",
    "torn after a letter, behind a stamp": b"00:00:01 n[  1.234567] x\n00:00:02 ot ok 2\nTAP version 13\n1..1\nok 1\n",
    "torn behind a label": b"[a] not o[   1.234567] x\n[a] k 2 - b\nTAP version 13\n1..1\nok 1\n",
    "torn without a blank": b"1..2\nok 1\nnotusb 1-1: reset\n ok 2 - b\nok then\n",
    "torn with another message between": b"1..2\nok 1 - a\nnot hello from a program\ndone\nok 2 - b\n",
    "torn before a second message": b"1..2\nok 1\nnot okusb 1-1: reset\n 2 - b\nok then\n",
    "torn, its rest no line of KTAP": b"[  1.2] 1..1\n[  1.3] ok 1 a\n[  1.4] not usb 1-1: reset\n[  1.5] ok - c\n",
    "torn behind BuildKit's prefix": b"1..1\nok 1 - a\n#11 9.30 no\n#11 9.60 t ok 2 - b\n",
    "glued, and its gap is filled": b"1..3\nok 1 - a\nconnectednot ok 2 - b\nok then\nok 3 - c\n",
    "glued to a point, and its gap is filled": b"1..3\nok 1 - a 6 msnot ok 2 - b\nok then\nok 3 - c\n",
    "glued to a point without a number": b"1..2\nok - a\nok - bnot ok - c\n",
    "glued to an announcement": b"1..3 # a\n* 1 a\nok 1 a\n* 2 bnot ok 2 b\nok then\n* 3 c\nok 3 c\n",
    "a dash behind a stamp that ends in a word": b"1..1\nok 1 - a\n9:12 pm not ok - b\n",
    "torn by another message, behind words": b"1..1\nok 1 - a\n9:12 pm not okusb 1-1: reset\n",
    "glued to a comment, and its gap is filled": b"1..2\nok 1 - a\n# sentnot ok 2 - b\nok then\n",
    "glued, behind another prefix": b"1..1\nok 1 - a\n00:00:02 ok 3 - c 6 msnot ok 4 - d\n",
    "a stamp that ends in a word": b"1..1\nok 1 - a\n9:12 pm not ok 2 - b\n",
    "a stamp that ends in a unit": b"1..1\nok 1 - a\n0.700s not ok - b\n",
    "words, behind which other points stand": b"the log: a ok - a\nthe log: a not ok - b\nTAP version 13\n1..1\nok 1\n",
    "words, behind which a plan stands": b"INFO: not ok\nINFO: 1..1\nTAP version 13\n1..1\nok 1\n",
    "after the end, no stream behind": b"1..1\nok 1 - a\nt/b.t ..\n9:12 pm 1..1\n9:12 pm not ok 1 - b\n",
    "a form feed behind a stamp": b"1..1\nok 1\n2026-11-28T00:00:12Z foo \x0cnot ok\n",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_hidden_failure_fails(name: str) -> None:
    """A `not ok` behind something that is not the stream's own fails the stream."""
    assert not read(Mutant(name, HIDDEN[name], (7,))).passed


@pytest.mark.parametrize(
    "before",
    [
        b"<34>1 2026-11-28T00:00:09.2Z host prog 8 - - ",
        b"1767000000.123456 ",
        b"2026-11-28T00:16:48.100738000Z stdout F ",
        b"2026-11-28 00:01:39,700 INFO ",
        b"\x1b[32m00:00:03 I \x1b[0m",
    ],
)
def test_a_plan_behind_a_known_prefix_begins_a_stream(before: bytes) -> None:
    """Syslog's RFC 5424, seconds, containers and loggers need no version line."""
    good = b"".join(before + line + b"\n" for line in (b"1..2", b"ok 1 - a", b"ok 2 - b"))
    assert read(Mutant("good", good, (7,))).passed
    assert not read(Mutant("bad", good.replace(b"ok 2", b"not ok 2"), (7,))).passed


@pytest.mark.parametrize("before", [b"[step-x] ", b"> ", b"(qemu) ", b"ttyS0: ", b"devbox ", b"0.000123 "])
def test_the_same_before_two_lines_is_a_prefix(before: bytes) -> None:
    """A plan and its points behind the same unknown text are a stream, with the failures that it has."""
    good = [b"1..3", b"# a comment", b"ok 1 - a", b"ok 2 - b", b"ok 3 - c"]
    late = [*good[1:], good[0]]
    for lines in (good, late):
        data = b"".join(before + line + b"\n" for line in lines)
        assert read(Mutant("good", data, (7,))).passed
        for number in (b"1", b"2", b"3"):
            bad = data.replace(b"ok " + number, b"not ok " + number)
            assert not read(Mutant("bad", bad, (7,))).passed


@pytest.mark.parametrize(
    "lines",
    [
        b"error: 1..2\nnote: ok 1 - a\nnote: ok 2 - b\n",  # not the same text
        b"[x] 1..2\n[x] ok 2 - b\n",  # not the first point
        b"[x] 1..0 # SKIP nothing\n",  # a line alone
    ],
)
def test_text_before_single_lines_is_no_prefix(lines: bytes) -> None:
    """Lines that only look like TAP do not pass."""
    assert not read(Mutant("lines", lines, (7,))).passed


def test_prose_is_no_failure() -> None:
    """Text that says "not ok", and lines that are not torn, fail nothing."""
    prose = [
        b"that is not ok 2 times in 3", b'got "not ok 2 - b"', b"disk: ok", b"usb: not found", b"okay", b"fsck ok",
        b"the state is not ok", b"'not ok 2 - b'", b"took 12 ms", b" ok 12", b"note: 12", b"cannot ok - it", b"nothing",
    ]  # fmt: skip
    data = b"1..2\nok 1 - says not ok\n" + b"\n".join(prose) + b"\nok 2 - b\n"
    assert read(Mutant("prose", data, (7,))).passed
    assert read(Mutant("prose", data, (1 << 20,))).passed


def test_a_colored_header_of_prove_is_one() -> None:
    """The bare `ok` of `prove -v` is its verdict, in colors too."""
    lines = [b"t/a.t .. ", b"1..1", b"ok 1 - a", b"ok"]
    data = b"".join(b"\x1b[1m" + line + b"\x1b[0m\n" for line in lines)
    assert read(Mutant("colors", data, (7,))).passed


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_can_go_both_ways(name: str) -> None:
    """The streams that are mutated fail with their failure, and pass without it."""
    for bad in (True, False):
        data = b"".join(line.text + b"\n" for line in source(name, failing=bad))
        assert read(Mutant(name, data, (1 << 20,))).passed != bad
