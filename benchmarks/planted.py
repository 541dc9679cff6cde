"""The time in which guided sessions find planted bugs, and whether what they write down fails again.

Usage: python benchmarks/planted.py [--time SECONDS] [--seeds N] [--workers N] [--blind] [--output DIR]

To reach within ten minutes on two cores, with each of three seeds: each bug of planted.patch, which says what they are,
is found, shrunk, fails again each time, and its C program was seen to fail. Blind sessions (--blind) find none of them;
they mount no images, so that they cannot find the one behind a checksum.

The guided variant of the default kernel is built with the patch first, which takes some minutes once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from lkltest import liblkl
from lkltest.fuzz import target
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.images.target import DEFAULT
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.host.progress import Bar
from lkltest.liblkl.recipe import GUIDED
from lkltest.settings import Settings

PATCH = Path(__file__).with_suffix(".patch")
BUGS = ("planted_behind_constants", "planted_sequence_of_file", "planted_sequence_of_kinds", "planted_behind_checksum")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--time", type=float, default=600.0, help="seconds of each session, at most")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--blind", action="store_true", help="without guidance, and without disk images")
    parser.add_argument("--output", type=Path, default=None, help="keep the findings there")
    arguments = parser.parse_args()
    with Bar() as bar:
        kernel = liblkl.default(target.load({"lkl": None}), recipe=GUIDED, patch=PATCH, progress=bar)
    settings = target.load({"lkl": [str(kernel.path)]})  # for the images, too
    description = describe(kernel, settings)
    config = KernelConfig.make(kernel, settings, description.shapes)
    kind = "blind" if arguments.blind else "guided"
    print(f"{kernel.name}, {kind}, {arguments.workers} workers, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        found = 0
        for seed in range(1, arguments.seeds + 1):
            output = (arguments.output or Path(scratch)) / f"seed-{seed}"
            print(f"seed {seed}:", flush=True)
            found += session(config, description, settings, output, seed, arguments)
        print(f"{found} of {len(BUGS) * arguments.seeds} found, shrunk, failing again each time and in C")


def session(
    config: KernelConfig, description: Description, settings: Settings, output: Path, seed: int,
    arguments: argparse.Namespace,
) -> int:
    """Fuzz until all planted bugs were met, or the time is over, reproduce them, and print what was found.

    Returns the number of those that were found with all that a finding should have.
    """
    met: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as corpus:
        fuzzer = Fuzzer(
            config, description, settings, output, seed=seed, workers=arguments.workers, guided=not arguments.blind,
            corpus=None if arguments.blind else Path(corpus), images=() if arguments.blind else DEFAULT,
        )

        def tick() -> None:
            names = [*fuzzer.crash_queue.met, *fuzzer.findings]  # the failures of programs, and what is written down
            for bug in BUGS:
                if bug not in met and any(bug in name for name in names):
                    met[bug] = fuzzer.seconds
            if len(met) == len(BUGS):
                fuzzer.stop.set()

        try:
            fuzzer.run(arguments.time, tick)
            tick()
            found = {bug: one for bug in BUGS for place, one in fuzzer.findings.items() if bug in place}
            for bug in BUGS:
                print(f"  {bug:26} " + (told(met[bug], found[bug], output) if bug in found else "not found"))
            progress = fuzzer.progress
            print(f"  {fuzzer.seconds:.0f} s, {progress.programs / fuzzer.seconds:,.0f} programs a second, "
                  f"{fuzzer.edges:,} edges, {progress.corpus:,} entries, load {os.getloadavg()[0]:.1f}", flush=True)
            return sum(one.shrunk and one.reproducer and 0 < one.of == one.times for one in found.values())
        finally:
            fuzzer.close()


def told(seconds: float, finding: Finding, output: Path) -> str:
    """A finding in a line: when it was met (with an image: written down), its calls, whether it fails again."""
    text = (output / finding.name / "program.txt").read_text(encoding="utf-8")
    calls = sum("(" in line for line in text.splitlines() if not line.startswith("#"))
    shrunk = f"{calls} calls" if finding.shrunk else f"{calls} calls (not shrunk to the end)"
    confirmed = "C program fails" if finding.reproducer else "C program does NOT fail"
    return f"{seconds:4.0f} s, {shrunk}, fails again {finding.rate}, {confirmed}"


if __name__ == "__main__":
    main()
