"""Lines of TAP on a kernel's console, which writes its messages into their middle."""

from __future__ import annotations

import functools
import heapq
import re
from collections.abc import Iterator

from lkltest import expressions
from lkltest.tap import prefix
from lkltest.tap.prefix import PRINTK

# The beginnings of all lines of TAP, and the parts of them that are left where the console broke in.
_WORDS = (b"not ok", b"ok", b"1..", b"Bail out!", b"TAP version", b"KTAP version", b"* ", b"# running ")
_BEGINNINGS = {re.escape(word[:end]) for word in _WORDS for end in range(1, len(word) + 1)}
_TORN = b"|".join(sorted(_BEGINNINGS, reverse=True))  # the longer before its own beginning
_FIRST = rb"not1#*p{}BbwKkTt-"  # bytes: a line that begins with none of them needs no more than this look
_CANDIDATE = (
    rb"(?=[ \t" + _FIRST + rb"])[ \t]*+(?:(?:not |ot |t )?+ok(?![0-9A-Za-z_])|1\.\.\d|#|---|\* \d|pragma |[{}]\r*+\n|"
    rb"not ok(?!ay)|oknot ok|k \d|[Bb][Aa][Ii][Ll] |warning \d|[Kk]?[Tt][Aa][Pp][ \t]|not(?: | ?o?\r*+\n)|(?:"
    + _TORN + rb")\[ *+\d)"
)
_ESCAPED = rb"|[^\n\x1b\x07]{0,200}+[\x1b\x07]"  # a line with escapes near its beginning may be anything

# The text after "not " where it is a failure, or may be the beginning of one, behind other text.
_GLUED = rb"(?<=[0-9A-Za-z]not ok)(?<!cannot ok)(?=\r?$|\r?\n)"  # to a line that lost its end
_UNREAD = rb"ok(?:(?<=\ds not ok)|(?<=[^A-Za-z,;.] not ok)|(?<=[0-9:.A-Z ][A-Z] not ok)|(?<=[^ \w,;.]not ok)|"
_UNREAD += _GLUED + rb")(?!ay)"
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n"})
_STAMP = rb"\[ *+\d++\.\d{6}\]|<\d>"  # of a kernel's message, without the blank after it
_BEHIND = rb"(?:(?=<\d|\[ *+\d)(?<!\wnot )|(?<=[])}>|:0-9-] not )|(?<=[0-9A-Z][A-Z] not )|(?<=[]>|\t]not ))(?!ok(?!\w))"

Pattern = re.Pattern[bytes]


@functools.cache
def candidate(before: bytes, escapes: bool = False) -> Pattern:
    """Match at the start of a line that may be TAP, after the prefix (a pattern, b"" for none)."""
    return expressions.compile(rb"(?:" + before + rb")?+" + _CANDIDATE + (_ESCAPED if escapes else b""))


@functools.cache
def next_candidate(before: bytes, escapes: bool = False) -> Pattern:
    """Find the end of the line before the next one that may be TAP."""
    return expressions.compile(rb"\n(?:(?:" + before + rb")?+" + _CANDIDATE + (_ESCAPED if escapes else b"") + rb")")


