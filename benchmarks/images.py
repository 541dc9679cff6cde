"""Edges in fs/ that mutated disk images reach: fields mutated and checksums put right, beside random bytes.

Usage: python benchmarks/images.py [--lkl PATH] [--time SECONDS] [--seeds N] [RECIPE...]

To reach: at least 1.5 times the edges of random bytes, for each file system. All ways use programs of one kind, the
same kernel (the coverage variant, if none is given) and one process, one after the other, for the same time; random
bytes are strewn over the image's data, which is mostly metadata. The row has all edges, and those that the programs
did not reach on the unchanged image: what the mutations themselves have brought.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass

from lkltest.crash import addresses
from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
from lkltest.fuzz.exec.kernel import Kernel, WorkerExit
from lkltest.fuzz.images.inputs import Changes, Input, Maker
from lkltest.fuzz.images.shrink import Shrinker
from lkltest.fuzz.images.target import DEFAULT, Target, targets
from lkltest.image import sparse
from lkltest.image.metadata import strew
from lkltest.settings import file as settings_file

BATCH = 8
LIFETIME = 800  # images that one kernel mounts


class RandomBytes(Maker):
    """Makes images with random bytes in their data, and leaves the checksums as they are."""

    def __init__(self, target: Target, seed: str) -> None:
        super().__init__(target, seed)
        with target.base.path.open("rb") as file:
            self.places = list(sparse.extents(file.fileno(), 0, target.base.size))

    def mutated(self, changes: Changes) -> Changes:
        """An image with more random bytes."""
        image = self.target.overlay(changes)
        strew(image, self.rng, self.places)
        return tuple(image.changes())


class Unchanged(Maker):
    """Makes no change at all: the programs alone."""

    def mutated(self, changes: Changes) -> Changes:
        """An image with no more changes."""
        return changes


@dataclass
class Reached:
    """The figures of one way."""

    edges: set[int]  # in fs/
    images: int
    lost: int  # kernels
    seconds: float


def run(target: Target, maker: Maker, seconds: float, *, guided: bool) -> Reached:
    """Mount images for some seconds; with `guided`, those that reach new edges are mutated further."""
    found: dict[int, int] = {}  # the address of each edge
    images = lost = 0
    started = time.monotonic()
    with SeenEdges() as seen:
        while time.monotonic() - started < seconds:
            with Feedback(seen) as feedback, Kernel(target.config, feedback=feedback) as kernel:
                while kernel.programs < LIFETIME and time.monotonic() - started < seconds:
                    inputs = [maker.make() for _ in range(BATCH)]
                    first, interrupted = kernel.programs, kernel.memory.head().interrupted
                    outcome = kernel.run(b"".join(one.encode(target.description) for one in inputs), len(inputs))
                    for program in feedback.outcomes():
                        found.update((edge.edge, edge.address) for c in program.calls for edge in feedback.reached(c))
                        if guided and kernel.memory.head().interrupted == interrupted:
                            maker.keep(inputs[program.program - first])
                    done = outcome.head.program - first + 1 if isinstance(outcome, WorkerExit) else outcome
                    images += done
                    if isinstance(outcome, WorkerExit) or done < len(inputs):
                        lost += 1
                        avoid(maker, inputs[done - 1])
                        break
    return Reached(in_fs(target, found), images, lost, time.monotonic() - started)


def avoid(maker: Maker, failed: Input) -> None:
    """Change the places rarely that an image which lost its kernel has changed, as a session does."""
    with Shrinker(maker.target) as shrinker:
        maker.avoided |= shrinker.places(failed)


def in_fs(target: Target, found: dict[int, int]) -> set[int]:
    """The edges of which the address lies in the kernel's fs/."""
    located = addresses.lookup(str(target.config.liblkl.shared), sorted({at - 1 for at in found.values()}))
    return {edge for edge, at in found.items() if (places := located.get(at - 1)) and "/fs/" in f"/{places[-1].file}"}


def compare(ours: set[int], theirs: set[int]) -> str:
    """The numbers of two sets, and how many times the second the first is."""
    return f"{len(ours):>8,} {len(theirs):>7,} {len(ours) / max(len(theirs), 1):>5.2f}"


def main() -> None:
    """Print a row for each recipe and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=list(DEFAULT))
    parser.add_argument("--lkl", default=None)
    parser.add_argument("--time", type=float, default=120.0, help="seconds of each way")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    settings = settings_file.load({"lkl": [arguments.lkl]} if arguments.lkl else {"variant": "coverage"})
    print(f"load {os.getloadavg()[0]:.1f}, {arguments.time:.0f} s each way")
    print("           all edges                beyond the unchanged image\n"
          "recipe   seed repaired  random times  repaired  random times   images/s repaired, random  kernels lost")
    for name in arguments.recipes:
        with targets([name], settings) as (target,):
            for seed in range(arguments.seeds):
                unchanged = run(target, Unchanged(target, str(seed)), arguments.time, guided=False).edges
                repaired = run(target, Maker(target, str(seed)), arguments.time, guided=True)
                random = run(target, RandomBytes(target, str(seed)), arguments.time, guided=False)
                cells = [compare(repaired.edges, random.edges), compare(repaired.edges - unchanged,
                                                                        random.edges - unchanged)]
                print(f"{name:<8} {seed:>4} {'  '.join(cells)}   {repaired.images / repaired.seconds:>17.0f}, "
                      f"{random.images / random.seconds:<6.0f} {repaired.lost:>12}, {random.lost}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
