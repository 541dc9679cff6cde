"""The option --lkl-html, and GitHub."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.liblkl import Liblkl
from tests.plugin.conftest import Pytest


@pytest.fixture
def project(pytester: pytest.Pytester, liblkl: Liblkl) -> list[str]:
    """A suite with a point that fails, and a plain test; the options of its sessions."""
    text = (Path(__file__).parents[2] / "lkltest" / "templates" / "first.c").read_text()
    pytester.makefile(".c", first=text.replace("-LKL_EBADF", "0"))
    pytester.makepyfile(test_it="from lkltest import Program\nfirst = Program('first.c')\n\n\ndef test_plain(): pass\n")
    return [f"--lkl={liblkl.path}", "-p", "no:cacheprovider"]


@pytest.mark.parametrize("shared", [[], ["-n2"]], ids=["one", "n2"])
def test_the_page_of_a_session(
    pytester: pytest.Pytester, project: list[str], monkeypatch: pytest.MonkeyPatch, shared: list[str]
) -> None:
    """The page has each point, the failure with its line, and the boot; on GitHub the failure is annotated, too."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    result = pytester.runpytest_subprocess(*project, *shared, "--lkl-html=out/page.html")
    assert result.ret == 1
    told = (pytester.path / "out" / "page.html").read_text()
    for part in ("first::pipe_keeps_order", "first.c:23: lkl_sys_close(1000) == 0", "test_plain", "messages in"):
        assert part in told
    result.stdout.fnmatch_lines(["*::error file=first.c,line=23,title=test_it.py*closed_descriptor on *::*first.c:23*"])
    assert (pytester.path / "summary.md").read_text().startswith("### lkltest: failed\n1 failed, ")


def test_a_session_without_a_kernel_has_a_page(pytester: pytest.Pytester, inline: Pytest) -> None:
    """Plain tests have a page, too; a page that cannot be written fails the session."""
    pytester.makepyfile("def test_plain(): pass\n")
    assert inline("--lkl-html=page.html").ret == 0
    assert "test_plain" in (pytester.path / "page.html").read_text()
    (pytester.path / "file").touch()
    result = inline("--lkl-html=file/page.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["cannot write *file/page.html: File exists*"])


def test_nothing_is_written_without_being_asked(pytester: pytest.Pytester, inline: Pytest) -> None:
    """A session writes no page, and no workflow commands outside of GitHub."""
    pytester.makepyfile("def test_it(): assert 0\n")
    result = inline()
    assert "::error" not in result.stdout.str()
    assert [path.name for path in pytester.path.glob("*.html")] == []
