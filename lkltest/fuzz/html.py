"""The report of a session, a single HTML file."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

from lkltest.fuzz import page
from lkltest.fuzz.exec.protocol import RESTARTED, STRANGE
from lkltest.fuzz.functions import source_files
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.lang.naming import Namer

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
        *((("edges", f"{fuzzer.edges:,}"), ("functions", f"{len(fuzzer.first_reached):,}")) if fuzzer.edges else ()),
        *((("corpus", f"{fuzzer.corpus_size:,} programs, {p.corpus:,} of them added"),) if fuzzer.corpus else ()),
        ("kernels", f"{p.boots} booted, {p.lost} lost, {p.silent} of them without a finding"),
    )
    namer = Namer(fuzzer.description)
    return page.write(directory, facts, (
        page.findings(fuzzer.findings.values(), directory),
        ("Over time", page.curves(fuzzer.samples, CURVES)),
        ("New edges by scenario and image", gains(fuzzer)),
        page.functions(fuzzer.first_reached, files(fuzzer), lambda _: namer),
        ("Calls by errno", heat_map(fuzzer)),
    ))


def files(fuzzer: Fuzzer) -> dict[str, str]:
    """The source files of the functions that were reached first."""
    liblkl, table = fuzzer.config.liblkl, fuzzer.functions
    if table is None or liblkl.shared is None:
        return {}
    return source_files(liblkl.shared, table, set(fuzzer.first_reached.sources), liblkl.root)


def gains(fuzzer: Fuzzer) -> str:
    """The new edges and functions that the programs of each scenario and the images of each recipe have reached."""
    edges, by_source = Counter(fuzzer.progress.edges), fuzzer.first_reached.by_source
    if fuzzer.images is not None:
        edges.update(fuzzer.images.edges)
    if not edges:
        return "<p>The kernel is not instrumented: edges are not known."
    rows = ((name, count, by_source[name]) for name, count in edges.most_common())
    return page.table(("scenario or image", "new edges", "functions first reached"), rows)


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