@functools.cache
def _pattern(name: str) -> Pattern:
    return {
        "stamp": lambda: expressions.compile(rb"\[ *+\d++\.\d{6}\](?:\[ *+[TC]\d++\])?+ "),
        "stamped": lambda: expressions.compile(PRINTK),
        "torn": lambda: expressions.compile(
            rb"[ \t]*+(?:(?:not )?+ok(?![0-9A-Za-z_])|1\.\.\d*+|Bail out!|\* \d|# running \d|"
            rb"K?TAP version \d*+|"
            rb"(?:" + _TORN + rb")\[)"
        ),
        "whole": lambda: expressions.compile(rb"[ \t]*+(?:(?:not )?+ok \d|1\.\.\d|K?TAP version \d)"),
        "failure": lambda: expressions.compile(rb"[ \t]*+not ok(?![0-9A-Za-z_])"),
        "unread": lambda: expressions.compile(b"not " + _UNREAD),
        "prove": lambda: expressions.compile(rb"[^\s.] \.\.++ *+\r?+\n$"),
        # Torn from the `n`, the `no` or the `not o` before it.
        "rest": lambda: expressions.compile(rb"(?:t|ot) ok(?!\w)|k \d++(?!\S)|.*?[^\w'](?:t|ot) ok(?: \d| - |$)"),
        "rest of not": lambda: expressions.compile(rb"(?:.*?\S )? ok(?: \d| - |$)|(?:.*?\W)?k(?: \d| - )"),
        "torn before": lambda: expressions.compile(rb"(?<!\w)not(?:(?!e|hing|ic|if|ab)\w| o(?!k)\w| ?o?[ \t\r]*+\n)"),
        "numbered failure": lambda: expressions.compile(
            rb"(?<!can)not ok(?: \d|(?!ay)\w| -(?= )|(?<=oknot ok)|(?: \d*+)?+(?=" + _STAMP + b"))"
        ),
        "prose": lambda: expressions.compile(
            rb"[\"'`#(=]$|^[-+]$|(?<!\w)(?:is|are|was|were|be|been|it|that|this|and|or|but|if)$"
        ),
        "label": lambda: expressions.compile(rb"\S++(?:(?<=[])}>|:0-9])|(?<=\ds))|\[[^\[\]\n]{1,80}+\]"),
        "numbered": lambda: expressions.compile(rb"[ \t]*+(?:not )?+ok \d"),
        "behind": lambda: expressions.compile(b"(?:not " + _BEHIND + rb"|(?<!\w)not(?: o)?+(?=" + _STAMP + b"))"),
        "not": lambda: re.compile(rb"[ \t]*+not(?![0-9A-Za-z_])(?![ \t]++ok(?![0-9A-Za-z_]))[ \t]*+(.*+)", re.DOTALL),
        "message": lambda: expressions.compile(rb"[^a-z]|[^\s:\[=]*+[:\[=]|\S++ [^\s:\[]*+[:\[]"),
    }[name]()  # fmt: skip


def is_stamped(line: bytes) -> bool:
    """Whether the line is the kernel's own, by its time stamp."""
    return _pattern("stamped").match(line) is not None


def tear(line: bytes) -> tuple[bytes, bytes] | None:
    """Split a line of TAP from the kernel's message that broke into it; None where none did."""
    stamp = _pattern("stamp").search(line, 1)
    if stamp is None or not _pattern("torn").match(line):
        return None
    return line[: stamp.start()], line[stamp.start() :]


def is_apart(fragment: bytes, line: bytes) -> bool:
    """Whether what came before the kernel's message is a whole line, and what came after it the next one."""
    directive = line.startswith(b" #") or (line.startswith(b"#") and fragment.endswith(b" "))
    whole = _pattern("whole").match(fragment) is not None and not directive
    return whole and candidate(b"").match(line + b"\n") is not None


def may_fail(fragment: bytes) -> bool:
    """Whether the beginning of a line that was torn may be that of a `not ok`."""
    words = fragment.strip()
    return bool(words) and b"not ok".startswith(words) and words != b"not ok"


def completes(fragment: bytes, line: bytes) -> bool:
    """Whether a line is the rest of the one that the kernel's message broke into."""
    whole = fragment + line
    if may_fail(fragment):
        return _pattern("failure").match(whole) is not None
    return candidate(b"").match(whole + b"\n") is not None and not is_apart(fragment, line)


@functools.cache
def _notable(begun: bool, met: bool) -> tuple[Pattern, ...]:
    """Patterns of which each begins with fixed bytes: these are found many times as fast as alternatives."""
    # Prose is told apart first: most logs have it.
    behind = b"(?<![a-rt-z,;.] not )(?:" + _UNREAD + b"|" + _BEHIND + b")"
    failures = b"not (?:" + behind + rb"|ok [-\d\[<]|[-\d\[<\r\n])"
    patterns = [failures, rb"ok (?:(?<=\Sok )\d++ (?:- |selftests: )|(?<=\Wok )(?:\d|- ))"]
    if not begun or met:  # another stream may begin, behind another prefix
        patterns += [rb"ok(?<!\wok) ++\d", rb"k (?<=\Wk )[-\d]", rb"1\.\.\d", rb"# Subtest"]
        patterns += [rb"oknot ok", rb"not ok(?!ay)\w"]
        patterns += [rb"not(?<!\wnot)(?: ?o?+[\[<\r\n]| ok[\[<])", rb"ok(?<!\wok)(?<![,;.] not ok)\r?+\n"]
    if not begun:
        patterns.append(rb"not(?<!\wnot) ")
    return tuple(map(re.compile, patterns))


@functools.cache
def _version() -> Pattern:
    return expressions.compile(rb"TAP version ")


