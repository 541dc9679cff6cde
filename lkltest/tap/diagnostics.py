"""The YAML block of a point, read as YAML would."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

LARGEST_YAML = 1 << 18  # bytes: PyYAML reads about 100 kB a second
LARGEST_TREE = 100_000  # values: aliases can make a document of a few lines expand without end


class Read(NamedTuple):
    """What a block says: the value, or why it cannot be had."""

    value: object
    error: str | None = None


class _Beyond(Exception):
    """The block is not of the simple subset."""


@functools.cache
def _entry() -> re.Pattern[str]:
    """`key: value`, where the value means the same to every YAML reader."""
    return re.compile(
        r"([A-Za-z_][A-Za-z0-9_-]*+):(?: ++(?:"
        r"(?P<int>-?(?:0|[1-9]\d{0,17}+))|(?P<float>-?\d{1,17}+\.\d{1,17}+)"
        r'|"(?P<double>[^"\\\t\n]*+)"|\'(?P<single>[^\'\t\n]*+)\''
        r"|\|(?P<indent>[1-9]?)(?P<chomp>[-+]?)(?P<literal>)"
        r"|(?P<plain>[A-Za-z/_](?:[A-Za-z0-9_/().,=<>+*&;!?@%^$|~\\\"'\[\]{}-]++|:(?! |\Z)| ++(?![ #]|\Z))*+)) *+)?+",
        re.ASCII,
    )


# Words that YAML 1.1 takes for something else than a string.
_WORDS = frozenset(["yes", "no", "true", "false", "on", "off", "null"])
_CONSTANTS = {"true": True, "false": False, "null": None}


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
    if not _foreign().search(text):
        try:
            return Read(_read_simple(text))
        except _Beyond:
            pass
    return _read_yaml(text, raw)


def read_log(raw: bytes) -> Read:
    """Read the block of LKL's runner, whose log is text and not YAML, whatever it contains."""
    head, mark, log = raw.partition(b"log: |\n")
    if head and not head.endswith(b"\n"):
        head, mark, log = raw, b"", b""
    found = read(head)
    if not isinstance(found.value, dict):
        found = Read({}, found.error)
    assert isinstance(found.value, dict)
    if mark:
        lines = log.decode("utf-8", "backslashreplace").split("\n")
        found.value["log"] = "\n".join(line.removeprefix(" ") for line in lines)
    return found


def _read_simple(text: str) -> dict[str, object] | None:
    """Read keys, one level of nested keys and literal blocks; raise _Beyond for everything else."""
    lines = text.split("\n")
    found: dict[str, object] = {}
    at, entry = 0, _entry().fullmatch
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line.strip(" "):
            continue
        match = entry(line)
        if match is None:
            raise _Beyond
        key = _key(match[1])
        if match["literal"] is not None:
            found[key], at = _literal(lines, at, 0, match["indent"], match["chomp"])
        elif match.lastgroup is None:
            found[key], at = _nested(lines, at)
        else:
            found[key] = _scalar(match)
    return found or None


def _key(key: str) -> str:
    if key.lower() in _WORDS:
        raise _Beyond
    return key


def _scalar(match: re.Match[str]) -> object:
    kind = match.lastgroup or ""
    value = match[kind]
    if kind == "int":
        return int(value)
    if kind == "float":
        return float(value)
    if kind == "plain":
        value = value.rstrip(" ")
        if value in _CONSTANTS:
            return _CONSTANTS[value]
        if value.lower() in _WORDS:
            raise _Beyond
    return value


def _nested(lines: list[str], at: int) -> tuple[dict[str, object] | None, int]:
    """Read the more indented lines from `at` on as one level of keys; none of them is null."""
    found: dict[str, object] = {}
    pad = 0
    while at < len(lines):
        line = lines[at]
        bare = line.lstrip(" ")
        if bare:
            indent = len(line) - len(bare)
            if not indent:
                break
            pad = pad or indent
            match = _entry().fullmatch(bare)
            if indent != pad or match is None or match.lastgroup is None or match["literal"] is not None:
                raise _Beyond
            found[_key(match[1])] = _scalar(match)
        at += 1
    return found or None, at


def _literal(lines: list[str], at: int, outer: int, indent: str, chomp: str) -> tuple[str, int]:
    """Read a literal block that starts at line `at`; return it with the line after it."""
    pad = outer + int(indent) if indent else 0
    start = at
    while at < len(lines):
        line = lines[at]
        bare = line.lstrip(" ")
        if bare:
            width = len(line) - len(bare)
            if not pad:
                if width <= outer or any(len(blank) > width for blank in lines[start:at]):
                    raise _Beyond  # empty, or its first lines are blanks that YAML takes for too much indentation
                pad = width
            if width < pad:
                break
        at += 1
    if not pad:
        raise _Beyond  # nothing but blanks
    body = [line[pad:] for line in lines[start:at]]
    if at < len(lines) and lines[at].startswith((" ", "#")):
        raise _Beyond
    if at == len(lines) and not lines[-1]:
        body.pop()  # the text's last newline ends a line, it does not begin one
    text = "\n".join(body) + "\n"
    if chomp == "+":
        return text, at
    text = text.rstrip("\n")
    return (text + "\n" if text and not chomp else text), at


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
