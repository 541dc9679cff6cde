"""The report of a session, a single HTML file."""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from lkltest.fuzz.exec.protocol import RESTARTED, STRANGE
from lkltest.fuzz.findings import ranked
from lkltest.fuzz.fuzzer import Fuzzer, Sample

CELL = 15  # pixels of a field of the heat map
CURVES = ("programs", "edges", "corpus", "findings")  # each a colour of the style sheet
ROWS = 40  # calls under one heading


def write(fuzzer: Fuzzer, directory: Path) -> Path:
    """Write report.html into a directory; its path."""
    p = fuzzer.progress
    seconds = max(fuzzer.seconds, 0.001)
    liblkl = fuzzer.config.liblkl
    facts = (
        ("kernel", f"{liblkl.name} ({liblkl.version}) from {liblkl.origin}"), ("seed", fuzzer.seed),
        ("time", f"{seconds:.1f} s"), ("workers", fuzzer.workers),
        ("programs", f"{p.programs:,} ({p.programs / seconds:,.0f} a second)"),
        ("calls", f"{p.calls:,} ({p.calls / seconds:,.0f} a second)"),
        ("successful", f"{100 * p.succeeded / max(p.calls, 1):.0f}%"),
        *((("edges", f"{fuzzer.edges:,}"),) if fuzzer.edges else ()),
        *((("corpus", f"{p.corpus:,} programs added"),) if fuzzer.corpus is not None else ()),
        ("kernels", f"{p.boots} booted, {p.lost} lost, {p.silent} of them without a finding"),
    )
    style = (resources.files("lkltest.fuzz") / "report.css").read_text(encoding="utf-8")
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>lkltest fuzz</title>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<style>{style}</style><h1>lkltest fuzz</h1>",
        "<table class=facts>", *(f"<tr><th>{name}<td>{html.escape(str(value))}" for name, value in facts), "</table>",
        f"<h2>Findings <small>{len(fuzzer.findings)}</small></h2>", findings(fuzzer, directory),
        "<h2>Over time</h2>", curves(fuzzer.samples),
        "<h2>New edges by scenario</h2>", gains(fuzzer),
        "<h2>Calls by errno</h2>", heat_map(fuzzer),
    ]
    path = directory / "report.html"
    path.write_text("\n".join(parts), encoding="utf-8", errors="backslashreplace")
    return path


def findings(fuzzer: Fuzzer, directory: Path) -> str:
    """The findings, each with its program, its stack, and links to all of its files."""
    if not fuzzer.findings:
        return "<p>None."
    parts = []
    for finding in ranked(list(fuzzer.findings.values())):  # more may come while it is written
        place = directory / finding.name
        files = sorted(path.name for path in place.iterdir() if path.is_file())
        links = ", ".join(f'<a href="{quote(f"{finding.name}/{name}")}">{html.escape(name)}</a>' for name in files)
        parts.append(
            f"<div class=finding><p><b>{html.escape(finding.title)}</b><p>{html.escape(finding.told)}"
            f"<p><code>{html.escape(finding.name)}</code>: {links}"
            f"{_part('program', place / 'program.txt')}{_part('stack', place / 'stack.txt')}</div>"
        )
    return "\n".join(parts)


def _part(name: str, file: Path) -> str:
    """A file that opens in its place; nothing where it is empty."""
    text = file.read_text(encoding="utf-8", errors="replace").strip()
    return f"<details><summary>{name}</summary><pre>{html.escape(text)}</pre></details>" if text else ""


