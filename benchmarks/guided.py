"""Edges that guided and blind sessions reach over time, on the same instrumented kernel.

Usage: python benchmarks/guided.py [--lkl PATH] [--variant NAME] [--time SECONDS] [--seeds N] [--workers N]
    [--no-images] [--svg FILE]

To reach after ten minutes: guided above blind with each of three seeds, by 1.3 or more, with at least 0.4 of its calls
a second. Both sessions count edges in the same way; the blind one only looks at them. They run one after the other, so
that neither takes the other's processors.

A guided session mutates disk images beside its programs, as `lkltest fuzz` does; a blind one makes system calls alone.
So a second figure leaves out the edges that an image reached before any program did: it is what the guidance of system
calls brings. With --no-images, there is nothing else.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from lkltest.fuzz import target
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.images.target import DEFAULT
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.settings import Settings

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 320, 70, 364  # pixels of the plot: its size, its left and lower edge
COLORS = {"guided": "#2563eb", "blind": "#dc2626"}


@dataclass(frozen=True)
class Session:
    """One session's figures."""

    kind: str  # "guided", "blind"
    seed: int
    curve: list[tuple[float, int]]  # seconds, distinct edges
    calls: float  # a second
    corpus: int
    lost: int  # kernels
    disks: int  # of the edges, those that a disk image reached first

    @property
    def edges(self) -> int:
        """The edges at the end."""
        return self.curve[-1][1]


def run(
    kind: str, seed: int, config: KernelConfig, description: Description, settings: Settings, seconds: float,
    workers: int, images: Sequence[str],
) -> Session:
    """Fuzz for some seconds; `images` are recipes of disk images, which only a guided session mutates."""
    curve = [(0.0, 0)]
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(
            config, description, settings, Path(folder, "found"), seed=seed, workers=workers, guided=kind == "guided",
            corpus=Path(folder, "corpus"), images=images, reproduce_seconds=0,  # findings do not matter here
        )

        def tick() -> None:
            if fuzzer.seconds - curve[-1][0] >= seconds / 200 and not fuzzer.ended:
                curve.append((fuzzer.seconds, fuzzer.edges))

        try:
            fuzzer.run(seconds, tick)
            curve.append((fuzzer.seconds, fuzzer.edges))
            corpus = len(list(Path(folder, "corpus").glob("*.prog")))
            progress = fuzzer.progress
            disks = sum(fuzzer.images.edges.values()) if fuzzer.images is not None else 0
            return Session(kind, seed, curve, progress.calls / fuzzer.seconds, corpus, progress.lost, disks)
        finally:
            fuzzer.close()


def plot(sessions: list[Session], title: str) -> str:
    """The curves of all sessions as an SVG document, with a background of its own, for light and dark pages."""
    end = max(session.curve[-1][0] for session in sessions)
    most = max(session.edges for session in sessions)
    unit, divisor = ("minutes", 60.0) if end >= 120 else ("seconds", 1.0)
    across, up = ticks(end / divisor), ticks(most / 1000)
    right, top = max(end / divisor, across[-1]), up[-1]

    def x(value: float) -> str:
        return f"{LEFT + value / right * WIDTH:.1f}"

    def y(value: float) -> str:
        return f"{BOTTOM - value / top * HEIGHT:.1f}"

    axes = [
        *(f'<path d="M{x(at)},{BOTTOM} V{BOTTOM - HEIGHT}" stroke="#e5e7eb"/>'
          f'<text x="{x(at)}" y="{BOTTOM + 18}" text-anchor="middle">{at:g}</text>' for at in across),
        *(f'<path d="M{LEFT},{y(at)} H{LEFT + WIDTH}" stroke="#e5e7eb"/>'
          f'<text x="{LEFT - 8}" y="{float(y(at)) + 4:.1f}" text-anchor="end">{at:g}</text>' for at in up),
        f'<path d="M{LEFT},{BOTTOM - HEIGHT} V{BOTTOM} H{LEFT + WIDTH}" fill="none" stroke="#6b7280"/>',
        f'<text x="{LEFT + WIDTH / 2}" y="{BOTTOM + 38}" text-anchor="middle">time ({unit})</text>',
        f'<text transform="translate(18,{BOTTOM - HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        "distinct edges (thousands)</text>",
    ]
    curves = [
        f'<polyline fill="none" stroke="{COLORS[session.kind]}" stroke-width="2" stroke-linejoin="round" points="'
        + " ".join(f"{x(seconds / divisor)},{y(edges / 1000)}" for seconds, edges in session.curve)
        + f'"><title>{session.kind}, seed {session.seed}: {session.edges:,} edges</title></polyline>'
        for session in sessions
    ]
    legend = []
    for n, (kind, color) in enumerate(COLORS.items()):
        at, seeds = BOTTOM - 20 * (len(COLORS) - n), sum(session.kind == kind for session in sessions)
        legend.append(f'<path d="M{LEFT + WIDTH - 150},{at} h24" stroke="{color}" stroke-width="2"/>'
                      f'<text x="{LEFT + WIDTH - 118}" y="{at + 4}">{kind}, {seeds} seed{"s" * (seeds != 1)}</text>')
    width, height = LEFT + WIDTH + 24, BOTTOM + 52
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="#1f2937" role="img" aria-label="{escape(title)}">',
        f'<rect width="{width}" height="{height}" rx="6" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="26" font-weight="bold">{escape(title)}</text>',
        *axes, *curves, *legend, "</svg>", "",
    ])  # fmt: skip


