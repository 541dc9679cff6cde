"""The pages of the documentation, as far as a program can read them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lkltest.host import process

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
HOOKS = ROOT / ".pre-commit-config.yaml"
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


@pytest.mark.parametrize("room", ["lkltest", "suites", "tests", "benchmarks", "scripts"])
def test_docstrings_begin_with_the_thing_itself(room: str) -> None:
    """No docstring begins with a question's word, which makes its reader look for the thing that it is about."""
    riddle = re.compile(r'"""(?:What|Who|Whoever|How|Where|Which|Those|So many|So much|By what)\b.*')
    sources = {path: path.read_text() for path in sorted((ROOT / room).rglob("*.py"))}
    assert sources
    assert [f"{path}: {found}" for path, text in sources.items() for found in riddle.findall(text)] == []


def ci_configurations() -> Iterator[tuple[str, str, str]]:
    """The configurations of CI services that we have, write and show: name, kind of schema, text."""
    for path in [*(ROOT / ".github" / "workflows").glob("*"), *(ROOT / "lkltest" / "templates").glob("*.yml")]:
        yield path.name, "github-workflows", path.read_text()
    for page in PAGES:
        for kind, text in re.findall(r'^```yaml title="\.(gitlab-ci)[^"]*"\n(.*?)^```', page.read_text(), re.M | re.S):
            yield page.name, kind, text


def test_configurations_of_ci_services_are_valid(tmp_path: Path) -> None:
    """GitHub and GitLab take each configuration that is here, written by a command, or shown on a page."""
    kinds = set()
    for name, kind, text in ci_configurations():
        file = tmp_path / "ci.yml"
        file.write_text(text)
        check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{kind}", str(file)]
        done = process.run(check, merge=True, timeout=600)
        assert done.ok, f"{name}: {done.output.decode()}"
        kinds.add(kind)
    assert kinds == {"github-workflows", "gitlab-ci"}


def test_hooks_of_commits_call_what_is_here() -> None:
    """The programs of the pre-commit hooks are in this environment, the tests that they run in the tree."""
    hooks = [hook for repository in yaml.safe_load(HOOKS.read_text())["repos"] for hook in repository["hooks"]]
    assert {hook["id"] for hook in hooks} == {"ruff", "mypy", "reference"}
    for program, *words in (hook["entry"].split() for hook in hooks):
        assert (Path(sys.executable).parent / Path(program).name).exists()
        assert all((ROOT / word).exists() for word in words if word.startswith("tests/"))
