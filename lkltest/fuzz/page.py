"""The parts that the reports of all sessions have: a single HTML file, with findings, curves and functions."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.findings import Finding, ranked
from lkltest.fuzz.functions import First, FirstReached
from lkltest.fuzz.prog.text import NumberWriter, print_program

POINTS = 300  # of a curve, at most
MIDDLES = 4  # parts of the axis of time
DIRECTORIES = 24  # that are listed with the number of their functions

Facts = Sequence[tuple[str, object]]
Sections = Iterable[tuple[str, str]]


def write(directory: Path, facts: Facts, sections: Sections) -> Path:
    """Write report.html, with the facts and then the sections: headings (HTML) and contents. Its path."""
    style = (resources.files("lkltest.fuzz") / "report.css").read_text(encoding="utf-8")
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>lkltest fuzz</title>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<style>{style}</style><h1>lkltest fuzz</h1>",
        "<table class=facts>", *(f"<tr><th>{name}<td>{html.escape(str(value))}" for name, value in facts), "</table>",
        *(f"<h2>{heading}</h2>\n{content}" for heading, content in sections),
    ]
    path = directory / "report.html"
    path.write_text("\n".join(parts), encoding="utf-8", errors="backslashreplace")
    return path


def findings(found: Iterable[Finding], directory: Path) -> tuple[str, str]:
    """The section of findings, each with its program, its stack, and links to all of its files."""
    best = ranked(list(found))  # more may come while it is written
    parts = []
    for finding in best:
        place = directory / finding.name
        files = sorted(path.name for path in place.iterdir() if path.is_file())
        links = ", ".join(f'<a href="{quote(f"{finding.name}/{name}")}">{html.escape(name)}</a>' for name in files)
        title = f"{finding.title} (on {finding.image})" if finding.image else finding.title
        parts.append(
            f"<div class=finding><p><b>{html.escape(title)}</b><p>{html.escape(finding.told)}"
            f"<p><code>{html.escape(finding.name)}</code>: {links}"
            f"{_part('program', place / 'program.txt')}{_part('stack', place / 'stack.txt')}</div>"
        )
    return f"Findings <small>{len(best)}</small>", "\n".join(parts) or "<p>None."


def _part(name: str, file: Path) -> str:
    """A file that opens in its place; nothing where it is empty."""
    text = file.read_text(encoding="utf-8", errors="replace").strip()
    return _details(name, text) if text else ""


def _details(name: str, text: str) -> str:
    return f"<details><summary>{html.escape(name)}</summary><pre>{html.escape(text)}</pre></details>"


def curves(samples: Sequence[Any], names: Sequence[str], optional: Sequence[str] = ("edges", "corpus")) -> str:
    """Some fields of the samples over their `seconds`, each against its own most; `optional` ones where there are any.

    A field's name is also that of its colour in the style sheet.
    """
    if len(samples) < 2:
        return "<p>Too short for a curve."
    width, height = 640, 180
    samples = [*samples[:: max(1, len(samples) // POINTS)], samples[-1]]
    end = samples[-1].seconds or 1.0
    lines: list[str] = []
    for name in names:
        values = [int(getattr(sample, name)) for sample in samples]
        most = max(values)
        if name in optional and not most:
            continue
        points = " ".join(
            f"{sample.seconds / end * width:.1f},{height - value / (most or 1) * (height - 20):.1f}"
            for sample, value in zip(samples, values, strict=True)
        )
        at = 20 + 18 * len(lines)
        lines.append(f'<polyline style="stroke: var(--{name})" points="{points}"><title>{name}</title></polyline>'
                     f'<text x="{width + 8}" y="{at}" style="fill: var(--{name})">{most:,} {name}</text>')
    return (
        f'<div class=wide><svg width="{width + 180}" height="{height + 24}">{_axis(width, height, end)}'
        f'{"".join(lines)}</svg></div>'
    )


def _axis(width: int, height: int, end: float) -> str:
    """The axis of time, with marks."""
    unit, divisor = ("min", 60.0) if end >= 300 else ("s", 1.0)
    parts = [f'<line x1="0" y1="{height}" x2="{width}" y2="{height}"/>']
    for n in range(MIDDLES + 1):
        x, anchor = n * width // MIDDLES, "start" if n == 0 else "end" if n == MIDDLES else "middle"
        value = end * n / MIDDLES / divisor
        text = f"{value:.0f}" if value >= 10 or not n else f"{value:.1f}"
        parts.append(f'<line x1="{x}" y1="0" x2="{x}" y2="{height}"/>'
                     f'<text x="{x}" y="{height + 14}" text-anchor="{anchor}">{text} {unit}</text>')
    return "".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; numbers are aligned to the right."""
    lines = [f"<tr>{''.join(f'<th>{html.escape(name)}' for name in head)}"]
    for row in rows:
        cells = (f"<td class=n>{v:,}" if isinstance(v, int) else f"<td>{html.escape(str(v))}" for v in row)
        lines.append(f"<tr>{''.join(cells)}")
    return "\n".join(["<div class=wide><table>", *lines, "</table></div>"])


def functions(reached: FirstReached, files: Mapping[str, str], namer: Callable[[str], NumberWriter]) -> tuple[str, str]:
    """The section of the functions that were reached first: how many by directory, and the newest with their programs.

    `files` has the source files of functions, by name; `namer` returns the writer of numbers for the programs of a
    scenario or recipe.
    """
    heading = f"Functions first reached <small>{len(reached.sources):,}</small>"
    if not len(reached):
        return heading, "<p>The kernel is not instrumented: its functions are not known."
    parts = []
    if reached.by_stored:
        parts.append("<p>Programs and images that were in the corpus before reach "
                     f"{len(reached.by_stored):,} functions; those below are reached by none of them.")
    if not reached.sources:
        return heading, "\n".join([*parts, "<p>None."])
    directories = Counter(str(PurePath(files[name].partition(", ")[0]).parent) for name in reached.sources
                          if name in files)
    if directories:
        parts.append("<p>By directory: " + ", ".join(
            f"{html.escape(name)} {count:,}" for name, count in directories.most_common(DIRECTORIES)
        ) + (", and others." if len(directories) > DIRECTORIES else "."))
    parts.append(f"<p>The newest {len(reached.newest):,}, the last one last. Each program is shown up to the call that "
                 "reached the function.")
    rows = (_function(one, files.get(one.name, ""), namer(one.source)) for one in reached.newest)
    return heading, "\n".join([
        *parts, "<div class=wide><table><tr><th>time<th>function<th>source file<th>reached by<th>call", *rows,
        "</table></div>",
    ])


def _function(one: First, file: str, namer: NumberWriter) -> str:
    """The row of a function."""
    call, text = "", ""
    if one.program is not None:
        between = one.call == BETWEEN or one.call >= len(one.program.calls)
        call = "the unmount" if between else one.program.calls[one.call].name
        lines = print_program(one.program, namer).splitlines()
        shown = lines if between else lines[: one.call + 1]
        text = "\n".join([*([f"# image: {one.image}"] if one.image else []), *shown])
    return (
        f"<tr><td class=n>{one.seconds:.0f} s<td><code>{html.escape(one.name)}</code><td>{html.escape(file)}"
        f"<td>{html.escape(one.source)}<td>{_details(call, text) if text else html.escape(call)}"
    )
