"""The prefix that a console, a journal or a CI system puts before every line."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from lkltest import expressions
from lkltest.klog import BARE_STAMP

Pattern = re.Pattern[bytes]

# "[    1.234567] ", "[ 12.3][ T1] ", "<6>[    1.234567] "
PRINTK = rb"(?:<\d++>)?+" + BARE_STAMP.encode() + rb" ?+"
LONGEST = 200  # bytes of a prefix: text before a version line that is longer is prose

_CLOCK = rb"\d?\d:\d\d:\d\d(?:[.,]\d++)?+"
_ISO = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d++)?+(?:Z| ?+[-+]\d\d:?+\d\d)?+"
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATE = _MONTH + rb" ++\d++ (?:\d{4} )?+" + _CLOCK
# Host, program and PID, as syslog and journalctl print them.
_HOST = rb" (?!(?:not|ok|Bail|K?TAP|pragma) )[\w.-]++ [^\s:\[\]|]++(?:\[\d++\])?+:"

# The parts of prefixes that are known, and the pattern of others of the same kind: numbers grow, names change.
_PARTS = {
    "syslog": rb"(?:" + _DATE + rb"|" + _ISO + rb"|\[ *+\d++\.\d++\])" + _HOST,
    "rfc5424": rb"<\d{1,3}+>1 " + _ISO + rb" \S++ \S++ \S++ \S++ (?:-|\[[^\[\]\n]*+\])(?= )",
    "epoch": rb"\d{10}\.\d++(?= )",
    "job": rb"[^\t\n]{1,80}+\t[^\t\n]{1,80}+\t" + _ISO,  # `gh run view --log`
    "iso": _ISO,
    "date": _DATE,
    "clock": _CLOCK,
    "printk": PRINTK[:-3],
    "level": rb"<\d++>",
    "bracket": rb"\[(?=[^\[\]\n]{0,40}?\d)[^\[\]\n]{1,40}+\]",
    "buildkit": rb"#\d++ \d++\.\d++",
    "compose": rb"[\w./@+-]{1,60}+ *+\|",
    "number": rb"\d++:(?= )",  # CTest's
    "gitlab": rb"\d\d[OE](?:\+|(?= ))",
    "lava": rb'- \{"dt": "[^"\n]{1,40}+", "lvl": "\w++", "msg": "',
    "tag": rb"(?<=[])Z\d] )[\w./@-]{1,60}+\[\d++\]:(?= )",  # a program and its PID behind a stamp
    "airflow": rb"(?<=[])Z\d] )\{[^{}:\s]{1,60}+:\d++\}",
    "cri": rb"(?<=[Z\d] )std(?:out|err) [FP](?= )",  # Kubernetes'
    "logger": rb"(?<=[])}Z\d] )(?:[VDIWEF]|TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?+|ERROR|CRITICAL|FATAL)(?: -)?+(?= )",
}
_SEVERITY = rb"\w{1,8}+ *+:\w{1,8}+ *+: "  # dmesg -x: "kern  :info  : "

_ESCAPE = (
    rb"^[^\r\n\x1b]{1,200}+\r\x1b\[\d?+K|"  # text that is wiped out at once: Travis CI hides its stamps so
    rb"\x1b(?:\[[0-2]?+K\r|\[[0-?]*+[ -/]*+[@-~]|[\]_P^X][^\x07\x1b\n]*+(?:\x07|\x1b\\)|[ -/]*+[0-OQ-WYZ\\`-~])|\x07"
    # colors and cursor moves; titles and the stamps of CI systems, which end with BEL or ST; the rest
)


@functools.cache
def _pattern(name: str) -> Pattern:
    parts = b"|".join(_PARTS.values())
    known = rb"[ \t]*+(?:" + _SEVERITY + rb")?+(?:(?:" + parts + rb")[ \t]*+){1,6}+"
    return {
        "escape": lambda: expressions.compile(_ESCAPE),
        "part": lambda: expressions.compile(
            b"|".join(b"(?P<%s>%s)" % (name.encode(), part) for name, part in _PARTS.items())
        ),
        "known": lambda: expressions.compile(known),
        "word": lambda: expressions.compile(rb"[ \t]*+(?:(?:not )?+ok(?:[ \t]++\d++)?+|1\.\.\d++|#|Bail out!)?+"),
        "color": lambda: expressions.compile(rb"(?:\x1b\[[\d;]*+m)++$"),
        "version": lambda: expressions.compile(rb"K?TAP version \d++[ \t\r]*+$"),
        "buildkit": lambda: expressions.compile(
            _PARTS["buildkit"] + rb" [ \t]*+(?:K?TAP version |1\.\.\d|(?:not |ot |t )?+ok(?!\w)|no|k )"
        ),
        "printk": lambda: expressions.compile(PRINTK),
        "start": lambda: expressions.compile(
            rb"1\.\.\d++(?![^ \t])[ \t]*+(?:#.*+|todo[\d ]*+)?+$|(?:not )?+ok(?: \d++(?![^ \t])| - )", re.DOTALL
        ),
        "headless": lambda: expressions.compile(rb"(1\.\.\d++(?![^ \t]))|[ \t]++# Subtest|[ \t]*+(?:not )?+ok \d++ "),
    }[name]()


class Prefix(NamedTuple):
    """The prefix of every line: a pattern, then blanks that belong to it and not to the line."""

    pattern: bytes
    blanks: int
    last: bytes = b""  # its last byte

    def strip(self, line: bytes) -> tuple[bytes, int] | None:
        """Take it from a line; give the rest, and the columns by which it is indented less than the first line.

        None where the line does not have it.
        """
        match = _compile(self.pattern).match(line)
        if match is None:
            return None
        rest = line[match.end() :]
        present = len(rest) - len(rest.lstrip(b" \t"))
        return rest[min(present, self.blanks) :], max(self.blanks - present, 0)


@functools.cache
def _compile(pattern: bytes) -> Pattern:
    return expressions.compile(pattern)


ANY_PRINTK = Prefix(PRINTK, 0)  # which kernels print before lines of any stream of theirs
STAMP = Prefix(PRINTK[:-3], 1, b"]")  # of a log in which each line has it


def without_escapes(line: bytes) -> bytes:
    """The line without colors, cursor moves, titles and the stamps that CI systems hide in such sequences."""
    return _pattern("escape").sub(b"", line).lstrip(b"\r") if b"\x1b" in line or b"\x07" in line else line


def with_escapes(raw: bytes, rest: bytes) -> bytes:
    """Give the rest of a line, which has neither prefix nor escapes, the escapes that stand in its text.

    What comes before the text, and a color that is taken back at the end of the line, are not part of it.
    """
    word = _pattern("word").match(rest)
    assert word
    left = len(rest) - word.end()
    at = len(raw)
    for match in reversed([*_pattern("escape").finditer(raw)]):
        if at - match.end() >= left:
            break
        left -= at - match.end()
        at = match.start()
    return word[0] + _pattern("color").sub(b"", raw[at - left :])


def find_at_version(line: bytes) -> Prefix | None:
    """Read the prefix off a version line; None where it is no version line with a prefix.

    Prose that only ends in "TAP version 13" has none: a prefix is blank, has a digit, or ends as a label does.
    """
    at = line.rfind(b"TAP version ")
    at -= line[at - 1 : at] == b"K"
    if not 0 < at <= LONGEST or not _pattern("version").match(line, at):
        return None
    head = line[:at]
    bare = head.rstrip(b" \t")
    blanks = len(head) - len(bare)
    if not bare:
        return Prefix(b"", blanks)
    known = _pattern("known").fullmatch(head)
    label = bare[-1:] in b":>|])"
    numbered = blanks and re.search(rb"\d", bare)
    if not known and (bare[:1] == b"#" or re.search(rb"[ \t]#$", bare) or not (numbered or label)):
        return None
    return Prefix(_shape(bare), blanks, bare[-1:]) if not bare.endswith(b"#") else None


def find_at_start(line: bytes) -> Prefix | None:
    """Read a prefix of a known kind off the plan or the numbered point that begins a stream without a version line."""
    match = _pattern("known").match(line)
    if match is None or match.end() > LONGEST or _pattern("printk").fullmatch(match[0].rstrip()):
        return None
    if not _pattern("start").match(line, match.end()):
        return None
    bare = match[0].rstrip(b" \t")
    return Prefix(_shape(bare), match.end() - len(bare), bare[-1:])


def find_headless(line: bytes) -> tuple[Prefix, bool] | None:
    """Read the kernel's stamp off the first line of a log without its head: a plan, a subtest or a numbered point.

    With it comes whether the stream must be the kernel's: a plan alone does not say so.
    """
    stamp = _pattern("printk").match(line)
    match = stamp and _pattern("headless").match(line, stamp.end())
    return (STAMP, match[1] is None) if match else None


def of_head(head: bytes) -> Prefix:
    """Make the prefix of lines that begin as this one does: other digits may stand there, but no other words."""
    bare = head.rstrip(b" \t")
    return Prefix(_shape(bare, words=True), len(head) - len(bare), bare[-1:])


def is_buildkit(line: bytes) -> bool:
    """Whether a line that looks like a comment has BuildKit's prefix, and TAP behind it."""
    return _pattern("buildkit").match(line) is not None


