"""Regular expressions that match alike on each version of Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import lkltest
from lkltest import expressions
from lkltest.expressions import atomic

PACKAGE = Path(lkltest.__file__).parent
GROUP = re.compile(r"\)(?:[?*+]|\{\d*,?\d*\})\+")
TAKE_PATTERN = {"compile", "match", "search", "sub", "subn", "fullmatch", "finditer", "findall", "split"}


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


def names(node: ast.AST) -> set[str]:
    """The names in an expression, those of modules' attributes among them."""
    found = (one.id if isinstance(one, ast.Name) else one.attr
             for one in ast.walk(node) if isinstance(one, (ast.Name, ast.Attribute)))  # fmt: skip
    return set(found)


def is_possessive(node: ast.AST, others: set[str]) -> bool:
    """Whether an expression's text has a possessive group, or is made of others that have."""
    values = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
    texts = [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values]
    return GROUP.search("".join(texts)) is not None or bool(names(node) & others)


def possessive_names(trees: Iterable[ast.Module]) -> set[str]:
    """The constants of some modules that have possessive groups, and those that are made of them."""
    statements = [node for tree in trees for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    assigned = [(name, node.value) for node in statements if node.value is not None and not compiled(node.value)
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
                for name in names(target)]  # fmt: skip
    found: set[str] = set()
    while more := {name for name, value in assigned if name not in found and is_possessive(value, found)}:
        found |= more
    return found


def compiled(node: ast.AST) -> bool:
    """Whether a value is a compiled expression, not the text of one."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "compile"


def plain_uses(tree: ast.Module, others: set[str]) -> list[int]:
    """The lines where `re` itself gets a possessive group, or a name for a pattern, which may have some.

    So are those that import a part of `re`, or `re` under another name: these calls would not be seen.
    """
    lines = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=function)) if function in TAKE_PATTERN:
                pattern = [*node.args[:1], *(one.value for one in node.keywords if one.arg == "pattern")]
                ends = any(name.endswith("_PATTERN") for one in pattern for name in names(one))
                if ends or any(is_possessive(one, others) for one in pattern):
                    lines.append(node.lineno)
            case ast.ImportFrom(module="re"):
                lines.append(node.lineno)
            case ast.Import(names=aliases) if any(one.name == "re" and one.asname for one in aliases):
                lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(("source", "lines"), [
    ('re.compile(r"(x)?+")', [1]), ('re.match(rb"(?:x)*+y", data)', [1]), ('re.sub("(a|b){2}+", "", text)', [1]),
    ('A = r"(x)?+"\nB = rf"^{A} "\nre.search(B, text)', [3]), ("re.split(klog.STAMP_PATTERN, text)", [1]),
    ("re.compile(STAMP_PATTERN.encode(), re.M)", [1]), ('A: bytes = "(x)?+".encode()\nre.match(A, data)', [2]),
    ('re.fullmatch(pattern=f"{a}(b)++")', [1]),
    ("from re import match", [1]), ("import re as r", [1]),
    ('expressions.compile(r"(x)?+")', []), ('A = r"(x)?+"\nre.match("[)x]?+y++", A)', []), ("import re", []),
])  # fmt: skip
def test_plain_uses_are_found(source: str, lines: list[int]) -> None:
    """A group in a call's own text, in a constant that the text is made of, and in one of another module."""
    tree = ast.parse(source)
    assert plain_uses(tree, possessive_names([tree])) == lines


def test_possessive_groups_are_compiled_by_expressions() -> None:
    """No module of the package gives `re` itself a possessive group."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}
    others = possessive_names(trees.values())
    assert {"BARE_STAMP", "STAMP_PATTERN"} <= others
    wrong = {f"{path.relative_to(PACKAGE)}:{line}" for path, tree in trees.items() for line in plain_uses(tree, others)}
    assert wrong == set()
