"""The pages of the documentation, as far as a program can read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
FILE = re.compile(r"`((?:lkltest|suites|tests|images|scripts|docs|benchmarks)/[\w./-]*)`")
SOURCE = re.compile(r"`(\w+/[\w/]*\w\.(?:py|toml))`")


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and GitLab make them."""
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a page or a heading of ours leads to one that is there."""
    for target, anchor in LINK.findall(page.read_text()):
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found.read_text()), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    """Each file or directory of the tree that a page names is there, from the top or from the package on."""
    tops = (ROOT, ROOT / "lkltest", ROOT / "lkltest" / "fuzz", ROOT / "lkltest" / "harness")
    names = [*FILE.findall(page.read_text()), *SOURCE.findall(page.read_text())]
    assert [name for name in names if not any((top / name).exists() for top in tops)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "index.md"], ids=lambda page: page.name)
def test_the_index_lists_every_page(page: Path) -> None:
    """docs/index.md has a link to each page."""
    links = {target for target, _ in LINK.findall((ROOT / "docs" / "index.md").read_text())}
    assert page in {(ROOT / "docs" / target).resolve() for target in links}


@pytest.mark.parametrize("page", [page for page in PAGES if "reference" not in page.parts], ids=lambda page: page.name)
def test_lines_fit_a_screen(page: Path) -> None:
    """Each line of a page, rows of tables apart, has at most 120 columns."""
    assert [line for line in page.read_text().splitlines() if len(line) > 120 and not line.startswith("|")] == []


@pytest.mark.parametrize("room", ["lkltest", "suites"])
def test_docstrings_begin_with_the_thing_itself(room: str) -> None:
    """No docstring begins with a question's word, which makes its reader look for the thing that it is about."""
    riddle = re.compile(r'"""(?:What|Who|Whoever|How|Where|Which|Those|So many|So much|By what)\b.*')
    sources = {path: path.read_text() for path in sorted((ROOT / room).rglob("*.py"))}
    assert sources
    assert [f"{path}: {found}" for path, text in sources.items() for found in riddle.findall(text)] == []
