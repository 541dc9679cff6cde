"""Edges in fs/ that mutated disk images reach: guided, with checksums put right, beside random bytes.

Usage: python benchmarks/images.py [--lkl PATH] [--time SECONDS] [--seeds N] [RECIPE...]

To reach: at least 1.5 times the edges of random bytes, for each file system. All ways have the same recipe, one worker
on the same kernel (the coverage variant, if none is given) and the same seconds of a processor, boots and the making of
inputs included: what else the machine does makes no difference, as long as the ways take turns.

- Guided: a worker of `lkltest fuzz --images`. Fields of the metadata are mutated, checksums put right; images, mount
  options and programs that reach new edges are mutated further.
- Random: bytes at random places of the image's data, which is mostly metadata; checksums stay as they are. The image is
  mounted as its recipe says, and used by one of some fixed programs, which take turns: together, they make each call
  once that a guided program draws from.
- Blind: the same images, each with a new program, drawn as the guided ones are; nothing is mutated further. Random
  programs alone reach most of what they can on the unchanged image, so that this is the harder way to beat.
- Unchanged: the image of the recipe with new programs and mount options.

A row has the edges in fs/, those in the file system's own directories, and those in fs/ that the unchanged image does
not give: what the mutations of the image have brought.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
from collections.abc import Sequence

from benchmarks.common import processor_time_of
from lkltest.crash import addresses
from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
from lkltest.fuzz.exec.kernel import Kernel, WorkerExit
from lkltest.fuzz.exec.shmem import fitting
from lkltest.fuzz.gen.generator import Candidate, EncodedCall
from lkltest.fuzz.images.inputs import Changes, Made
from lkltest.fuzz.images.maker import Maker, Origin
from lkltest.fuzz.images.shrink import Shrinker
from lkltest.fuzz.images.target import Target, targets
from lkltest.fuzz.loop import begun
from lkltest.fuzz.prog.reach import Reach
from lkltest.host.closing import Closing
from lkltest.image import sparse
from lkltest.image.metadata import strew
from lkltest.settings import file as settings_file

BATCH = 16
LIFETIME = 800  # images that one kernel mounts
CALLS = 8  # of a fixed program, beside those that look around
TURN = 15.0  # seconds of a processor
EXT4 = ("fs/ext4", "fs/jbd2")
OWN = {"ext2": EXT4, "ext3": EXT4, "ext4": EXT4, "btrfs": ("fs/btrfs",), "xfs": ("fs/xfs",), "vfat": ("fs/fat",)}


class Unchanged(Maker):
    """Makes no change at all: new programs alone."""

    def mutated(self, changes: Changes, _others: Changes = ()) -> Changes:
        """The same image."""
        return changes

    def learn(self, made: Sequence[tuple[Made, Origin]], reached: Sequence[Reach]) -> None:
        """Learn nothing."""


class BlindBytes(Unchanged):
    """Makes images with random bytes in their data, each with a new program, and leaves the checksums as they are."""

    def __init__(self, target: Target, seed: str) -> None:
        super().__init__(target, seed)
        with target.base.path.open("rb") as file:
            self.places = list(sparse.extents(file.fileno(), 0, target.base.size))

    def mutated(self, changes: Changes, _others: Changes = ()) -> Changes:
        """An image with random bytes."""
        image = self.target.overlay(changes)
        strew(image, self.rng, self.places)
        return tuple(image.changes())

    def fresh_head(self) -> tuple[EncodedCall, ...]:
        """The recipe's mount."""
        return self.head


class RandomBytes(BlindBytes):
    """Makes such images for fixed programs, which take turns: together, they make each call once."""

    def __init__(self, target: Target, seed: str) -> None:
        super().__init__(target, seed)
        scenario, source = self.scenario, self.programs.source
        calls = [scenario.draw(key, source) for key in dict.fromkeys(scenario.keys)]
        opening = [scenario.draw(step[0], source) for step in scenario.start]
        self.fixed = [Candidate((*opening, *calls[at : at + CALLS]), scenario) for at in range(0, len(calls), CALLS)]

    def make(self) -> tuple[Made, Origin]:
        """An image with random bytes, and the next of the programs."""
        self.fixed.append(self.fixed.pop(0))
        return Made(self.mutated(()), self.head, self.fixed[-1]), Origin("fresh")


