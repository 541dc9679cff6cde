"""YAML blocks, read by hand or by PyYAML."""

import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lkltest.host.process import run
from lkltest.tap import Parser, diagnostics

LINES = [
    *("a: 1", "b: foo bar", "c: 'x y'", 'd: "z"', "e: |", "f:", "  g: 1", "  h: foo", "   deep", "    text: x", ""),
    *("  ", "   ", "i: true", "j: yes", "k: -5", "l: 1.5", "m: 007", "- x", "n: a:b", "o: a: b", "p: x # c", "q: x#c"),
    *("# c", "r: |-", "s: |+", "t: |2", "u: http://a/b?c=d", "  v", "w:x", "...", "---", "x: ~", "y: /a/b.c"),
    *("z: f() == 1", " one", "aa: é", "ab: foo  ", "null: 1", "ac: [1, 2]", "ad: a|b", "ae: \\n"),
    *("af: 1 2", "ag: 0x10", "ah: -", "ai: null", "aj: Null", "ak: 1e3", "al: 12:30", "  am: |", "an: a:", "ao: 1."),
    *("  #x", "ap: \tx", "\tx", "aq: x\t", "ar: |\t", "as: a ' b", "at: 2020-01-01", 'au: "a\\\\b"', "av: ''"),
    'aw: ""',
]

blocks = st.lists(st.sampled_from(LINES), max_size=8).map(lambda lines: "".join(f"{line}\n" for line in lines))


@given(blocks)
@settings(deadline=None, max_examples=500)
def test_reads_as_yaml_does(block: str) -> None:
    """A block that is read by hand says exactly what PyYAML finds in it, and what PyYAML refuses is an error."""
    read = diagnostics.read(block.encode())
    try:
        expected = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError):
        assert read.error
    else:
        assert (repr(read.value), read.error) == (repr(expected), None)


