"""The page: a matrix of points by kernels, failures by cause, logs, times, boots; one file, no network, no library."""

from __future__ import annotations

import html
import os
import re
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import lkltest
from lkltest import expressions
from lkltest.errors import UsageError
from lkltest.host.cache import discard
from lkltest.klog import ESCAPE_PATTERN
from lkltest.sessionreport import timeline
from lkltest.sessionreport.model import Cause, Item, Session

LETTERS = {"passed": "ok", "failed": "FAILED", "error": "ERROR", "skipped": "skip", "xfailed": "todo", "xpassed": "ok!"}
SLOWEST = 15  # items whose times are told
NAMED = 12  # items of a cause that are named; the others are counted
LONGEST = 200_000  # characters of one log: the whole is among the artifacts
KEPT = re.compile(r"^(artifacts: +)(/\S+)$", re.MULTILINE)  # the directory of a failure's files, in its message
CONTROL = expressions.compile(rf"{ESCAPE_PATTERN}|[\x00-\x08\x0b-\x1f\x7f]")


def write(session: Session, path: Path) -> None:
    """Write the page; raises UsageError where it cannot be written."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text("\n".join(document(session, path.parent)), encoding="utf-8", errors="replace")
        temporary.replace(path)
    except OSError as error:
        discard(temporary)
        raise UsageError(f"cannot write {path}: {error.strerror}; name another file with --lkl-html") from None


def document(session: Session, folder: Path = Path()) -> Iterator[str]:
    """The lines of the page, which will be in `folder`."""
    verdict = "failed" if any(item.bad for item in session.items) else "passed" if session.items else "empty"
    yield "<!doctype html>"
    yield f'<html lang="en"><head><meta charset="utf-8"><title>{verdict}: {text(session.title)}</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{asset('page.css')}</style></head><body>"
    yield from head(session, verdict)
    yield from causes(session, folder)
    yield from findings(session, folder)
    yield from matrix(session)
    yield from boots(session)
    yield from slowest(session)
    yield from coverage(session)
    yield f"<footer>lkltest {lkltest.__version__}</footer><script>{asset('page.js')}</script></body></html>"


def head(session: Session, verdict: str) -> Iterator[str]:
    """The verdict, the counts, when and where; the kernels."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(session.started))
    counts = ", ".join(f'<b class="{outcome}">{number} {outcome}</b>' for outcome, number in session.counts.items())
    yield f'<header><h1><span class="verdict {verdict}">{verdict}</span> {counts or "no tests"}</h1>'
    yield f"<p><code>{text(session.title)}</code></p><p>{session.seconds:.1f} s, {when}</p>"
    if session.kernels:
        yield "<dl>"
        for name, description in session.kernels.items():
            yield f"<dt>{text(name)}</dt><dd>{text(description)}</dd>"
        yield "</dl>"
    yield from (f"<p class=note>{text(note)}</p>" for note in session.notes)
    yield "</header>"


def causes(session: Session, folder: Path) -> Iterator[str]:
    """Each cause of failures once, however many items have it."""
    found = session.causes
    if not found:
        return
    yield f"<section><h2>Failures by cause <small>{len(found)}</small></h2>"
    for cause in found:
        yield from one_cause(cause, folder)
    yield "</section>"


def one_cause(cause: Cause, folder: Path) -> Iterator[str]:
    """A cause: its sentence, its items, its text."""
    number = len(cause.items)
    first = cause.items[0]
    what = f"{number} items" if number > 1 else name(first)
    yield f"<details class=cause open><summary><b>{text(cause.title)}</b> <small>{text(what)}</small></summary>"
    if number > 1:
        more = f" and {number - NAMED} more" if number > NAMED else ""
        yield f"<p>{', '.join(f'<code>{text(name(item))}</code>' for item in cause.items[:NAMED])}{more}</p>"
    told = KEPT.sub(lambda found: f"{found[1]}{link(Path(found[2]), found[2], folder)}", text(cause.text))
    yield f"<pre>{told}</pre></details>"


def findings(session: Session, folder: Path) -> Iterator[str]:
    """The failures that properties' tests have found, with links to their files."""
    if not session.findings:
        return
    yield f"<section><h2>Findings <small>{len(session.findings)}</small></h2>"
    for found in session.findings:
        place = Path(found.place)
        links = ", ".join(link(place / file, file, folder) for file in found.files)
        yield f"<div class=cause><b>{text(found.title)}</b> <small>found by {text(found.item)}</small>"
        yield f"<br><code>{text(found.name)}</code>: {links}</div>"
    yield "</section>"


def link(path: Path, shown: str, folder: Path) -> str:
    """A link from a page in `folder` to a file that was kept: both may be moved together."""
    target = quote(os.path.relpath(path.absolute(), folder.absolute()))
    return f'<a href="{target}">{text(shown)}</a>'


