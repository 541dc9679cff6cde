"""Regular expressions that match alike on each version of Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lkltest
from lkltest import expressions
from lkltest.expressions import atomic

PACKAGE = Path(lkltest.__file__).parent
GROUP = re.compile(r"\)(?:[?*+]|\{\d*,?\d*\})\+")


@pytest.mark.parametrize(("pattern", "expected"), [
    (r"(?:ab)?+c", r"(?>(?:ab)?)c"), (r"(a(?:b+)*+){2,3}+", r"(?>(a(?>(?:b+)*)){2,3})"),
    (r"a*+[)]?+\)?+", r"a*+[)]?+\)?+"),
    (r"[]()]*+(?P<x>[^])]\])++$", r"[]()]*+(?>(?P<x>[^])]\])+)$"),
])  # fmt: skip
def test_possessive_groups_become_atomic_ones(pattern: str, expected: str) -> None:
    """Groups alone are rewritten, with what is in them; sets, escapes and single characters are left as they are."""
    assert atomic(pattern) == expected


@pytest.mark.parametrize("text", ["ab", "ok 1", "not ok 1", "x", "not ", "not ok"])
def test_both_forms_match_alike(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An expression finds the same in the form for old versions of Python."""
    pattern = r"(not )?+ok(?: ++(\d++)(?![^ ]))?+$"
    monkeypatch.setattr(expressions, "WRONG", True)
    wanted = re.fullmatch(r"(not )?ok(?: +(\d+))?", text)
    for found in (expressions.compile(pattern).match(text), expressions.compile(pattern.encode()).match(text.encode())):
        assert (found is None) is (wanted is None)
        assert found is None or wanted is None or found.span(2) == wanted.span(2)


def test_no_other_module_has_possessive_groups_of_its_own() -> None:
    """A module with a possessive group compiles its expressions by `expressions`."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != "expressions.py" and GROUP.search(text) and "expressions.compile(" not in text:
            found.append(path.name)
    assert found == []
