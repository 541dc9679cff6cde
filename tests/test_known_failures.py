"""Lists of known failures: their patterns and their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.known_failures import KnownFailures, read

ITEM = "suites/boot/test_boot.py::boot::getpid[lkl-4.9.0]"


def listed(tmp_path: Path, text: str) -> KnownFailures:
    """A list of this text."""
    file = tmp_path / "known.txt"
    file.write_text(text)
    return read(file)


@pytest.mark.parametrize(
    "pattern",
    [ITEM, "test_boot.py::boot::getpid", "boot::getpid[lkl-4.9.0]", "boot::getpid", "getpid", "get?id", "boot::*",
     "boot::getpid[lkl-*]", "*[lkl-4.9.0]", "boot::[fg]etpid", "suites/*"],
)  # fmt: skip
def test_a_pattern_matches_an_item(tmp_path: Path, pattern: str) -> None:
    """The id as it is, with wildcards, from any level on, with its kernel or without."""
    assert listed(tmp_path, f"{pattern}  bug").find(ITEM, item=True)


@pytest.mark.parametrize(
    "pattern",
    ["boot", "etpid", "boot::getpid[lkl-6.6.0]", "boot::getppid", "other/test_boot.py::boot::getpid", "Getpid",
     "getpid[lkl-4.9.1]", "getpid[lkl-4x9.0]", "boot::getpid*[uml-*"],
)  # fmt: skip
def test_a_pattern_does_not_match_another_item(tmp_path: Path, pattern: str) -> None:
    """A pattern matches neither a part of a name, nor another kernel, and a dot is a dot."""
    assert not listed(tmp_path, f"{pattern}  bug").find(ITEM, item=True)


def test_a_pattern_matches_a_point_by_its_levels(tmp_path: Path) -> None:
    """A point's name is matched from a level on; a parameter at its end belongs to it."""
    known = listed(tmp_path, "outer > inner  bug 1\nread  bug 2\nsuite::case  bug 3\n")
    names = ("log > outer > inner", "log > read[ipv6]", "log > suite > case", "log > a/read")
    found = [known.find(name) for name in names]
    assert [entry and entry.reason for entry in found] == ["bug 1", None, "bug 3", None]


@pytest.mark.parametrize(
    ("line", "pattern", "reason"),
    [
        ("a b c  why not", "a b c", "why not"),
        ("a b c\twhy not", "a b c", "why not"),
        ("a b c # why not", "a b c", "why not"),
        ("  a   # https://x/#1", "a", "https://x/#1"),
        ("a why not", "a", "why not"),
        ("a#1 bug #2", "a#1", "bug #2"),
        ("net: a.sh  https://x", "net: a.sh", "https://x"),
    ],
)
def test_a_line_is_a_pattern_and_a_reason(tmp_path: Path, line: str, pattern: str, reason: str) -> None:
    """Two blanks, a tab or " # " stand between them, otherwise the first blank."""
    (entry,) = listed(tmp_path, f"\ufeff# a comment\r\n\r\n  # another\r\n{line}\r\n").entries
    assert (entry.line, entry.pattern, entry.reason) == (4, pattern, reason)


@pytest.mark.parametrize("line", ["pattern", "pattern  ", "pattern #", "pattern  # "])
def test_a_line_without_a_reason_is_named(tmp_path: Path, line: str) -> None:
    """The message names the file and the line, and says what is missing."""
    with pytest.raises(UsageError, match=r"known\.txt:3: no reason after the pattern 'pattern"):
        listed(tmp_path, f"# list\nfine  bug\n{line}\n")


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """No file, a directory, or one that is no text."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("gone", ".", "binary"):
        with pytest.raises(UsageError, match="cannot read the list of known failures"):
            read(tmp_path / name)


def test_the_first_of_many_entries_counts(tmp_path: Path) -> None:
    """A list of thousands is searched in order, and says which of its lines have matched nothing."""
    known = listed(tmp_path, "".join(f"name_{number}  bug {number}\n" for number in range(1000)) + "name_*  rest\n")
    assert [entry.line for name in ("name_7", "name_999", "name_x") if (entry := known.find(name))] == [8, 1000, 1001]
    assert len(known.unmatched()) == 998
