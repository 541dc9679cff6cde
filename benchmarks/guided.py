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
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lkltest.fuzz import target
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.images.target import DEFAULT
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.settings import Settings

WIDTH, HEIGHT, LEFT = 640, 320, 70  # pixels of the plot
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
    """The curves of all sessions as an SVG document."""
    end = max(session.curve[-1][0] for session in sessions)
    most = max(session.edges for session in sessions)
    lines = []
    for session in sessions:
        points = " ".join(
            f"{LEFT + seconds / end * WIDTH:.1f},{HEIGHT + 20 - edges / most * HEIGHT:.1f}"
            for seconds, edges in session.curve
        )
        name = f"{session.kind}, seed {session.seed}: {session.edges:,} edges"
        lines.append(f'<polyline fill="none" stroke="{COLORS[session.kind]}" stroke-width="1.5" points="{points}">'
                     f"<title>{name}</title></polyline>")
    bottom = HEIGHT + 20
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 20}" height="{HEIGHT + 60}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="100%" height="100%" fill="white"/><text x="{LEFT}" y="14">{title}</text>',
        f'<path d="M{LEFT},20 V{bottom} H{LEFT + WIDTH}" fill="none" stroke="#999"/>',
        *lines,
        f'<text x="{LEFT - 6}" y="30" text-anchor="end">{most:,}</text>',
        f'<text x="{LEFT - 6}" y="{bottom}" text-anchor="end">edges</text>',
        f'<text x="{LEFT + WIDTH}" y="{bottom + 16}" text-anchor="end">{end:.0f} s</text>',
        *(f'<text x="{LEFT + 10 + 80 * n}" y="{bottom + 32}" fill="{color}">{kind}</text>'
          for n, (kind, color) in enumerate(COLORS.items())),
        "</svg>", "",
    ])  # fmt: skip


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
        title = f"{liblkl.name}: distinct edges over time, {arguments.workers} workers, {time.strftime('%Y-%m-%d')}"
        arguments.svg.write_text(plot(sessions, title), encoding="utf-8")


if __name__ == "__main__":
    main()
