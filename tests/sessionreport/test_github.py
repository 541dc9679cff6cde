"""Results in GitHub's own places."""

from __future__ import annotations

from pathlib import Path

from lkltest.sessionreport import github
from lkltest.sessionreport.model import Item, Session


def session(*items: Item) -> Session:
    """A session on one kernel."""
    return Session("pytest", 0.0, 1.0, {"lkl": "Linux 4.9.0"}, items)


def test_an_annotation_stands_at_the_check(tmp_path: Path) -> None:
    """The path is the repository's, and a message of several lines is one command."""
    item = Item("t.py::p::a", "lkl", "failed", 0.0, f"{tmp_path}/suites/a.c:7: x == 1, 100%\n  actual: 2")
    assert list(github.commands(session(item), tmp_path)) == [
        "::error file=suites/a.c,line=7,title=t.py%3A%3Ap%3A%3Aa on lkl::"
        f"{tmp_path}/suites/a.c:7: x == 1, 100%25%0A  actual: 2"
    ]


def test_a_failure_without_a_place_has_an_annotation(tmp_path: Path) -> None:
    """One command a cause, which says how many items it has."""
    lost = [Item(f"p{number}", "lkl", "failed", 0.0, "panic", cause="the kernel panicked") for number in range(3)]
    assert list(github.commands(session(*lost), tmp_path)) == ["::error title=p0 on lkl (and 2 more items)::panic"]


def test_the_summary_tells_the_verdict() -> None:
    """The summary says passed only where nothing failed, and a message cannot end its own block."""
    assert next(github.summary(session(Item("a", "", "passed", 0.0)))) == "### lkltest: passed"
    told = "\n".join(github.summary(session(Item("a", "", "failed", 0.0, "one <b>\n````\ntwo"))))
    assert told.startswith("### lkltest: failed\n1 failed in 1.0 s")
    assert "one &lt;b>" in told
    assert told.count("````") == 2
