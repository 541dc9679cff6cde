"""`lkltest tap`, as its users call it."""

import contextlib
import gzip
import io
import json
import lzma
import os
import select
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lkltest.cli import main
from lkltest.host.process import run
from lkltest.tap import Parser
from lkltest.tap.formats.json import describe_point
from tests.xunit import complaints

STREAMS = Path(__file__).parent / "streams"
COMMAND = [sys.executable, "-c", "import sys; from lkltest.cli import main; sys.exit(main())", "tap"]


class Ended(NamedTuple):
    """The end of the command, with all that it has printed."""

    status: int
    output: bytes
    errors: bytes


def tap(*arguments: str | Path, stdin: bytes = b"") -> Ended:
    """Run the command to its end, in this process: tests of its streams themselves start COMMAND."""
    output, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    ours = os.dup(0)
    with tempfile.TemporaryFile() as source:
        source.write(stdin)
        source.seek(0)
        os.dup2(source.fileno(), 0)
        try:
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                status = main(["tap", *map(str, arguments)])
        finally:
            os.dup2(ours, 0)
            os.close(ours)
    printed, told = (stream.buffer.getvalue() for stream in (output, errors))
    return Ended(status, printed, told)


PASSED = b"TAP version 13\n1..2\nok 1 - first\nok 2 - second # SKIP no disk\n"
FAILED = b"TAP version 13\n1..2\nok 1 - first\nnot ok 2 - second\n  ---\n  check: 1 == 2\n  ...\n"
ODD = b"TAP version 13\n1..2\nok 1\nok 2\n1..2\n"


@pytest.mark.parametrize(
    ("stream", "arguments", "status"),
    [
        (PASSED, [], 0),
        (FAILED, [], 1),
        (ODD, [], 0),
        (ODD, ["--strict"], 1),
        (b"", [], 2),
        (b"nothing\n", ["--json"], 2),
        (b"\x00\xff" * 500, [], 2),
        (b"1..1\nok 1\n1..1", ["--dialect", "tap13"], 0),
        (b"KTAP version 1\n1..1\nnot ok 1 # SKIP\n", [], 0),
        (b"KTAP version 1\n1..1\nnot ok 1 # SKIP\n", ["--dialect", "12"], 1),
    ],
)
def test_exit_status(stream: bytes, arguments: list[str], status: int) -> None:
    """0 is passed, 1 failed, 2 nothing usable; --strict and --dialect are heeded."""
    ended = tap(*arguments, stdin=stream)
    assert ended.status == status
    assert b"Traceback" not in ended.errors


@pytest.mark.parametrize(("name", "words"), [("gone", "no such file"), (".", "directory"), ("locked", "permissions")])
def test_names_what_it_cannot_read(tmp_path: Path, name: str, words: str) -> None:
    """A file that cannot be read is named, with the cause, and the others are read all the same."""
    (tmp_path / "good.tap").write_bytes(PASSED)
    (tmp_path / "locked").write_bytes(PASSED)
    (tmp_path / "locked").chmod(0)
    if name == "locked" and os.access(tmp_path / "locked", os.R_OK):
        pytest.skip("root may read every file: run the tests as another user")
    ended = tap(tmp_path / name, tmp_path / "good.tap")
    assert ended.status == 2
    assert str(tmp_path / name) in ended.errors.decode()
    assert words in ended.errors.decode()
    assert b"passed: 1 passed, 1 skipped" in ended.output


def test_summary() -> None:
    """A person sees each point, each failure with its diagnostics, and the verdict last."""
    text = tap(stdin=FAILED).output.decode()
    assert [line for line in text.splitlines() if line][:2] == ["ok             1 first", "FAILED         2 second"]
    assert "    check: 1 == 2\n" in text
    assert text.splitlines()[-1] == "<stdin>: TAP 13: FAILED: 1 passed, 1 failed"
    assert "first" not in tap("--quiet", stdin=FAILED).output.decode()
    among = b"1..4\nok 1\nok 2\nnot ok 3 - bad\nok 4\n"
    assert b"\nFAILED: bad, point 3, line 4\n" in tap(stdin=among).output


