"""The YAML block of a point, read as YAML would."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

from lkltest import expressions

LARGEST_YAML = 1 << 18  # bytes: PyYAML reads about 100 kB a second
SHORT = 1 << 12  # characters: the most text that may be looked at for each key
LONGEST_HEAD = 1000  # characters of the keys before a literal block: longer ones are read more slowly
LONGEST_LINE = 200  # characters: longer lines are read, but not remembered
LARGEST_TREE = 100_000  # values: aliases can make a document of a few lines expand without end


class Read(NamedTuple):
    """The content of a block: its value, or the reason why it has none."""

    value: object
    error: str | None = None


_make_read: Callable[..., Read] = tuple.__new__  # what the constructor ends in, in half of its time


class _Beyond(Exception):
    """The block is not of the simple subset."""


@functools.cache
def _entry() -> re.Pattern[str]:
    """`key: value`, where the value means the same to every YAML reader."""
    return expressions.compile(
        r"(?: *+\n)*+([A-Za-z_][A-Za-z0-9_-]*+):(?: ++(?:"
        r"(?P<int>-?(?:0|[1-9]\d{0,17}+))|(?P<float>-?\d{1,17}+\.\d{1,17}+)"
        r'|"(?P<double>[^"\\\t\n]*+)"|\'(?P<single>[^\'\t\n]*+)\''
        r"|\|(?P<literal>[1-9]?+[-+]?+)"
        r"|(?P<plain>[A-Za-z/_](?:[A-Za-z0-9_/().,=<>+*&;!?@%^$|~\\\"'\[\]{}-]++|:(?![ \n]|\Z)| ++(?![ #\n]|\Z))*+)"
        r") *+)?+(?:\n|\Z)",
        re.ASCII,
    )


@functools.cache
def _body(pad: int) -> re.Pattern[str]:
    """Lines with at least this indentation, or nothing in them."""
    return expressions.compile(rf"(?: {{{pad}}}[^\n]*+\n|\n)++")


# Words that YAML 1.1 takes for something else than a string.
_WORDS = frozenset(["yes", "no", "true", "false", "on", "off", "null"])
_DIGITS = frozenset("0123456789")
_CONSTANTS = {"true": True, "false": False, "null": None}


_ASCII = bytes((0x09, 0x0A, *range(0x20, 0x7F)))  # what of ASCII is the same in YAML


@functools.cache
def _foreign() -> re.Pattern[str]:
    """Characters that YAML forbids or takes for the end of a line."""
    return re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def read(raw: bytes) -> Read:
    """Read a block, without its indentation; a simple one by hand, any other by PyYAML."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return _salvage(raw, f"it is not UTF-8 ({error.reason} at byte {error.start})")
    if not raw.translate(None, _ASCII) or not _foreign().search(text):
        try:
            value = _read_common(text) or _read_simple(text)
            return _make_read(Read, (value, None))
        except _Beyond:
            pass
    return _read_yaml(text, raw)


@functools.cache
def _log() -> re.Pattern[bytes]:
    """The beginning of a log, with the indentation that newer runners say: `log: |1`."""
    return expressions.compile(rb"^log: \|([1-9])?[-+]?\n", re.MULTILINE)


def read_log(raw: bytes) -> Read:
    """Read the block of LKL's runner, whose log is text and not YAML, whatever it contains."""
    begin = _log().search(raw)
    head, log = (raw[: begin.start()], raw[begin.end() :]) if begin else (raw, b"")
    found = read(head)
    if not isinstance(found.value, dict):
        found = Read({}, found.error)
    assert isinstance(found.value, dict)
    if begin:
        lines = log.decode("utf-8", "backslashreplace").split("\n")
        pad = " " * int(begin[1] or 1)
        found.value["log"] = "\n".join(line.removeprefix(pad) for line in lines)
    return found


def _read_common(text: str) -> dict[str, object] | None:
    """Read keys and a literal block after them, as most producers write it; None for everything else.

    `_read_simple` reads the same from the same text, but in twice the time.
    """
    head, literal, body = text.partition(": |\n")
    if len(head) > LONGEST_HEAD or len(body) > SHORT:
        return None
    lines = head.split("\n")
    last = lines.pop()
    found: dict[str, object] = {}
    for line in lines:
        entry = _COMMON.get(line) or _read_pair(line)
        if entry is None:
            return None
        key, found[key] = entry
    if not literal:
        return None if last else found
    if not _is_key(last):
        return None
    log = body.lstrip(" ")
    pad = len(body) - len(log)
    log = log.replace("\n" + " " * pad, "\n")
    # Each line but the first has lost the margin, and there are no blank lines at the beginning and the end.
    whole = pad and len(body) - len(log) == pad * log.count("\n")
    if not whole or log[0] == "\n" or log[-1] != "\n" or log[-2] == "\n":
        return None
    found[last] = log
    return found


def _read_simple(text: str) -> dict[str, object] | None:
    """Read keys, one level of nested keys and literal blocks; raise _Beyond for everything else."""
    found: dict[str, object] = {}
    at, size = 0, len(text)
    while at < size:
        end = text.find("\n", at)
        if at <= end <= at + LONGEST_LINE and (line := _read_line(text[at:end])):
            key, value, header = line
            at = end + 1
        else:
            match = _entry().match(text, at)
            if match is None:
                break
            at, key, value, header = match.end(), *_read_entry(match)
        if header is None:
            found[key] = value
        elif header == "":
            found[key], at = _nested(text, at)
        else:
            found[key], at = _literal(text, at, header[1:])
    if at < size and text[at:].strip(" \n"):
        raise _Beyond
    return found or None


