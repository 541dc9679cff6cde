"""Time of the disk suite on four file systems, and power cuts judged a second.

Usage: python benchmarks/disk.py [--lkl PATH] [--fast PATH] [--cuts N]

To reach, on two cores: less than 20 s for ext4, vfat, xfs and btrfs with `-n 2` on the default kernel, all data
checked from both sides; at least 15 cuts a second on ext4 and a kernel without btrfs, a fresh kernel each. A bare
cycle of copy, boot, mount and e2fsck runs at 18 a second on one core.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lkltest import liblkl
from lkltest.host import process
from lkltest.image import load, scratch, shipped
from lkltest.liblkl import Liblkl
from lkltest.powercut import cuts, recording
from lkltest.settings import Settings, path

ROOT = Path(__file__).resolve().parent.parent
SUITE = ROOT / "suites" / "disk"
TYPES = ("ext4", "vfat", "xfs", "btrfs")


def kernel(given: str | None, variant: str) -> tuple[Liblkl, Settings]:
    """The kernel that was named, or a variant of the default one, built if need be."""
    settings = Settings.load({"variant": variant})
    return (liblkl.find(path(given), settings) if given else liblkl.default(settings)), settings


def suite_seconds(tested: Liblkl) -> float:
    """Wall time of the disk program's items on the four file systems, on two workers; they must pass."""
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--lkl", str(tested.path),
        "-k", " or ".join(f"{name}]" for name in TYPES), f"{SUITE}/test_disk.py::disk",
    ]
    start = time.perf_counter()
    done = process.run(command, cwd=ROOT)
    if not done.ok:
        sys.exit(f"{process.command(command)}: {done.describe()}\n{done.output.decode()}{done.errors.decode()}")
    print(done.output.decode().strip().splitlines()[-1])
    return time.perf_counter() - start


def cuts_a_second(tested: Liblkl, settings: Settings, count: int, workers: int) -> float:
    """The number of power cuts of a recorded ext4 that are built, mounted and judged in a second; all must pass."""
    recipe = next(recipe for recipe in load([shipped()]) if recipe.name == "ext4")
    with scratch.directory() as directory, ThreadPoolExecutor(workers) as pool:
        disk = cuts.record(recipe, tested, SUITE, settings, directory)
        chosen = [recording.choose(disk.recording, number) for number in range(count)]
        start = time.perf_counter()
        verdicts = pool.map(lambda cut: cuts.try_cut(disk, cut, directory), chosen)
        for cut, problems in zip(chosen, verdicts, strict=True):
            if problems:
                sys.exit(f"{cut.describe(disk.recording)}:\n" + "\n".join(problems))
        return count / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lkl", help="kernel of the suite (default: the default one)")
    parser.add_argument("--fast", help="kernel of the power cuts (default: the default one without btrfs)")
    parser.add_argument("--cuts", type=int, default=90, help="how many cuts (default: 90)")
    given = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    tested, _ = kernel(given.lkl, "default")
    print(f"disk suite, {', '.join(TYPES)}, -n 2, {tested.name}: {suite_seconds(tested):.1f} s (to reach: 20)")
    tested, settings = kernel(given.fast, "fast")
    for workers in sorted({1, 2}):
        speed = cuts_a_second(tested, settings, given.cuts, workers)
        what = f"power cuts, ext4, {tested.name}, {workers} at a time on {cores} cores"
        print(f"{what}: {speed:.1f} a second (to reach: 15)")


if __name__ == "__main__":
    main()
