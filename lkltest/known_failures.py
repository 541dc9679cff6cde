"""Lists of known failures: files whose lines name tests that fail, each with its reason."""

from __future__ import annotations

import fnmatch
import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

from lkltest.errors import UsageError

# Pattern and reason: a tab, two blanks, or " # " stands between them; in a line that has none of these, a blank.
_FIELDS = re.compile(r"(\S.*?)(?:\s*\t\s*|\s{2,}|\s+(?=#\s))(\S.*)|(\S+)\s(\S.*)")
_GROUPS = 90  # patterns in one regular expression

# A name may be given from any of its levels on; an item's from any directory on, and without its parameters at the end.
_POINT = r"(?:(?s:.*)::)?(?:%s)"
_ITEM = r"(?:(?s:.*)(?:/|::))?(?:%s)(?:\[[^\[\]]*\])?"


@dataclass(frozen=True)
class Entry:
    """A line of a list."""

    line: int  # from 1
    pattern: str
    reason: str  # or a link

    @functools.cached_property
    def regex(self) -> str:
        """The pattern as a regular expression; what stands in brackets may be a set, or a kernel's id as it is."""
        pattern = self.pattern.replace(" > ", "::")
        alternatives = {fnmatch.translate(each).removesuffix(r"\Z") for each in (pattern, pattern.replace("[", "[[]"))}
        return "|".join(sorted(alternatives))


Group = tuple[re.Pattern[str], tuple[Entry, ...]]


@dataclass
class KnownFailures:
    """The entries of a list, in their order, and which of them have matched anything."""

    file: Path
    entries: tuple[Entry, ...]
    matched: set[int] = field(default_factory=set)  # lines

    def find(self, name: str, *, item: bool = False) -> Entry | None:
        """The first entry whose pattern matches the name of a point, "outer > inner", or of a pytest item, its id."""
        around, name = _ITEM if item else _POINT, name.replace(" > ", "::")
        for regex, entries in self._items if item else self._points:
            if regex.fullmatch(name):
                found = next(entry for entry in entries if re.fullmatch(around % entry.regex, name))
                self.matched.add(found.line)
                return found
        return None

    @functools.cached_property
    def _points(self) -> list[Group]:
        return self._grouped(_POINT)

    @functools.cached_property
    def _items(self) -> list[Group]:
        return self._grouped(_ITEM)

    def _grouped(self, around: str) -> list[Group]:
        """Entries in groups, each with one regular expression for all: most names match nothing."""
        groups = [self.entries[at : at + _GROUPS] for at in range(0, len(self.entries), _GROUPS)]
        return [(re.compile(around % "|".join(entry.regex for entry in group)), group) for group in groups]

    def unmatched(self) -> list[Entry]:
        """The entries that have matched nothing so far."""
        return [entry for entry in self.entries if entry.line not in self.matched]


def read(file: Path) -> KnownFailures:
    """Read a list; raises UsageError, with the line's number, for one that cannot be read or understood."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"cannot read the list of known failures {file}: {why}") from None
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            entries.append(_entry(file, number, line.strip()))
    return KnownFailures(file, tuple(entries))


def _entry(file: Path, number: int, line: str) -> Entry:
    match = _FIELDS.fullmatch(line)
    pattern, reason = (match[1] or match[3], match[2] or match[4]) if match else (line, "")
    reason = reason.removeprefix("#").strip()
    if not reason:
        raise UsageError(
            f"{file}:{number}: no reason after the pattern {pattern!r}: write why it fails, or a link, "
            "behind two blanks: `PATTERN  REASON`"
        )
    return Entry(number, pattern, reason)
