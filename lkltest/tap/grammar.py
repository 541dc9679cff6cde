"""The grammar of single TAP lines."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from lkltest import expressions
from lkltest.tap.dialect import Dialect, Rules

# Every quantifier that could give back what it took is possessive: no line, however hostile, makes these backtrack.
_BLANKS = rb"[ \t\v\f\r]*+"
LARGEST_DIGITS = 18  # a number of more digits is no number of a point: it is never converted

Pattern = re.Pattern[bytes]


class Result(NamedTuple):
    """The parts of a test line."""

    ok: bool
    number: bytes | None  # its digits
    description: bytes
    directive: str | None
    reason: bytes | None
    opens: bool  # it ends with the brace of a buffered subtest


class PlanLine(NamedTuple):
    """The parts of a plan."""

    digits: bytes
    text: bytes | None  # what follows the hash
    todo: frozenset[int]  # TAP 12's old list of points to do


@functools.cache
def _point(number_needed: bool, blanks_needed: bool) -> Pattern:
    if number_needed:  # kunit's reading
        return expressions.compile(rb"(not )?ok (\d++)(?:[ \t]++(.*+))?+$", re.DOTALL)
    if blanks_needed:
        return expressions.compile(rb"(not )?ok(?:[ \t]++(\d++)(?![^ \t]))?+(?:[ \t]++(.*+))?+$", re.DOTALL)
    return expressions.compile(rb"(not )?ok(?![0-9A-Za-z_])" + _BLANKS + rb"(\d++)?+" + _BLANKS + rb"(.*+)", re.DOTALL)


@functools.cache
def _directive(others: tuple[bytes, ...], loose_todo: bool) -> Pattern:
    end = rb"(?![0-9A-Za-z_])"
    words = [rb"skip", rb"todo" if loose_todo else rb"todo" + end, *(other + end for other in others)]
    return expressions.compile(rb"[ \t]*+(?i:(" + rb"|".join(words) + rb")[^ \t]*+)(?:[ \t]++(.*+))?+$", re.DOTALL)


_PATTERNS = {
    "version": (rb"(K?)TAP[ \t]++version[ \t]++(\d++)[ \t]*+$", re.IGNORECASE),
    "plan": (rb"1\.\.(\d++)[ \t]*+(?:#(.*+))?+$", re.DOTALL),
    "plan12": (rb"1\.\.(?:(0++)(?!\d)[ \t]*+[^#]*+|(\d++)[ \t]*+todo((?:[ \t]++\d{1,18}+)++)[ \t;]*+)$", 0),
    "skip": (rb"[ \t]*+skip[^ \t]*+[ \t]*+", re.IGNORECASE),
    "bail": (rb"Bail out!(.*+)", re.DOTALL),
    "pragma": (rb"pragma[ \t]++([-+][\w-]++[ \t]*+(?:,[ \t]*+[-+][\w-]++[ \t]*+)*+)$", 0),
    "progress": (rb"\* (\d++)(?: (.*+))?+$", re.DOTALL),
    "running": (rb"# running (\d++)(?: (.*+))?+$", re.DOTALL),
    "subtest": (rb"# Subtest(?:: ?+(.*+))?+$", re.DOTALL),
    "failure": (rb"not ok(?!ay)", 0),
    "glued failure": (rb"(?<=[\w;.!?)\]])(?<!can)not ok(?: \d| - |$)", 0),
    "kselftest": (
        rb"# (?:selftests: [^\s:]++: \S.*+| RUN  ++\S++ \.\.\.|Starting \d++ tests? from \d++ test cases?\.)[ \t]*+$",
        re.DOTALL,
    ),
    "remark": (rb"# (?=(?:# )*+[ \t]*+(?:K?TAP version \d|1\.\.\d|(?:not )?+ok \d))(?:# )*+", 0),
    "glued": (rb"(?<=[^\s\"'`#(=])(?:not ok (\d++)(?![^ ])|(?<=[\w.!?)])ok (\d++) (?:- |selftests: ))", 0),
    "warning": (rb"warning (\d{1,9}+) - '", 0),
    "escape": (rb"\\([\\#])", 0),
}


@functools.cache
def _pattern(name: str) -> Pattern:
    """Compile a pattern when it is first wanted: importing this module costs nothing."""
    return expressions.compile(*_PATTERNS[name])


def text(data: bytes) -> str:
    r"""Decode UTF-8; a byte that is none is shown as \xNN."""
    return data.decode("utf-8", "backslashreplace")


def unescape(data: bytes, rules: Rules) -> bytes:
    r"""Take the backslashes from \# and \\ where the dialect has them."""
    return _pattern("escape").sub(rb"\1", data) if rules.escapes and b"\\" in data else data


def number(digits: bytes) -> int | None:
    """Convert digits; None where they are too many to be a number of a point."""
    digits = digits.lstrip(b"0") or b"0"
    return int(digits) if len(digits) <= LARGEST_DIGITS else None


def describe(data: bytes) -> bytes:
    """Take the blanks, and the dash of `ok 1 - name`, from a description."""
    data = data.strip()
    return data[2:].lstrip() if data.startswith(b"- ") else b"" if data == b"-" else data


