"""Time of the suites, and calls of the fuzzer, with coverage and without, in one run.

The kernels are the default one and its instrumented variant, both built before the clock starts.

Usage: python benchmarks/coverage.py [--rounds N] [--fuzz-seconds S] [SUITE]...
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from lkltest import liblkl
from lkltest.host import process
from lkltest.host.progress import Bar
from lkltest.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SUITES = ("suites/boot", "suites/disk", "suites/net")


def pytest(suites: list[str], *arguments: str) -> float:
    """Wall time of the suites; points may fail, but the session must come to its end."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suites, *arguments]
    done = process.run(command, cwd=ROOT)
    if done.status not in (0, 1):
        sys.exit(f"{process.command(command)}: {done.describe()}\n{done.output.decode()}{done.errors.decode()}")
    return time.perf_counter() - start


def calls(seconds: float, folder: Path, *arguments: str) -> float:
    """Calls a second of the fuzzer with one worker."""
    command = [sys.executable, "-m", "lkltest", "fuzz", "--time", str(seconds), "--workers", "1", "--seed", "1",
               "--output", str(folder), *arguments]  # fmt: skip
    text = process.run(command, cwd=ROOT, merge=True).output.decode()
    found = re.search(r"\(([\d,]+) a second\)", text)
    if found is None:
        sys.exit(f"{process.command(command)}:\n{text}")
    return float(found[1].replace(",", ""))


def main() -> None:
    """Measure in turns, so that a noisy machine is noisy to both, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", default=list(SUITES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fuzz-seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    settings = Settings.load({})
    with Bar() as bar:
        plain = liblkl.default(settings, progress=bar)
        traced = liblkl.default(replace(settings, variant="coverage"), progress=bar)
    times: dict[str, list[float]] = {"plain": [], "coverage": []}
    speeds: dict[str, list[float]] = {"plain": [], "coverage": []}
    with tempfile.TemporaryDirectory() as scratch:
        covered = (f"--lkl-cov={scratch}/cov",)
        pytest(arguments.suites, f"--lkl={plain.path}")  # compiles the programs
        pytest(arguments.suites, f"--lkl={traced.path}", *covered)  # finds the lines
        for _ in range(arguments.rounds):
            times["plain"].append(pytest(arguments.suites, f"--lkl={plain.path}"))
            times["coverage"].append(pytest(arguments.suites, f"--lkl={traced.path}", *covered))
            out = Path(scratch, "fuzz")
            speeds["plain"].append(calls(arguments.fuzz_seconds, out, "--lkl", str(plain.path)))
            fuzzed = ("--lkl", str(traced.path), "--cov", f"{scratch}/fuzz-cov")
            speeds["coverage"].append(calls(arguments.fuzz_seconds, out, *fuzzed))
    for name, unit, measured in (("suites", "s", times), ("fuzzer", "calls/s", speeds)):
        without, with_ = (statistics.median(measured[kind]) for kind in ("plain", "coverage"))
        print(f"{name}: {without:,.1f} {unit} without, {with_:,.1f} {unit} with coverage: {with_ / without:.2f} times")


if __name__ == "__main__":
    main()