def curves(samples: Sequence[Sample]) -> str:
    """Programs, findings, and where there are any edges and the corpus over time, each against its own most."""
    if len(samples) < 2:
        return "<p>Too short for a curve."
    width, height = 640, 160
    samples = [*samples[:: max(1, len(samples) // 300)], samples[-1]]
    end = samples[-1].seconds or 1.0
    lines: list[str] = []
    for name in CURVES:
        values = [int(getattr(sample, name)) for sample in samples]
        most = max(values)
        if name in ("edges", "corpus") and not most:
            continue
        points = " ".join(
            f"{sample.seconds / end * width:.1f},{height - value / (most or 1) * (height - 20):.1f}"
            for sample, value in zip(samples, values, strict=True)
        )
        at = 20 + 18 * len(lines)
        lines.append(f'<polyline style="stroke: var(--{name})" points="{points}"/>'
                     f'<text x="{width + 8}" y="{at}" style="fill: var(--{name})">{most:,} {name}</text>')
    return (
        f'<div class=wide><svg width="{width + 180}" height="{height + 24}">'
        f'<line x1="0" y1="{height}" x2="{width}" y2="{height}"/>'
        f'{"".join(lines)}<text x="{width - 30}" y="{height + 14}">{end:.0f} s</text></svg></div>'
    )


def gains(fuzzer: Fuzzer) -> str:
    """The new edges that the programs of each scenario have reached."""
    edges = fuzzer.progress.edges
    if not edges:
        return "<p>The kernel is not instrumented: edges are not known."
    rows = [f"<tr><td>{html.escape(name)}<td class=n>{count:,}" for name, count in edges.most_common()]
    return "\n".join(["<table><tr><th>scenario<th>new edges", *rows, "</table>"])


def heat_map(fuzzer: Fuzzer) -> str:
    """Calls down, errnos across; the stronger, the more often. Calls that were never made are named below."""
    names = {signature.number: name for name, signature in fuzzer.description.headers.calls.items()}
    errnos = {**fuzzer.description.headers.errnos, 0: "success", RESTARTED: "interrupted", STRANGE: "other"}
    counts: Counter[tuple[str, int]] = Counter()
    totals: Counter[int] = Counter()
    for (number, bucket), count in fuzzer.counts().items():
        counts[names.get(number, str(number)), bucket] += count
        totals[bucket] += count
    if not counts:
        return "<p>No call was made."
    columns = {bucket: str(errnos.get(bucket, bucket)) for bucket in sorted(totals, key=lambda b: (b != 0, -totals[b]))}
    rows = sorted({name for name, _ in counts})
    most = max(counts.values())
    missing = sorted(set(fuzzer.description.by_call) - set(rows))
    return "\n".join([
        f"<p>Green: successes; blue: failures. The strongest colour is {most:,} calls; point at one for its number.",
        *(_map(rows[at : at + ROWS], columns, counts, most) for at in range(0, len(rows), ROWS)),
        f"<p>Never made: {', '.join(missing) or 'none'}.",
    ])


def _map(rows: list[str], columns: dict[int, str], counts: Counter[tuple[str, int]], most: int) -> str:
    """A part of the heat map, with its own headings, so that they stay in sight."""
    left, top = 160, 110
    width, height = left + CELL * len(columns), top + CELL * len(rows)
    # The last headings lean out to the right.
    parts = [f'<div class=wide><svg width="{width + top}" height="{height + 8}">']
    for x, heading in enumerate(columns.values()):
        at = left + x * CELL
        parts.append(f'<text transform="translate({at + 10},{top - 4}) rotate(-60)">{heading}</text>')
        parts.append(f'<line x1="{at}" y1="{top}" x2="{at}" y2="{height}"/>')
    for y, name in enumerate(rows):
        at = top + y * CELL
        parts.append(f'<line x1="{left}" y1="{at}" x2="{width}" y2="{at}"/>')
        parts.append(f'<text x="{left - 4}" y="{at + 11}" text-anchor="end">{name}</text>')
        for x, (bucket, heading) in enumerate(columns.items()):
            if count := counts[name, bucket]:
                shade = 0.15 + 0.85 * math.log(count + 1) / math.log(most + 1)
                parts.append(
                    f'<rect x="{left + x * CELL + 1}" y="{at + 1}" width="{CELL - 2}" height="{CELL - 2}" '
                    f'class={"good" if bucket == 0 else "bad"} fill-opacity="{shade:.2f}">'
                    f"<title>{name}: {heading} {count:,}</title></rect>"
                )
    return "".join([*parts, "</svg></div>"])