def notable(block: bytes, start: int, stop: int, *, begun: bool, met: bool) -> Iterator[int]:
    """Find what of lines that are not TAP needs a look, in order.

    That is a version or a failure behind something, a result behind other text, and what may begin a stream.
    """
    patterns = _notable(begun, met)
    if all(block.find(letter, start, stop) >= 0 for letter in (b"T", b"A", b"P")):  # many times as fast as the pattern
        patterns = (_version(), *patterns)
    found = [pattern.finditer(block, start, stop) for pattern in patterns]
    return (match.start() for match in heapq.merge(*found, key=re.Match.start))


def has_failure(line: bytes, last: bytes) -> bool:
    """Whether a line that is not TAP has a failure behind a prefix; prose has none.

    `last` ends the prefix of the stream, where this line does not have that: one that ends like it may be its prefix.
    """
    if _pattern("rest").match(line) or _has_numbered_failure(line):
        return True
    match = _pattern("unread").search(line)
    if match is None:
        return False
    head = line[: match.start()]
    bare = head.rstrip(b" \t")
    if head and (head[-1] in _CONTROLS or head[-1:].isalnum()):  # a line that was overwritten, or lost its end
        return True
    if not bare or len(head) - len(bare) > 2:  # the failure of a subtest: its parent decides
        return False
    if _pattern("label").fullmatch(bare) and bare[-1:] != b":":
        return True
    wordless = head.upper() == head.lower() and bare[-1:] not in b"\"'`"
    return bool((last and bare.endswith(last)) or prefix.is_known(head) or wordless)


def has_glued_failure(line: bytes) -> bool:
    """Whether a line has a `not ok` with a number behind other text, without a blank between."""
    found = _pattern("numbered failure").finditer(line, 1)
    return any(not line[at - 1 : at].isspace() and _is_failure_behind(line[:at]) for at in map(re.Match.start, found))


def _has_numbered_failure(line: bytes) -> bool:
    """Whether a line has a `not ok` with a number, behind anything but quotes, blanks and the words of prose."""
    found = _pattern("numbered failure").finditer(line)
    return any(_is_failure_behind(line[: match.start()], dash=match[0].endswith(b"-")) for match in found)


def _is_failure_behind(head: bytes, *, dash: bool = False) -> bool:
    bare = head.rstrip(b" \t")
    if dash and bare != head and not any(byte in b"0123456789" for byte in bare):
        return False  # prose: "that is bad, not ok - stop"
    return bool(bare) and len(head) - len(bare) <= 2 and not _pattern("prose").search(bare)


def may_be_rest(line: bytes, before: bytes) -> bool:
    """Whether an indented `ok`, or a `k`, may be the rest of a `not ok` that a message tore in the lines before it."""
    return _pattern("rest of not").match(line) is not None and _pattern("torn before").search(before) is not None


def find_torn(line: bytes) -> int | None:
    """The position in a line that is not TAP of a possible beginning of a `not ok`, behind other text."""
    match = _pattern("behind").search(line)
    if match:
        return match.start()
    bare = line.rstrip()
    return next((len(bare) - len(end) + 1 for end in (b" not", b" not o") if bare.endswith(end)), None)


def is_torn(line: bytes, at: int) -> bool:
    """Whether a kernel's message follows the `not ` that stands here behind a prefix of a known kind."""
    head, rest = line[:at], line[at + len(b"not") :].lstrip().removeprefix(b"o")
    known = prefix.is_known(head) or head.rstrip()[-1:] in (b"]", b">", b"|") or is_stamped(rest)
    return known and suspicion(line[at:]) > 1


def suspicion(line: bytes) -> int:
    """The suspicion that a line is a `not ` torn from its `ok` by a message without a stamp.

    0: not at all. 1: it may be prose, such as "not found". 2: a kernel's message seems to follow the word.
    """
    match = _pattern("not").match(line)
    if match is None:
        return 0
    return 2 if match[1] in (b"", b"o") or _pattern("message").match(match[1]) else 1


def ends_with_header(noise: bytes) -> bool:
    """Whether the last line is that of `prove -v` before the output of a test: `t/a.t .. `."""
    if noise[-6:].rstrip().endswith(b".."):
        return _pattern("prove").search(noise[-1000:]) is not None
    colored = b"\x1b" in noise[-10:]
    return colored and _pattern("prove").search(prefix.without_escapes(noise[-1000:])) is not None


def is_numbered(line: bytes) -> bool:
    """Whether a test line says its number."""
    return _pattern("numbered").match(line) is not None
