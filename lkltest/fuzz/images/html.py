"""The report of a session with disk images, a single HTML file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lkltest.fuzz import page
from lkltest.fuzz.functions import source_files
from lkltest.fuzz.images.session import Session
from lkltest.fuzz.images.store import STORED
from lkltest.fuzz.lang.naming import Namer

CURVES = ("images", "edges", "corpus", "findings")  # each a colour of the style sheet


def write(session: Session, directory: Path) -> Path:
    """Write report.html into a directory; its path."""
    whole, seconds = session.total(), max(session.seconds, 0.001)
    kernels = dict.fromkeys(
        f"{liblkl.name} ({liblkl.version}) from {liblkl.origin}"
        for liblkl in (target.config.liblkl for target in session.targets)
    )
    facts = (
        ("kernel" if len(kernels) == 1 else "kernels", ", ".join(kernels)), ("seed", session.seed),
        ("time", f"{seconds:.1f} s"), ("workers", session.workers),
        ("images", f"{whole.images:,} ({whole.images / seconds:,.0f} a second)"),
        ("mounted", f"{100 * whole.mounted / max(whole.images, 1):.0f}%"),
        *((
            ("edges", f"{whole.reached:,}"), ("functions", f"{len(session.first_reached):,}"),
            ("corpus", f"{whole.corpus:,} inputs"),
        ) if session.seen else ()),
        ("kernels", f"{whole.boots} booted, {whole.lost} lost, {whole.busy} replaced because an image was held"),
    )
    namers = {target.recipe: Namer(target.description) for target in session.targets}
    return page.write(directory, facts, (
        page.findings(session.findings.values(), directory),
        ("Over time", page.curves(session.samples, CURVES)),
        ("By recipe", page.table(
            ("recipe", "images", "mounted", "kernels lost",
             *(("new edges", "functions first reached", "inputs kept") if session.seen else ())),
            rows(session),
        )),
        page.functions(session.first_reached, files(session), lambda recipe: namers[recipe]),
    ))  # fmt: skip


def rows(session: Session) -> Iterator[tuple[object, ...]]:
    """The row of each recipe, and that of the inputs that were in the corpus before."""
    functions = session.first_reached.by_source
    for recipe, one in session.progress.items():
        mounted = f"{100 * one.mounted / max(one.images, 1):.0f}%"
        gains = (one.edges, functions[recipe], one.corpus) if session.seen else ()
        yield (recipe, one.images, mounted, one.lost, *gains)
    stored = session.total().edges_of_stored
    if stored:
        yield (STORED, "", "", "", stored, "", "")


def files(session: Session) -> dict[str, str]:
    """The source files of the functions that were reached first."""
    found: dict[str, str] = {}
    for target in session.targets:
        names = {name for name, recipe in session.first_reached.sources.items() if recipe == target.recipe}
        liblkl = target.config.liblkl
        if names and liblkl.shared is not None:
            found |= source_files(liblkl.shared, session.finders[target.recipe].table, names, liblkl.root)
    return found