def test_json() -> None:
    """The schema of docs/tap.md."""
    ended = tap("--json", STREAMS / "subtests-14.tap", STREAMS / "two-streams.tap", STREAMS / "empty.tap")
    document = json.loads(ended.output)
    assert document["schema"] == 1
    first, *others = document["streams"]
    assert [stream["dialect"] for stream in others] == ["tap13", "tap14", None]
    assert [stream["passed"] for stream in document["streams"]] == [False, True, False, False]
    wanted = {"dialect": "tap14", "version": 14, "plan": 3, "skip_all": None, "bail_out": None, "problems": []}
    assert wanted.items() <= first.items()
    point = first["points"][0]["points"][1]
    assert (point["number"], point["ok"], point["description"], point["line"]) == (2, False, "two", 6)
    assert (point["diagnostics"], point["raw_diagnostics"]) == ({"found": False}, "found: false\n")
    skipped = first["points"][2]
    assert (skipped["directive"], skipped["reason"], skipped["points"]) == ("skip", "", [])
    assert others[-1]["problems"][0]["kind"] == "no-tap"


def test_json_has_what_yaml_can_say_and_json_cannot() -> None:
    """Dates, infinities and keys that are no strings are written as text."""
    stream = b"TAP version 13\n1..1\nok 1\n  ---\n  [1, .inf, 2020-01-01, {2: !!binary aGk=}]\n  ...\n"
    point = json.loads(tap("--json", stdin=stream).output)["streams"][0]["points"][0]
    assert point["diagnostics"] == [1, "inf", "2020-01-01", {"2": "hi"}]


NAMES = (b"", b"- a", b"a", b"-", b"- - a", b"-a", b" - a", b"- a ", b"-  a", b"- \xc3\xa9", b"- \xff", b'- "a"',
         b"- a\\b", b"- takes in 12ms", b"- in 3 s", b"- terms", b"- ok 3", b"\ta", b"- a\x7f", b"- not ok 1")


@pytest.mark.parametrize("name", [*NAMES, b"mixed"])
def test_json_of_many_plain_points_is_that_of_each(name: bytes) -> None:
    """Points that are written many at once, from their printed form, have the objects that single ones have."""
    lines = [b"%sok %d %s\n" % (b"not " * (number % 7 == 3 and name == b"mixed"), number,
                                NAMES[number % len(NAMES)] if name == b"mixed" else name) for number in range(1, 1200)]
    stream = b"TAP version 13\n1..1199\n" + b"".join(lines)
    parser = Parser(events=False)
    parser.feed(stream)
    parser.close()
    wanted = [describe_point(point) for point in parser.report.points]
    assert json.loads(tap("--json", stdin=stream).output)["streams"][0]["points"] == wanted


def test_junit(tmp_path: Path) -> None:
    """JUnit has a suite for each stream, a case for each point, and one for what no point stands for."""
    file = tmp_path / "report.xml"
    names = ("harness-crash-in-point.tap", "plan-missing.tap", "skip-all.tap")
    ended = tap("--junit", file, *(STREAMS / name for name in names))
    assert ended.status == 1
    crash, plan, skipped = ET.parse(file).getroot()
    assert crash.attrib | {"name": ""} == {"name": "", "tests": "3", "failures": "2", "errors": "0", "skipped": "0"}
    mutex, getpid, nanosleep = crash.findall("testcase")
    assert [case.get("name") for case in (mutex, getpid, nanosleep)] == ["mutex", "getpid", "nanosleep"]
    assert mutex.get("time") == "0.000"
    assert "what the program logged" in str(getpid[0].text)
    assert nanosleep[0].get("message") == "never ended"
    assert [len(case) for case in plan.iter("testcase")] == [0, 0, 1]
    assert "no plan" in str(plan[-1][0].get("message"))
    assert next(skipped.iter("testcase"))[0].tag == "skipped"
    assert list(tmp_path.iterdir()) == [file]


def test_junit_agrees_with_the_verdict_on_subtests() -> None:
    """Points that failed below one that is ok or todo fail no case, unless the stream is judged strictly."""
    stream = b"TAP version 14\n1..2\n    1..1\n    not ok 1 - x\nnot ok 1 - outer # TODO later\n"
    stream += b"    1..1\n    not ok 1 - y\nok 2\n"
    for options, status, failures in ((), 0, "0"), (("--strict",), 1, "1"):
        ended = tap("--junit", "-", *options, stdin=stream)
        suite = ET.fromstring(ended.output)[0]
        assert (ended.status, suite.get("failures")) == (status, failures)
        assert [case[0].get("message") for case in suite.iter("testcase")][:2] == ["TODO later", "not ok, but 2 is ok"]