def used(kernel: Kernel | None = None) -> float:
    """The seconds that this process, its kernels that are gone, and this one had a processor."""
    seconds = sum(sum(resource.getrusage(whose)[:2]) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    if kernel is not None:
        seconds += processor_time_of(kernel.child.pid)
    return seconds


class Way(Closing):
    """One way to make images, and what it has reached."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.seen = SeenEdges()
        self.found: dict[int, int] = {}  # the address of each edge
        self.images = self.lost = 0
        self.seconds = 0.0

    def turn(self, seconds: float) -> None:
        """Mount images for some seconds of a processor."""
        started = used()
        while used() - started < seconds:
            with Feedback(self.seen) as feedback, Kernel(self.maker.target.config, feedback=feedback) as kernel:
                while kernel.programs < LIFETIME and used(kernel) - started < seconds:
                    if not self.batch(kernel, feedback):
                        break
        self.seconds += used() - started

    def batch(self, kernel: Kernel, feedback: Feedback) -> bool:
        """Mount a batch of images; whether the kernel can go on."""
        inputs, first = self.maker.batch(BATCH), kernel.programs
        codes = [made.encode() for made, _ in inputs]
        count = fitting(map(len, codes))
        self.maker.put_back(inputs[count:])
        inputs = inputs[:count]
        outcome = kernel.run(b"".join(codes[:count]), count)
        for program in feedback.outcomes():
            self.found.update((edge.edge, edge.address) for c in program.calls for edge in feedback.reached(c))
        done = begun(outcome, first)
        self.maker.put_back(inputs[done:])
        self.images += done
        failed = isinstance(outcome, WorkerExit) or bool(kernel.memory.head().alarm)
        ended = max(0, done - failed)
        self.maker.learn(inputs[:ended], [reach for reach in feedback.reach(first) if reach.program < ended])
        if failed and done:
            self.lost += 1
            made, origin = inputs[done - 1]
            self.maker.blame(origin)
            with Shrinker(self.maker.target) as shrinker:  # as in a session, such places are changed rarely
                self.maker.avoided |= shrinker.places(made.input())
        return done == len(inputs) and not failed

    def edges(self, *directories: str) -> set[int]:
        """The edges in some directories."""
        return within(self.maker.target, self.found, directories)

    def close(self) -> None:
        """Free the map of edges."""
        self.seen.close()


def within(target: Target, found: dict[int, int], directories: Sequence[str]) -> set[int]:
    """The edges of which the address lies in some directories of the kernel's source."""
    located = addresses.lookup(str(target.config.liblkl.shared), sorted({at - 1 for at in found.values()}))
    inside = {at + 1 for at, places in located.items()
              if places and any(f"/{name}/" in f"/{places[-1].file}" for name in directories)}
    return {edge for edge, at in found.items() if at in inside}


def times(ours: set[int], *theirs: set[int]) -> str:
    """The numbers of some sets, and how many times each of the others the first is."""
    return f"{len(ours):>8,}" + "".join(f"{len(one):>8,} {len(ours) / max(len(one), 1):>5.2f}" for one in theirs)


def row(name: str, seed: str, ways: Sequence[Way]) -> str:
    """The figures of one recipe and seed; of the ways, the first is the guided one, the last has unchanged images."""
    *compared, unchanged = ways
    own, usual = OWN[unchanged.maker.target.type], unchanged.edges("fs")
    figures = [
        [way.edges("fs") for way in compared], [way.edges(*own) for way in compared],
        [way.edges("fs") - usual for way in compared],
    ]
    speeds = " ".join(f"{way.images / way.seconds:>4.0f}" for way in compared)
    lost = " ".join(f"{way.lost:>3}" for way in compared)
    return f"{name:<8} {seed:>4} {'  '.join(times(*one) for one in figures)}  {speeds}  {lost}"


def main() -> None:
    """Print a row for each recipe and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=["ext4", "btrfs", "xfs", "vfat"])
    parser.add_argument("--lkl", default=None)
    parser.add_argument("--time", type=float, default=120.0, help="seconds of a processor for each way")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    settings = settings_file.load({"lkl": [arguments.lkl]} if arguments.lkl else {"variant": "coverage"})
    print(f"load {os.getloadavg()[0]:.1f}, {arguments.time:.0f} s each way")
    heads = ("edges in fs/", "in the file system's own", "beyond the unchanged image")
    print(" " * 14 + "  ".join(f"{head:<36}" for head in heads) + "  images/s        kernels lost\n"
          f"{'recipe':<8} seed " + "  ".join("  guided  random times   blind times" for _ in heads))
    for name in arguments.recipes:
        with targets([name], settings) as (target,):
            for seed in map(str, range(arguments.seeds)):
                makers = [make(target, seed) for make in (Maker, RandomBytes, BlindBytes, Unchanged)]
                with contextlib.ExitStack() as stack:
                    ways = [stack.enter_context(Way(maker)) for maker in makers]
                    while any(way.seconds < arguments.time for way in ways):
                        for way in ways:
                            way.turn(min(TURN, arguments.time - way.seconds))
                    print(row(name, seed, ways), flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