def read_point(line: bytes, rules: Rules) -> Result | None:
    """Read a test line that has no indentation; None where it is none in this dialect."""
    match = _point(rules.number_needed, rules.blanks_needed).match(line)
    if match is None:
        return None
    no, digits, rest = match.groups()
    rest = rest or b""
    opens = rules.buffered and rest.endswith(b"{") and rest[-2:-1] in (b"", b" ")
    if opens:
        rest = rest[:-1]
    description, directive, reason = split_directive(rest, rules) if b"#" in rest else (rest, None, None)
    return Result(not no, digits, unescape(describe(description), rules), directive, reason, opens)


def split_directive(rest: bytes, rules: Rules) -> tuple[bytes, str | None, bytes | None]:
    """Split what follows a point's number into description, directive and reason.

    An unknown directive stays in the description.
    """
    pattern = _directive(rules.directives, rules.loose_todo)
    at = rest.find(b"#")
    while at >= 0:
        # TAP 14's own example: after an escaped backslash no blank is needed.
        follows_blank = at == 0 or rest[at - 1] in (b" \t\\" if rules.escapes else b" \t")
        if _escaped(rest, at):
            at = rest.find(b"#", at + 1)
        elif follows_blank or rules.glued_hash:
            end = _url_end(rest, at) if not follows_blank else None
            if end is None:
                if match := pattern.match(rest, at + 1):
                    reason = unescape((match[2] or b"").strip(), rules)
                    return rest[:at], match[1].decode().lower(), reason
                if rules.glued_hash or rest[at + 1 : at + 2] in (b" ", b"\t", b""):
                    break  # the first hash that can open a directive decides
                end = at + 1
            at = rest.find(b"#", end)
        else:
            at = rest.find(b"#", at + 1)
    return rest, None, None


def _escaped(rest: bytes, at: int) -> bool:
    start = at
    while start and rest[start - 1] == 0x5C:
        start -= 1
    return (at - start) % 2 == 1


def _url_end(rest: bytes, at: int) -> int | None:
    """The end of the URL to which the hash belongs; None where it belongs to none."""
    start = rest.rfind(b" ", 0, at) + 1
    if b"://" not in rest[start:at]:
        return None
    end = rest.find(b" ", at)
    return end if end >= 0 else len(rest)


def read_plan(line: bytes, dialect: Dialect) -> PlanLine | None:
    """Read a plan; None where the line is none."""
    if match := _pattern("plan").match(line):
        return PlanLine(match[1], match[2], frozenset())
    if dialect is Dialect.TAP12 and (match := _pattern("plan12").match(line)):
        # TAP::Parser takes any text after 1..0, and TAP 12's list of points to do.
        return PlanLine(match[1] or match[2], None, frozenset(int(word) for word in (match[3] or b"").split()))
    return None


def skip_reason(comment: bytes | None, rules: Rules) -> str:
    """Read the reason of `1..0 # SKIP reason`."""
    comment = comment or b""
    match = _pattern("skip").match(comment)
    return text(unescape(comment[match.end() if match else 0 :].strip(), rules))


def read_version(line: bytes) -> tuple[bool, bytes] | None:
    """Read a version line: whether it is KTAP's, and the digits."""
    match = _pattern("version").match(line)
    return (bool(match[1]), match[2]) if match else None


def read_bail_out(line: bytes, rules: Rules) -> str | None:
    """Read the reason of a bail-out; None where the line is none."""
    if rules.loose_bail_out and line[:9].lower() == b"bail out!":
        line = b"Bail out!" + line[9:]
    match = _pattern("bail").match(line)
    return text(unescape(match[1].strip(), rules)) if match else None


def read_pragmas(line: bytes) -> list[tuple[bytes, bool]] | None:
    """Read the switches of a pragma line."""
    match = _pattern("pragma").match(line)
    return [(word.strip()[1:], word.strip()[:1] == b"+") for word in match[1].split(b",")] if match else None


def read_announcement(line: bytes, name: str) -> tuple[bytes, bytes] | None:
    """Read number and name of the point that starts; `name` is "progress" (LKL's line) or "running" (our comment)."""
    match = _pattern(name).match(line)
    return (match[1], (match[2] or b"").strip()) if match else None


def read_subtest(line: bytes) -> bytes | None:
    """Read the name that a `# Subtest: name` comment gives; b"" where it gives none, None for other lines."""
    match = _pattern("subtest").match(line)
    return (match[1] or b"").strip() if match else None


def is_failure(line: bytes) -> bool:
    """Whether a line begins with `not ok`, whether or not it is a test line of any dialect."""
    return _pattern("failure").match(line) is not None


def has_glued_failure(line: bytes) -> bool:
    """Whether a line of TAP goes on with that of a failure, which does not stand on a line of its own."""
    return b"not ok" in line and _pattern("glued failure").search(line) is not None


def is_kselftest(line: bytes) -> bool:
    """Whether the comment is one of those that kselftest's runner and harness print before the points."""
    return _pattern("kselftest").match(line) is not None


def read_remark(line: bytes) -> tuple[int, bytes] | None:
    """Read a line of TAP that kselftest's runner has put "# " before: how many times, and the line."""
    match = _pattern("remark").match(line)
    return (match.end() // 2, line[match.end() :]) if match else None


def find_glued(line: bytes) -> tuple[int, int | None] | None:
    """The start and the number of a test line that follows other text without the end of a line between."""
    match = _pattern("glued").search(line)
    return (match.start(), number(match[1] or match[2])) if match else None


def read_warning(line: bytes) -> int | None:
    """Read the number that a warning of Catch2 takes."""
    match = _pattern("warning").match(line)
    return int(match[1]) if match else None
