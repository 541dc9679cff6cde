"""The page, as text and in a browser."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.sessionreport import page
from lkltest.sessionreport.model import Finding, Item, Session

BOOT = "".join(f"[    {number / 100:.6f}] message {number}\n" for number in range(12))
ITEMS = (
    Item("a.py::p::start_kernel", "lkl", "passed", 0.5, log=BOOT),
    Item("a.py::p::opens", "lkl", "failed", 0.1, "/x/a.c:7: fd >= 0\n  <b>actual</b>: \x1b[31m-1\x1b[0m\x00", "told"),
    Item("a.py::p::opens", "uml", "passed", 0.1),
    Item("b.py::q::other", "uml", "skipped", 0.0, "no CONFIG_NET"),
    Item("c.py::test_plain", "", "passed", 0.0),
)
SESSION = Session(
    "pytest --lkl=<tree>", 0.0, 2.0, {"lkl": "Linux 4.9.0", "uml": "Linux 6.1.0"}, ITEMS,
    coverage=(("fs/ext4", 200, 50),), notes=("/tmp/kept",),
)


def test_the_page_stands_alone() -> None:
    """The page refers to nothing outside of itself, and no text of a test is taken for HTML."""
    told = "\n".join(page.document(SESSION))
    assert not re.search(r"(?:src|href)=|@import|url\(|https?:", told)
    assert "<b>actual</b>" not in told
    assert "&lt;tree&gt;" in told
    assert "\x1b" not in told
    assert "\x00" not in told


def test_the_page_tells_what_happened() -> None:
    """The verdict, the cause, the cells of the matrix, the boot, the coverage, the artifacts."""
    told = "\n".join(page.document(SESSION))
    assert '<span class="verdict failed">failed</span>' in told
    for part in ("<b>/x/a.c:7: fd &gt;= 0</b>", '<td class="failed" title=', "12 messages in 0.11 s", "/tmp/kept",
                 '<td class="skipped" title="no CONFIG_NET">skip',
                 "<td>fs/ext4</td><td>200</td><td>50</td><td>25.0%</td>"):  # fmt: skip
        assert part in told
    assert told.count("<tr class=file>") == 3


def test_the_page_links_to_the_files_of_failures() -> None:
    """A finding's files, and the directory that a failure names, are links relative to the page."""
    found = Finding("BUG in <f>", "bug-f", "/r/kept/bug f", ("program.txt", "stack.txt"), "fuzz.py::test_calls")
    item = Item("a.py::p", "", "failed", 0.0, "a.c:1: lost\nartifacts: /r/kept/p")
    told = "\n".join(page.document(replace(SESSION, items=(item,), findings=(found,)), Path("/r/out")))
    assert "<b>BUG in &lt;f&gt;</b> <small>found by fuzz.py::test_calls</small>" in told
    assert '<code>bug-f</code>: <a href="../kept/bug%20f/program.txt">program.txt</a>, ' in told
    assert '<a href="../kept/bug%20f/stack.txt">stack.txt</a></div>' in told
    assert 'artifacts: <a href="../kept/p">/r/kept/p</a>' in told


def test_an_empty_session_is_not_passed() -> None:
    """A page without items says so."""
    assert ">passed<" not in "\n".join(page.document(Session("pytest", 0.0, 0.0, {}, ())))


def test_where_no_page_can_be_written(tmp_path: Path) -> None:
    """The error names the file; no half of a page stays."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write .*file/page\.html: File exists"):
        page.write(SESSION, tmp_path / "file" / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


PROBE = """<script>
const names = () => [...document.querySelectorAll("#points tbody tr:not(.file)")].filter(row => row.offsetParent)
  .map(row => row.querySelector("summary, span").textContent);
const seen = [names()];
search.value = "OPENS"; search.dispatchEvent(new Event("input")); seen.push(names());
search.value = ""; bad.checked = true; bad.dispatchEvent(new Event("change")); seen.push(names());
const wide = document.documentElement.scrollWidth > innerWidth;
const colour = getComputedStyle(document.body).backgroundColor;
document.body.innerHTML = `<i id=told>${JSON.stringify({seen, wide, colour})}</i>`;
</script>"""


@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_in_a_browser(tmp_path: Path, width: int) -> None:
    """The filter shows the rows that it should, and nothing sticks out of a narrow screen."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium: apt-get install chromium")
    (tmp_path / "page.html").write_text("\n".join(page.document(SESSION)) + PROBE)
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom",
               f"--window-size={width},900", f"--user-data-dir={tmp_path / 'profile'}"]  # fmt: skip
    told = process.run([browser, *options, (tmp_path / "page.html").as_uri()], timeout=600).output.decode()
    every = '["p::start_kernel","p::opens","q::other","test_plain"]'
    assert f'{{"seen":[{every},["p::opens"],["p::opens","q::other"]],"wide":false' in told