def ticks(most: float) -> list[float]:
    """Round numbers from 0 up to `most` or just above, four to eight of them."""
    step = 10.0 ** math.floor(math.log10(max(most, 1e-9) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if most / (step * factor) <= 6)
    return [n * step for n in range(math.ceil(most / step - 0.02) + 1)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lkl", default=None, help="an instrumented kernel (default: the variant)")
    parser.add_argument("--variant", default="guided")
    parser.add_argument("--time", type=float, default=600.0, help="seconds of each session")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--no-images", action="store_true", help="system calls alone, in guided sessions, too")
    parser.add_argument("--svg", type=Path, default=None, help="write a plot")
    arguments = parser.parse_args()
    settings = target.load({"lkl": [arguments.lkl] if arguments.lkl else None, "variant": arguments.variant})
    liblkl = target.kernel(settings)
    description = describe(liblkl, settings)
    config = KernelConfig.make(liblkl, settings, description.shapes)
    load = os.getloadavg()[0]
    print(f"{liblkl.name}, {arguments.workers} workers, {arguments.time:.0f} s a session, load {load:.1f}")
    print("seed  kind     edges after 1/10, 1/2, all of the time   calls/s  corpus  kernels lost")
    sessions: list[Session] = []
    images = () if arguments.no_images else DEFAULT
    for seed in range(1, arguments.seeds + 1):
        pair = [run(kind, seed, config, description, settings, arguments.time, arguments.workers, images)
                for kind in COLORS]
        sessions += pair
        for session in pair:
            at = [next(edges for seconds, edges in session.curve if seconds >= part * session.curve[-1][0])
                  for part in (0.1, 0.5, 1.0)]
            print(f"{seed:4}  {session.kind:7}  {at[0]:12,} {at[1]:10,} {at[2]:10,}  {session.calls:12,.0f}  "
                  f"{session.corpus:6}  {session.lost:6}")
        guided, blind = pair
        calls_alone = (guided.edges - guided.disks) / blind.edges
        print(f"      edges {guided.edges / blind.edges:.2f} of blind's (at least 1.30), "
              f"{calls_alone:.2f} without the {guided.disks:,} that images reached first, "
              f"calls {guided.calls / blind.calls:.2f} (at least 0.40), load {os.getloadavg()[0]:.1f}", flush=True)
    if arguments.svg is not None:
        workers = f"{arguments.workers} worker{'s' * (arguments.workers != 1)}"
        title = f"Guided and blind fuzzing of {liblkl.name}, {workers}, {time.strftime('%Y-%m-%d')}"
        arguments.svg.write_text(plot(sessions, title), encoding="utf-8")


if __name__ == "__main__":
    main()
