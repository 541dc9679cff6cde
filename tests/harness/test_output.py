"""The output of a program, whatever it logs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.stream import Run


@pytest.mark.parametrize(("data", "expected"), [
    (b"plain\n", "plain\n"),
    (b"no newline", "no newline\n"),
    (b"  indented\nnot\n", "  indented\nnot\n"),
    (b"\n\n   first\nsecond\n", "\n\n   first\nsecond\n"),
    (b"\ttab\n", "\ttab\n"),
    (b"---\n...\nok 2 fake\n# running 9 x\nBail out! no\n1..7\n",
     "---\n...\nok 2 fake\n# running 9 x\nBail out! no\n1..7\n"),
    (b"\x1b[31mred\x07\x7f\x00\n", "\\x1b[31mred\\x07\\x7f\\x00\n"),
    (b"crlf\r\nlone\rcr\n", "crlf\nlone\\x0dcr\n"),
    ("gr\u00fc\u00dfe \u2603 \U0001f600\n".encode(), "gr\u00fc\u00dfe \u2603 \U0001f600\n"),
    (b"bad \xff\xfe \xc3( \xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xaf\n",
     "bad \\xff\\xfe \\xc3( \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xc0\\xaf\n"),
    ("a\u2028b\u0085c\ufeffd\ufffee\n".encode(),
     "a\\xe2\\x80\\xa8b\\xc2\\x85c\\xef\\xbb\\xbfd\\xef\\xbf\\xbee\n"),
    (b"cut \xe2\x98", "cut \\xe2\\x98\n"),
    (b"key: [value\n- \"x\n# y\n%z\n", "key: [value\n- \"x\n# y\n%z\n"),
], ids=str)
def test_a_log_is_harmless(run: Run, tmp_path: Path, data: bytes, expected: str) -> None:
    """Whatever bytes a log holds, the block stays one, and says what they were."""
    (tmp_path / "log").write_bytes(data)
    output = run("bytes", f"file={tmp_path / 'log'}")
    assert output.points["log"].block["log"] == expected
    assert list(output.points) == ["property", "log", "stray"]


def test_a_long_log_keeps_both_ends(run: Run, tmp_path: Path) -> None:
    """Of a long log the beginning and the end are kept, in whole lines, and what lies between is counted."""
    text = "".join(f"{i:07}\n" for i in range(100000))
    (tmp_path / "log").write_text(text)
    log = run("bytes", f"file={tmp_path / 'log'}").points["log"].block["log"]
    head, left_out, tail = re.split(r"\[lkltest: (\d+) bytes left out\]\n", log)
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) == 1 << 16
    assert len(head) + int(left_out) + len(tail) == len(text)
    assert len(tail) > (1 << 16) - 16


def test_a_long_line_is_kept(run: Run, tmp_path: Path) -> None:
    """A line that exceeds what is judged at once is broken, not lost."""
    (tmp_path / "log").write_text("x" * 20000 + "\n")
    log = run("bytes", f"file={tmp_path / 'log'}").points["log"].block["log"]
    assert log.replace("\n", "") == "x" * 20000


def test_properties(run: Run) -> None:
    """Numbers are numbers, all else is text, whatever it looks like."""
    assert run("bytes", "file=/dev/null").points["property"].block["properties"] == {
        "number": -12, "fraction": 1.5, "text": 'no: [yes] # "\\\\x09\\x1b', "version": "4.9.0",
    }


def test_only_results_go_to_stdout(run: Run) -> None:
    """Lines that a test prints by itself do not become results."""
    output = run("bytes", "file=/dev/null")
    assert "ok 99 stray" in output.console