Entry = tuple[str, object, str | None]  # key, value, "" before nested keys and the "|" of a literal block


def _read_entry(match: re.Match[str]) -> Entry:
    kind, key = match.lastgroup, match[1]
    if key.lower() in _WORDS:
        raise _Beyond
    if kind is None:
        return key, None, ""
    return (key, None, "|" + match[kind]) if kind == "literal" else (key, _scalar(kind, match[kind]), None)


def _read_line(line: str) -> Entry | None:
    """Read an entry that is a whole line; None for any other line."""
    if line[-1:] in _DIGITS:
        key, _, value = line.partition(": ")
        if value.isdigit() and value.isascii() and len(value) <= 17 and value[0] != "0" and _is_key(key):
            return key, int(value), None
    return _read_common_line(line)


_COMMON: dict[str, tuple[str, object]] = {}  # lines that many blocks have, at most 1024


def _read_pair(line: str) -> tuple[str, object] | None:
    """Read a line of a key and a scalar; remember it, unless a large number makes it one that hardly comes again."""
    key, _, value = line.partition(": ")
    if 3 < len(value) <= 17 and value.isdecimal() and value[0] != "0" and value.isascii() and _is_key(key):
        return key, int(value)
    entry = _read_line(line)
    if entry is None or entry[2] is not None:
        return None
    if len(_COMMON) >= 1024:
        _COMMON.clear()
    _COMMON[line] = entry[:2]
    return entry[:2]


@functools.lru_cache(1024)
def _is_key(key: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*+", key) is not None and key.lower() not in _WORDS


@functools.lru_cache(1024)
def _read_common_line(line: str) -> Entry | None:
    """Read a line that many blocks of a stream have in common."""
    match = _entry().match(line)
    try:
        return _read_entry(match) if match and match.end() == len(line) else None
    except _Beyond:
        return None


def _scalar(kind: str, value: str) -> object:
    if kind == "int":
        return int(value)
    if kind == "float":
        return float(value)
    if kind == "plain":
        if value in _CONSTANTS:
            return _CONSTANTS[value]
        if value.lower() in _WORDS:
            raise _Beyond
    return value


def _nested(text: str, at: int) -> tuple[dict[str, object] | None, int]:
    """Read the more indented lines from `at` on as one level of keys; none of them is null."""
    found: dict[str, object] = {}
    pad = _indentation(text, at)
    while pad and _indentation(text, at) == pad:
        match = _entry().match(text, at + pad)
        kind = match.lastgroup if match else None
        if match is None or kind in (None, "literal") or text[at + pad] == "\n" or match[1].lower() in _WORDS:
            raise _Beyond
        found[match[1]] = _scalar(kind or "", match[kind or 0])
        at = match.end()
    return found or None, at


@functools.cache
def _blanks() -> re.Pattern[str]:
    return expressions.compile(" *+")


def _indentation(text: str, at: int) -> int:
    match = _blanks().match(text, at)
    return match.end() - at if match else 0


def _literal(text: str, at: int, header: str) -> tuple[str, int]:
    """Read a literal block that starts at `at`; return it with where it ends."""
    pad = int(header[0]) if header[:1].isdigit() else _indentation(text, at)
    if pad and header == "" and len(text) - at <= SHORT:
        body, margin = text[at:], "\n" + " " * pad
        whole = body.endswith("\n") and body.count("\n") == body.count(margin) + 1
        if whole and body[pad] != "\n" and not body.endswith(margin + "\n"):
            return body[pad:].replace(margin, "\n"), len(text)  # it is the rest of the block, without blank lines
    match = _body(pad).match(text, at) if pad and text[at + pad : at + pad + 1] != "\n" else None
    if match is None or text.startswith(" ", match.end()):
        raise _Beyond  # empty, or with blank lines that make its indentation a riddle
    body = match[0].replace("\n" + " " * pad, "\n").removeprefix(" " * pad)
    if not header.endswith("+"):
        body = body.rstrip("\n") + ("" if header.endswith("-") else "\n")
    return body if body != "\n" else "", match.end()


def _read_yaml(text: str, raw: bytes) -> Read:
    if len(raw) > LARGEST_YAML:
        return _salvage(raw, f"its {len(raw)} bytes are more than are read as YAML ({LARGEST_YAML})")
    import yaml

    try:
        value = yaml.safe_load(text)
        if not _bounded(value):
            return Read(None, f"its aliases expand to more than {LARGEST_TREE} values")
    except RecursionError:
        return _salvage(raw, "it is nested too deeply")
    except Exception as error:  # PyYAML raises ValueError, TypeError, KeyError and others on hostile input
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        mark = getattr(error, "problem_mark", None)
        where = f" in its line {mark.line + 1}" if mark else ""
        return _salvage(raw, f"{problem}{where}")
    return Read(value)


def _bounded(value: object) -> bool:
    """Whether the value, its aliases written out, has no more than LARGEST_TREE parts."""
    left = LARGEST_TREE
    stack = [value]
    while stack:
        left -= 1
        if left < 0:
            return False
        part = stack.pop()
        if isinstance(part, dict):
            stack += part.values()
            left -= len(part)
        elif isinstance(part, list | tuple | set):
            stack += part
    return True


def _salvage(raw: bytes, error: str) -> Read:
    """Read what is invalid only for its bytes or characters as if it were not, for the error's sake kept as such."""
    try:
        return Read(_read_simple(raw.decode("utf-8", "backslashreplace")), error)
    except _Beyond:
        return Read(None, error)