def is_known(head: bytes) -> bool:
    """Whether nothing but prefixes of known kinds stands here."""
    return len(head) <= LONGEST and _pattern("known").fullmatch(head) is not None


def _shape(head: bytes, *, words: bool = False) -> bytes:
    """A pattern for prefixes of the same build: known parts by their kinds, of the rest other digits and letters.

    `words`: the letters must be the same.
    """
    pieces, at = [], 0
    while at < len(head):
        match = _pattern("part").match(head, at)
        if match and (at == 0 or not head[at - 1 : at].isalnum()) and not (at and match.lastgroup == "buildkit"):
            piece = _PARTS[str(match.lastgroup)]
            # A kernel behind a journal prints some lines without its own stamp.
            pieces.append(rb"(?:" + piece + rb")" + (b"?+" if match.lastgroup == "printk" and at else b""))
            at = match.end()
            continue
        run = expressions.compile(rb"[ \t]++|\d++|[A-Za-z]++|.", re.DOTALL).match(head, at)
        assert run
        pieces.append(run[0] if words and run[0].isalpha() else _class(run[0]))
        at = run.end()
    return b"".join(pieces)


def _class(run: bytes) -> bytes:
    if run.isspace():
        return rb"[ \t]*+"
    if run.isdigit():
        return rb"\d++"
    # A line behind another prefix may have a result where this one has a name.
    return rb"(?!(?:not|ok)(?!\w))[A-Za-z]++" if run.isalpha() else re.escape(run)
