"""Lines of TAP on a kernel's console, which writes its messages into their middle."""

from __future__ import annotations

import functools
import heapq
import re
from collections.abc import Iterator

from lkltest.tap import prefix
from lkltest.tap.prefix import PRINTK

# The beginnings of all lines of TAP, and the parts of them that are left where the console broke in.
_WORDS = (b"not ok", b"ok", b"1..", b"Bail out!", b"TAP version", b"KTAP version", b"* ", b"# running ")
_BEGINNINGS = {re.escape(word[:end]) for word in _WORDS for end in range(1, len(word) + 1)}
_TORN = b"|".join(sorted(_BEGINNINGS, reverse=True))  # the longer before its own beginning
_FIRST = rb"not1#*p{}BbwKkTt-"  # bytes: a line that begins with none of them needs no more than this look
_CANDIDATE = (
    rb"(?=[ \t" + _FIRST + rb"])[ \t]*+(?:(?:not |ot |t )?+ok(?![0-9A-Za-z_])|1\.\.\d|#|---|\* \d|pragma |[{}]\r*+\n|"
    rb"[Bb][Aa][Ii][Ll] |warning \d|[Kk]?[Tt][Aa][Pp][ \t]|not(?: |\r*+\n)|(?:" + _TORN + rb")\[ *+\d)"
)
_ESCAPED = rb"|[^\n\x1b\x07]{0,200}+[\x1b\x07]"  # a line with escapes near its beginning may be anything

# The text after "not " where it is a failure, or may be the beginning of one, behind other text.
_UNREAD = rb"ok(?:(?<=[^A-Za-z,;.] not ok)|(?<=[0-9:.A-Z ][A-Z] not ok)|(?<=[^ \w,;.]not ok))(?![0-9A-Za-z_])"
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n"})
_BEHIND = rb"(?:(?=<\d|\[ *+\d)(?<!\wnot )|(?<=[])}>|:0-9] not )|(?<=[0-9][A-Z] not )|(?<=[]>|\t]not ))(?!ok(?!\w))"

Pattern = re.Pattern[bytes]


@functools.cache
def candidate(before: bytes, escapes: bool = False) -> Pattern:
    """Match at the start of a line that may be TAP, after the prefix (a pattern, b"" for none)."""
    return re.compile(rb"(?:" + before + rb")?+" + _CANDIDATE + (_ESCAPED if escapes else b""))


@functools.cache
def next_candidate(before: bytes, escapes: bool = False) -> Pattern:
    """Find the end of the line before the next one that may be TAP."""
    return re.compile(rb"\n(?:(?:" + before + rb")?+" + _CANDIDATE + (_ESCAPED if escapes else b"") + rb")")