def name(item: Item) -> str:
    """An item's name: its point, and its kernel."""
    return f"{item.point} on {item.kernel}" if item.kernel else item.point


def matrix(session: Session) -> Iterator[str]:
    """The points by kernels; each row opens to the logs."""
    columns = session.columns
    yield f"<section><h2>Points <small>{len(session.points)}</small></h2>"
    yield '<p class=filter><input type=search id=filter placeholder="part of a name" aria-label="part of a name">'
    yield "<label><input type=checkbox id=bad> only what did not pass</label></p>"
    yield "<div class=wide><table id=points><thead><tr><th>point</th>"
    yield "".join(f"<th>{text(kernel or 'no kernel')}</th>" for kernel in columns) + "</tr></thead>"
    file = None
    for point, row in session.points.items():
        item = next(iter(row.values()))
        if item.file != file:
            yield f"{'</tbody>' if file else ''}<tbody><tr class=file>"
            yield f"<th colspan={len(columns) + 1}>{text(item.file)}</th></tr>"
            file = item.file
        worst = "" if all(one.outcome == "passed" for one in row.values()) else " class=other"
        cells = "".join(cell(row.get(kernel)) for kernel in columns)
        yield f"<tr{worst}><td>{log(point, row)}</td>{cells}</tr>"
    yield f"{'</tbody>' if file else ''}</table></div></section>"


def cell(item: Item | None) -> str:
    """One field of the matrix."""
    if item is None:
        return "<td class=none>-</td>"
    hint = f' title="{text(item.text.strip()[:300])}"' if item.text else ""
    return f'<td class="{item.outcome}"{hint}>{LETTERS.get(item.outcome, item.outcome)}</td>'


def log(point: str, row: dict[str, Item]) -> str:
    """A point's name, which opens to its logs and messages where it has any."""
    short = text(point.partition("::")[2] or point)
    shown = [
        f"<h4>{text(kernel)}</h4><pre>{text(told[:LONGEST])}</pre>"
        for kernel, item in row.items()
        if (told := "\n\n".join(part for part in (item.text.strip(), item.log.strip()) if part))
    ]
    return f"<details><summary>{short}</summary>{''.join(shown)}</details>" if shown else f"<span>{short}</span>"


def boots(session: Session) -> Iterator[str]:
    """A boot of each kernel, over time, from the kernel's own stamps."""
    found: dict[str, list[timeline.Message]] = {}
    for item in session.items:
        if item.kernel not in found and (messages := timeline.boot(item.log)):
            found[item.kernel] = messages
    if not found:
        return
    yield "<section><h2>Boot, by the kernel's own stamps</h2>"
    for kernel, messages in found.items():
        yield f"<h3>{text(kernel)} <small>{len(messages)} messages in {messages[-1].seconds:.2f} s</small></h3>"
        yield timeline.picture(messages)
        yield "<ol class=gaps>"
        for seconds, before, _ in timeline.gaps(messages):
            yield f"<li>{seconds:.3f} s after <code>{text(before.text)}</code></li>"
        yield "</ol>"
    yield "</section>"


def slowest(session: Session) -> Iterator[str]:
    """The items that took longest, with bars."""
    items = session.slowest(SLOWEST)
    if not items or items[0].seconds <= 0:
        return
    yield "<section><h2>Slowest</h2><div class=wide><table class=slow><tbody>"
    for item in items:
        share = 100 * item.seconds / items[0].seconds
        yield (f"<tr><td>{text(name(item))}</td><td>{item.seconds:.2f} s</td>"
               f'<td><meter min=0 max=100 value="{share:.0f}">{share:.0f}%</meter></td></tr>')
    yield "</tbody></table></div></section>"


def coverage(session: Session) -> Iterator[str]:
    """The lines of the kernel that were reached, by directory."""
    if not session.coverage:
        return
    yield "<section><h2>Coverage of the kernel</h2><div class=wide><table class=slow><thead>"
    yield "<tr><th>directory</th><th>lines</th><th>hit</th><th>share</th></tr></thead><tbody>"
    for directory, lines, hit in session.coverage:
        share = 100 * hit / lines if lines else 0.0
        yield f"<tr><td>{text(directory)}</td><td>{lines}</td><td>{hit}</td><td>{share:.1f}%</td></tr>"
    yield "</tbody></table></div></section>"


def text(value: str) -> str:
    """A text for HTML: escaped, without control characters and colours."""
    return html.escape(CONTROL.sub("", value))


def asset(name: str) -> str:
    """A style sheet or a script that the page carries."""
    return (resources.files("lkltest.sessionreport") / name).read_text(encoding="utf-8")