@given(st.lists(st.sampled_from(["a: 1", "b: x", "log: |", "  y", "  c: |", "   z", "d: |-", "", "  "]), max_size=7))
@settings(deadline=None, max_examples=500)
def test_common_blocks_read_like_all_others(lines: list[str]) -> None:
    """Keys with a literal block behind them say the same, whether they are read as such or as any simple block."""
    block = "".join(f"{line}\n" for line in ["number: 12", *lines])
    common = diagnostics._read_common(block)
    assert common is None or common == diagnostics._read_simple(block)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("duration_us: 5\nlog: |\n  a\n   b\n\n  c\n", {"duration_us": 5, "log": "a\n b\n\nc\n"}),
        ("log: |2\n    a\n  b\n", {"log": "  a\nb\n"}),
        ("properties:\n  ns: 83\n  name: x\nline: 12\n", {"properties": {"ns": 83, "name": "x"}, "line": 12}),
        ('check: lkl_sys_getpid() == 1\nactual: "2"\n', {"check": "lkl_sys_getpid() == 1", "actual": "2"}),
        ("", None),
    ],
)
def test_reads_the_harness_without_pyyaml(block: str, expected: object) -> None:
    """Blocks of our harness are read without PyYAML, which takes long to import and longer to read."""
    assert diagnostics._read_simple(block) == expected
    assert expected == yaml.safe_load(block)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (b"a: [1\n", "expected"),
        (b"a: \xff\n", "not UTF-8"),
        (b"a: &a [*a]\n", "aliases"),
        (b"a: " + b"[" * 2000 + b"\n", "nested"),
        (b"a: !!python/object:os.system x\n", "constructor"),
        (b"a: 2020-99-99\n", "month"),
        (b"? [a]\n: 1\n", "unhashable"),
        (b"a: " + b"9" * 30_000 + b"\n", "digits"),
        (b"- " + b"x" * (1 << 19) + b"\n", "more than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_says_why_a_block_cannot_be_read(block: bytes, words: str) -> None:
    """A block that cannot be read is an error in words, never an exception."""
    assert words in str(diagnostics.read(block).error)


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_any_block_is_read(block: bytes) -> None:
    """Any bytes are read without an exception, as YAML and as LKL's text."""
    diagnostics.read(block)
    diagnostics.read_log(block)


@pytest.mark.parametrize(("mark", "pad"), [("|1", 1), ("|2", 2), ("|-", 1), ("|1+", 1)])
def test_lkl_logs_may_say_their_indentation(mark: str, pad: int) -> None:
    """Newer runners write `log: |1`, so that a line that begins with blanks keeps them."""
    lines = "".join(" " * pad + line + "\n" for line in ("  indented", "plain", "ok 2 fake"))
    read = diagnostics.read_log(f"time_us: 7\nlog: {mark}\n{lines}".encode())
    assert read.value == {"time_us": 7, "log": "  indented\nplain\nok 2 fake\n"}


def test_lkl_logs_are_text() -> None:
    """In a block of LKL's runner everything after `log: |` is text, whatever YAML would say of it."""
    read = diagnostics.read_log(b"time_us: 7\nlog: |\n \ttab\n \x1b[0m\xe9\n   deep: [\n ...\n")
    assert read == diagnostics.Read({"time_us": 7, "log": "\ttab\n\x1b[0m\\xe9\n  deep: [\n...\n"})


def test_importing_the_parser_is_cheap() -> None:
    """Importing the parser takes in neither PyYAML nor anything else that is slow to import."""
    code = "import lkltest, sys; old = set(sys.modules); import lkltest.tap; print(*sorted(set(sys.modules) - old))"
    imported = run([sys.executable, "-c", code]).output.decode().split()
    assert "lkltest.tap.parser" in imported
    assert not {"yaml", "json", "dataclasses", "inspect"} & set(imported)


@pytest.mark.parametrize(
    ("line", "name", "seconds"),
    [
        ("ok 1 - a # time=120ms", "a", 0.12),
        ("ok 1 adds in 12ms", "adds", 0.012),
        ("ok 1 adds in 2sec # skip no bc", "adds", 2.0),
        ("ok 1 - x # time=3.5ms {", "x", 0.0035),
        ("ok 1 - x # time=1.25s", "x", 1.25),
        ("ok 1 - x # TODO # time=1s", "x", None),
        ("ok 1 - runs in 12 rooms", "runs in 12 rooms", None),
        ("ok 1 - plain", "plain", None),
    ],
)
def test_durations_of_descriptions(line: str, name: str, seconds: float | None) -> None:
    """A duration at the end of a description is a field of its own, and no part of the name."""
    parser = Parser()
    parser.feed(f"TAP version 14\n1..1\n{line}\n    1..1\n    ok 1\n{'}' if line[-1] == '{' else ''}\n".encode())
    parser.close()
    point = parser.report.points[0]
    assert (point.name, point.duration) == (name, seconds)


def test_attributes_of_kunit() -> None:
    """The attributes that kunit prints are fields of the suite's point and of the test's."""
    parser = Parser()
    parser.feed(
        b"KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: alpha\n    # module: alpha_test\n    1..2\n"
        b"    # slow_one.speed: slow\n    # note: none\n    ok 1 slow_one\n"
        b"    # slow_one.speed: slow\n    ok 2 other\nok 1 alpha\n"
    )
    parser.close()
    suite = parser.report.points[0]
    assert suite.attributes == {"module": "alpha_test"}
    assert [point.attributes for point in suite.points] == [{"speed": "slow"}, {}]


@pytest.mark.parametrize("value", ["-5", ".inf", "-.inf", ".nan", "1e400", "1" + "0" * 400])
def test_what_is_no_duration(value: str) -> None:
    """A negative, infinite or huge number is no duration: neither JSON nor JUnit can carry it."""
    parser = Parser()
    parser.feed(f"1..1\nok 1 - a\n  ---\n  duration_ms: {value}\n  ...\n".encode())
    parser.close()
    assert parser.report.points[0].duration is None