@pytest.mark.parametrize("stream", sorted(path.name for path in STREAMS.iterdir()))
def test_junit_is_valid(stream: str) -> None:
    """Whatever a stream holds, the schema that CI systems check with accepts its file, whose cases differ in name."""
    document = tap("--junit", "-", STREAMS / stream).output
    names = [case.get("name") for case in ET.fromstring(document).iter("testcase")]
    assert complaints(document) == []
    assert len(set(names)) == len(names)


def test_names_in_junit_are_stable() -> None:
    """Equal descriptions get numbers, nested ones their path; where a point stands in the stream does not matter."""
    stream = b"TAP version 14\n1..5\nok 1 - a\nok 2 - a\nok 3\n    1..2\n    ok 1 - x\n    ok 2 - x\nok 4 - outer\n"
    stream += b"    1..1\n    ok 1 - x\nok 5 - outer\n"
    later = stream.replace(b"1..5\n", b"1..6\nok 1 - new\n")
    for number in (5, 4, 3, 2, 1):
        later = later.replace(b"\nok %d" % number, b"\nok %d" % (number + 1)).replace(b"ok 2 - new", b"ok 1 - new")
    cases = ["a", "a #2", "(no name)", "outer > x", "outer > x #2", "outer #2 > x"]
    for text, wanted in ((stream, cases), (later, ["new", *cases])):
        root = ET.fromstring(tap("--junit", "-", stdin=text).output)
        assert [case.get("name") for case in root.iter("testcase")] == wanted


def test_names_in_junit_differ_between_files_and_streams(tmp_path: Path) -> None:
    """Points of one name in two streams of a file are two cases, and so are those of two files of one suite."""
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"1..1 # boot\n* 1 getpid\nok 1 getpid\n" + PASSED + PASSED)
    root = ET.fromstring(tap("--junit", "-", tmp_path / "one", tmp_path / "two").output)
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names) >= 10


def test_properties_in_junit_are_the_suites() -> None:
    """A point's own values are properties of its suite, named by the case."""
    stream = b"TAP version 13\n1..1\nok 1 - boot\n  ---\n  properties:\n    boot_us: 12\n  ...\n"
    document = tap("--junit", "-", stdin=stream).output
    assert complaints(document) == []
    found = {p.get("name"): p.get("value") for p in ET.fromstring(document).iter("property")}
    assert found == {"dialect": "tap13", "boot: boot_us": "12"}


def test_junit_of_strict(tmp_path: Path) -> None:
    """A stream that --strict fails is a failure in JUnit as well."""
    tap("--strict", "--junit", tmp_path / "report.xml", stdin=ODD)
    assert ET.parse(tmp_path / "report.xml").getroot()[0].get("failures") == "1"


def test_junit_of_hostile_text() -> None:
    """Characters that XML cannot carry are shown escaped."""
    root = ET.fromstring(tap("--junit", "-", stdin=b"1..1\nnot ok 1 \x00\x1b]]>&<\xff\xef\xbf\xbf\n").output)
    assert next(root.iter("testcase")).get("name") == "\\x00\\x1b]]>&<\\xff\\uffff"


def test_junit_that_cannot_be_written(tmp_path: Path) -> None:
    """A report that cannot be written is named, after the summary."""
    ended = tap("--junit", tmp_path / "no" / "report.xml", stdin=PASSED)
    assert ended.status == 2
    assert str(tmp_path / "no" / "report.xml").encode() in ended.errors
    assert b"Traceback" not in ended.errors


def test_junit_never_replaces_what_is_no_plain_file(tmp_path: Path) -> None:
    """A link, as /dev/stdout is one, is written through."""
    link = tmp_path / "link.xml"
    link.symlink_to(tmp_path / "report.xml")
    assert tap("--junit", link, stdin=PASSED).status == 0
    assert link.is_symlink()
    assert ET.parse(tmp_path / "report.xml").getroot()[0].get("tests") == "2"


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    """A full disk is told, and the JUnit report is written all the same; a closed standard output is only silent."""
    (tmp_path / "stream.tap").write_bytes(PASSED)
    called = " ".join(shlex.quote(word) for word in COMMAND)
    script = f"{called} --junit report.xml stream.tap >/dev/full; echo $?; {called} stream.tap >&-; echo $?"
    ended = run(["sh", "-c", script], cwd=tmp_path, timeout=60)
    assert ended.output == b"2\n0\n"
    assert b"standard output" in ended.errors
    assert b"Traceback" not in ended.errors
    assert (tmp_path / "report.xml").exists()


@pytest.fixture
def live() -> Iterator[subprocess.Popen[bytes]]:
    """The command with a pipe on either side."""
    child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        yield child
        child.kill()


