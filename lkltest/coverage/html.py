"""An HTML report: directories, files, and the sources with the lines that were reached."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

from lkltest.coverage.summary import File, Share, Summary
from lkltest.errors import UsageError
from lkltest.host import cache

STYLE = """
:root { color-scheme: light dark; --fg: #1d2329; --bg: #fff; --soft: #5c6670; --box: #f4f6f8; --link: #2563eb;
  --hit: #d5f2d5; --missed: #f6d4d4 }
@media (prefers-color-scheme: dark) { :root { --fg: #dde3ea; --bg: #14181d; --soft: #99a4b0; --box: #1d232a;
  --link: #79a8ff; --hit: #16301e; --missed: #41191c } }
body { font: 14px/1.4 sans-serif; margin: 1rem; color: var(--fg); background: var(--bg) } a { color: var(--link) }
h1 { font-size: 1.4rem; overflow-wrap: anywhere } table { border-collapse: collapse }
td, th { padding: .1em .8em; text-align: right } td:first-child, th:first-child { text-align: left }
td:first-child { overflow-wrap: anywhere } tr:nth-child(even) { background: var(--box) }
pre { font: 12px/1.4 monospace; overflow-x: auto } pre b { color: var(--soft); font-weight: normal }
.hit { background: var(--hit) } .missed { background: var(--missed) }
"""
VIEW = '<meta name="viewport" content="width=device-width, initial-scale=1">'
CONTEXTS = 20  # of a line that are named


def write(summary: Summary, folder: Path) -> Path:
    """Write the report; return its first page. Raises UsageError where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, file in summary.files.items():
            title = summary.relative(path)
            page = _document(title, _source(summary, path, file))
            (folder / _page(path)).write_text(page, encoding="utf-8", errors="replace")
        index = folder / "index.html"
        index.write_text(_document("coverage of the kernel", _tables(summary)), encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}; name another directory with -o") from None
    return index


def _page(path: str) -> str:
    """The name of a source file's page."""
    return f"{Path(path).name}-{cache.key(path)}.html"


def _document(title: str, body: Iterator[str]) -> str:
    name = html.escape(title)
    head = f'<!doctype html><meta charset="utf-8">{VIEW}<title>{name}</title><style>{STYLE}</style><h1>{name}</h1>'
    return "\n".join([head, *body, ""])


def _row(name: str, share: Share, target: str = "") -> str:
    text = f'<a href="{target}">{html.escape(name)}</a>' if target else html.escape(name)
    return f"<tr><td>{text}<td>{share.lines}<td>{share.hit}<td>{share.percent:.1f}%"


def _tables(summary: Summary) -> Iterator[str]:
    """The share of each directory, and of each file."""
    yield "<table><tr><th>directory<th>lines<th>hit<th>share"
    for name, share in summary.directories(depth=9).items():
        yield _row(name, share)
    yield _row("TOTAL", summary.total())
    yield "</table><h2>files</h2><table><tr><th>file<th>lines<th>hit<th>share"
    for path in sorted(summary.files):
        yield _row(summary.relative(path), summary.files[path].share(), _page(path))
    yield "</table>"


def _source(summary: Summary, path: str, file: File) -> Iterator[str]:
    """The lines of a file; each shows the points that reach it when the pointer rests on it."""
    share = file.share()
    yield f'<p>{share.hit} of {share.lines} lines ({share.percent:.1f}%). <a href="index.html">All files</a>'
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        yield f"<p>The source {html.escape(path)} is not there any more ({error.strerror}): only its numbers are known."
        lines = [""] * max(file.lines)
    yield "<pre>"
    for number, text in enumerate(lines, 1):
        contexts = file.lines.get(number)
        mark = "" if contexts is None else ' class="hit"' if contexts else ' class="missed"'
        names = "\n".join(sorted(summary.contexts[one] for one in contexts or ())[:CONTEXTS])
        more = f"\n... {len(contexts)} in all" if contexts and len(contexts) > CONTEXTS else ""
        title = f' title="{html.escape(names + more)}"' if names else ""
        count = len(contexts) if contexts else ""
        yield f'<span id="L{number}"{mark}{title}><b>{number:>6} {count:>4}</b> {html.escape(text)}</span>'
    yield "</pre>"