@functools.cache
def _pattern(name: str) -> Pattern:
    return {
        "stamp": lambda: re.compile(rb"\[ *+\d++\.\d{6}\](?:\[ *+[TC]\d++\])?+ "),
        "stamped": lambda: re.compile(PRINTK),
        "torn": lambda: re.compile(rb"[ \t]*+(?:(?:not )?+ok(?![0-9A-Za-z_])|1\.\.\d*+|Bail out!|\* \d|# running \d|"
                                   rb"K?TAP version \d*+|"
                                   rb"(?:" + _TORN + rb")\[)"),
        "whole": lambda: re.compile(rb"[ \t]*+(?:(?:not )?+ok \d|1\.\.\d|K?TAP version \d)"),
        "failure": lambda: re.compile(rb"[ \t]*+not ok(?![0-9A-Za-z_])"),
        "unread": lambda: re.compile(b"not " + _UNREAD),
        "prove": lambda: re.compile(rb"[^\s.] \.\.++ *+\r?+\n$"),
        "rest": lambda: re.compile(rb"(?:t|ot) ok(?!\w)"),  # torn from the `n` or the `no` before it
        "label": lambda: re.compile(rb"\S++(?<=[])}>|:])|\[[^\[\]\n]{1,80}+\]"),
        "numbered": lambda: re.compile(rb"[ \t]*+(?:not )?+ok \d"),
        "behind": lambda: re.compile(b"not " + _BEHIND),
        "not": lambda: re.compile(rb"[ \t]*+not(?![0-9A-Za-z_])(?![ \t]++ok(?![0-9A-Za-z_]))[ \t]*+(.*+)", re.DOTALL),
        "message": lambda: re.compile(rb"[^a-z]|[^\s:\[=]*+[:\[=]|\S++ [^\s:\[]*+[:\[]"),
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
def _notable(begun: bool) -> tuple[Pattern, ...]:
    """Patterns of which each begins with fixed bytes: these are found many times as fast as alternatives."""
    prose = rb"(?:(?<![a-z,;.] not )|(?=<\d|\[ *+\d))"  # is told apart first: it is what most logs have
    failures = rb"not " + prose + b"(?:" + _UNREAD + b"|" + _BEHIND + rb"|(?<=\Snot )ok \d)"
    patterns = [failures, rb"ok (?<=\Sok )\d++ (?:- |selftests: )"]
    starts = [rb"ok (?<!\wok )\d", rb"1\.\.\d", rb"# Subtest", rb"not(?<!\wnot) ?+\r?+\n"]
    return tuple(map(re.compile, patterns if begun else patterns + starts))


@functools.cache
def _version() -> Pattern:
    return re.compile(rb"TAP version ")


def notable(block: bytes, start: int, stop: int, *, begun: bool) -> Iterator[int]:
    """Find what of lines that are not TAP needs a look, in order.

    That is a version or a failure behind something, a result behind other text, and what may begin a stream.
    """
    patterns = _notable(begun)
    if all(block.find(letter, start, stop) >= 0 for letter in (b"T", b"A", b"P")):  # many times as fast as the pattern
        patterns = (_version(), *patterns)
    found = [pattern.finditer(block, start, stop) for pattern in patterns]
    return (match.start() for match in heapq.merge(*found, key=re.Match.start))


def has_failure(line: bytes, last: bytes) -> bool:
    """Whether a line that is not TAP has a failure behind a prefix; prose has none.

    `last` ends the prefix of the stream, where this line does not have that: one that ends like it may be its prefix.
    """
    if _pattern("rest").match(line):
        return True
    match = _pattern("unread").search(line)
    if match is None:
        return False
    head = line[: match.start()]
    bare = head.rstrip(b" \t")
    if head and head[-1] in _CONTROLS:  # a line that was overwritten
        return True
    if not bare or len(head) - len(bare) > 2:  # the failure of a subtest: its parent decides
        return False
    label = _pattern("label").fullmatch(bare) and _pattern("numbered").match(line, match.start())
    return bool(label or (last and bare.endswith(last)) or prefix.is_known(head) or head.upper() == head.lower())


def find_torn(line: bytes) -> int | None:
    """The position in a line that is not TAP of a possible beginning of a `not ok`, behind other text."""
    match = _pattern("behind").search(line)
    if match:
        return match.start()
    bare = line.rstrip()
    return len(bare) - len(b"not") if bare.endswith(b" not") else None


def is_torn(line: bytes, at: int) -> bool:
    """Whether a kernel's message follows the `not ` that stands here behind a prefix of a known kind."""
    known = prefix.is_known(line[:at]) or is_stamped(line[at + len(b"not ") :])
    return known and suspicion(line[at:]) > 1


def suspicion(line: bytes) -> int:
    """The suspicion that a line is a `not ` torn from its `ok` by a message without a stamp.

    0: not at all. 1: it may be prose, such as "not found". 2: a kernel's message seems to follow the word.
    """
    match = _pattern("not").match(line)
    if match is None:
        return 0
    return 2 if not match[1] or _pattern("message").match(match[1]) else 1


def ends_with_header(noise: bytes) -> bool:
    """Whether the last line is that of `prove -v` before the output of a test: `t/a.t .. `."""
    if noise[-6:].rstrip().endswith(b".."):
        return _pattern("prove").search(noise[-1000:]) is not None
    colored = b"\x1b" in noise[-10:]
    return colored and _pattern("prove").search(prefix.without_escapes(noise[-1000:])) is not None


def is_numbered(line: bytes) -> bool:
    """Whether a test line says its number."""
    return _pattern("numbered").match(line) is not None