def read_now(child: subprocess.Popen[bytes]) -> bytes:
    """The output of the command within ten seconds."""
    assert child.stdout
    ready, _, _ = select.select([child.stdout], [], [], 10)
    return os.read(child.stdout.fileno(), 65536) if ready else b""


def test_shows_points_as_they_come(live: subprocess.Popen[bytes]) -> None:
    """A point is shown when its line has come, while the stream goes on; Ctrl-C loses nothing of it."""
    assert live.stdin
    steps = {b"TAP version 13\n1..2\nok 1 - a\n": b"ok             1 a\n", b"not ok 2 b\n": b"FAILED         2 b\n"}
    for line, shown in steps.items():
        live.stdin.write(line)
        live.stdin.flush()
        assert read_now(live) == shown
    live.send_signal(signal.SIGINT)
    assert live.wait(10) == 130
    assert b"FAILED: 1 passed, 1 failed" in read_now(live)


def test_head_does_not_change_the_verdict() -> None:
    """The verdict stays where the reader of the output goes away."""
    stream = b"TAP version 13\n1..50000\n" + b"".join(b"ok %d\n" % n for n in range(1, 50_000)) + b"not ok 50000\n"
    read_end, write_end = os.pipe()
    os.close(read_end)
    for arguments in [], ["--json"]:
        command, pipe = [*COMMAND, *arguments], subprocess.PIPE
        child = subprocess.Popen(command, stdin=pipe, stdout=write_end, stderr=pipe)
        _, errors = child.communicate(stream, timeout=60)
        assert (child.returncode, errors) == (1, b"")
    os.close(write_end)


def test_reads_named_pipes(tmp_path: Path) -> None:
    """A FIFO is read like any file."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    child = subprocess.Popen([*COMMAND, str(fifo)], stdout=subprocess.DEVNULL)
    time.sleep(0.05)
    fifo.write_bytes(PASSED)
    assert child.wait(30) == 0


def test_escapes_what_would_move_the_cursor() -> None:
    """Control characters of a stream do not reach the terminal."""
    block = b"  ---\n  log: |\n    \x1b[31m\r\n  ...\n"
    ended = tap(stdin=b"TAP version 13\n1..1\nnot ok 1 \x1b[2J\x07\n" + block + b"noise \x1b[0m\n")
    assert not set(ended.output) & {0x1B, 0x07, 0x0D}
    assert b"\\x1b[2J" in ended.output


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gz", "xz"])
def test_reads_packed_logs(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """A log packed by gzip or xz is read like any other, from a file as from a pipe; one that was cut is named."""
    packed = pack(FAILED)
    (tmp_path / "whole.tap").write_bytes(packed)
    (tmp_path / "cut.tap").write_bytes(packed[:-9])
    for ended in (tap(tmp_path / "whole.tap"), tap(stdin=packed)):
        assert (ended.status, ended.errors) == (1, b"")
        assert b"1 passed, 1 failed" in ended.output
    cut = tap(tmp_path / "cut.tap")
    assert cut.status == 2
    assert b"cut.tap: it cannot be read: its compressed data ends early" in cut.errors


@pytest.mark.parametrize("dialect", [b"", b"TAP version 13\n"])
def test_excuses_skips_where_it_is_told_to(dialect: bytes) -> None:
    """`not ok # SKIP` fails below TAP 14, names the option for its producers, and is a skip with it."""
    stream = dialect + b"1..1\nnot ok 1 a # SKIP no bc\n"
    assert tap(stdin=stream).status == 1
    assert b"--excuse-skips" in tap(stdin=stream).output
    assert b"--excuse-skips" in tap("--junit", "-", stdin=stream).output
    assert tap("--excuse-skips", stdin=stream).status == 0
    assert tap("--excuse-skips", stdin=stream.replace(b" # SKIP no bc", b"")).status == 1


def test_durations_and_attributes_in_reports() -> None:
    """Durations and kunit's attributes are fields in JSON; in JUnit a duration is the time, and not in the name."""
    stream = b"KTAP version 1\n1..2\n# a.speed: slow\nok 1 a in 12ms\nok 2 b\n"
    first, second = json.loads(tap("--json", stdin=stream).output)["streams"][0]["points"]
    assert (first["duration"], first["attributes"]) == (0.012, {"speed": "slow"})
    assert second["duration"] is None
    assert "attributes" not in second
    case = ET.fromstring(tap("--junit", "-", stdin=stream).output).find(".//testcase")
    assert case is not None
    assert (case.get("name"), case.get("time")) == ("a", "0.012")
