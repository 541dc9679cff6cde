"""The names of a program's test points, read from its C source without compiling it."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import UsageError

# Comments, strings and characters: whatever looks like a table's entry inside them is none.
_OPAQUE = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
_ENTRY = re.compile(r"\b(LKLTEST|LKLTEST_LIBRARY|LKL_TEST)\s*\(\s*(\w+)\s*(?=[,)])")
_TIMEOUT = re.compile(r"\.(timeout|deadline)_ms\s*=([^,}]*)")
_NEEDS = re.compile(r"\.needs\s*=")
_STRING = re.compile(r'\s*"([\w\s]*)"(?=\s*[,)])')
_CONDITION = re.compile(r"\s*#\s*if")
_NUMBER = re.compile(r"[\d\s*()]*\d[\d\s*()]*")


@dataclass(frozen=True)
class Declared:
    """A test point as its program's table declares it."""

    name: str
    line: int  # of its entry in the source
    library: bool = False  # needs the library's host: not part of the plan where the kernel is no library
    timeout: float | None = None  # seconds
    needs: tuple[str, ...] | None = None  # earlier points without which it makes no sense; None: all of them


def read(source: Path) -> tuple[Declared, ...]:
    """The points of a C source in the order of its table; empty where it has none.

    Raises UsageError where the source, or what its table says, cannot be read.
    """
    try:
        text = source.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"cannot read the C source {source}: {error.strerror}; mend the path in the suite") from None
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{source}:{error}") from None


def read_compiled(source: Path, preprocess: Callable[[str], str | None]) -> tuple[Declared, ...]:
    """As `read`, with the points that a compiler would see: some tables have parts for some configurations only.

    `preprocess` gives what the preprocessor makes of a text in the place of the source, or None where it cannot.
    """
    points = read(source)
    text = source.read_text(encoding="utf-8", errors="replace")
    code = plain_code(text)
    if not any(_CONDITION.match(line) for line in code.split("\n")):
        return points
    entries = _entries(code)
    marked, rest = "", 0
    for number, match in enumerate(entries):
        marked += text[rest : match.start(1)] + f"lkltest_point_{number}_"
        rest = match.end(1)
    seen = preprocess(marked + text[rest:])
    if seen is None:
        return points
    compiled = {int(number) for number in re.findall(r"\blkltest_point_(\d+)_", seen)}
    try:
        return tuple(_declared(code, [entry for number, entry in enumerate(entries) if number in compiled], text))
    except ValueError as error:
        raise UsageError(f"{source}:{error}") from None


@functools.lru_cache(maxsize=64)
def parse(text: str) -> tuple[Declared, ...]:
    """The points that a C source's table declares; raises ValueError with the line of what cannot be understood."""
    code = _drop_other_hosts(plain_code(text))
    return tuple(_declared(code, _entries(code), text))


def plain_code(text: str) -> str:
    """C code with blanks in the place of its comments, strings and characters; each position stays."""
    return _OPAQUE.sub(_blank, text)


def _entries(code: str) -> list[re.Match[str]]:
    return [match for match in _ENTRY.finditer(code) if not _in_directive(code, match.start())]


def _declared(code: str, entries: list[re.Match[str]], text: str) -> list[Declared]:
    """The points of these entries; `code` is the source's `text` with nothing but code in it, place for place."""
    ends = [*(match.start() for match in entries[1:]), len(code)]
    points: list[Declared] = []
    line, counted = 1, 0
    for match, end in zip(entries, ends, strict=False):  # no entry at all still leaves one end
        line += code.count("\n", counted, match.start())
        counted = match.start()
        entry = code[match.end() : end].partition("};")[0]
        timeout = _TIMEOUT.search(entry)
        needs = _NEEDS.search(entry)
        points.append(
            Declared(
                name=match[2],
                line=line,
                library=match[1] == "LKLTEST_LIBRARY",
                timeout=_seconds(timeout[1], timeout[2], line) if timeout else None,
                needs=_names(text, match.end() + needs.end(), line, [one.name for one in points]) if needs else None,
            )
        )
    return points


def _names(text: str, begin: int, line: int, earlier: Sequence[str]) -> tuple[str, ...]:
    """The names of earlier points in the C string that begins there in the source."""
    string = _STRING.match(text, begin)
    if string is None:
        raise ValueError(f'{line}: .needs: write one plain string, such as "start_kernel mount": '
                         "the runner reads it without a compiler")
    names = tuple(string[1].split())
    for name in names:
        if name not in earlier:
            raise ValueError(f"{line}: .needs ={string[0]}: no earlier entry declares {name!r}")
    return names


def _seconds(field: str, text: str, line: int) -> float | None:
    """The seconds that milliseconds, as a number or a product such as "60 * 1000", stand for; None for 0."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{line}: .{field}_ms ={text.rstrip()[:-1]}: write a plain number of milliseconds: "
                         "the runner reads it without a compiler")
    return math.prod(map(int, re.findall(r"\d+", text))) / 1000 or None


def _in_directive(code: str, position: int) -> bool:
    """Whether the line at `position` is the preprocessor's, such as the definition of the macro itself."""
    return code[code.rfind("\n", 0, position) + 1 : position].lstrip().startswith("#")


def _blank(match: re.Match[str]) -> str:
    """Blanks in the place of a match, its line breaks kept so that line numbers stay right."""
    return re.sub(r"[^\n]", " ", match[0])


def _drop_other_hosts(code: str) -> str:
    """Blank what a Linux host's preprocessor leaves out of LKL's own tables: the parts for Windows and BSD."""
    other = re.compile(r"__MINGW32__|_WIN32|__FreeBSD__|__ANDROID__")
    lines: list[str] = []
    kept = [True]  # for each open conditional: whether its current branch is compiled
    for line in code.split("\n"):
        words = line.strip().removeprefix("#").split(None, 1) if line.lstrip().startswith("#") else []
        directive, condition = (*words, "", "")[:2]
        if directive in {"if", "ifdef", "ifndef"}:
            negated = directive == "ifndef" or condition.replace(" ", "").startswith("!")
            kept.append(negated if other.search(condition) else True)
        elif directive == "else" and len(kept) > 1:
            kept[-1] = not kept[-1]
        elif directive == "elif" and len(kept) > 1:
            kept[-1] = not kept[-1] and not other.search(condition)
        elif directive == "endif" and len(kept) > 1:
            kept.pop()
        lines.append(line if all(kept) else " " * len(line))  # positions stay right
    return "\n".join(lines)
