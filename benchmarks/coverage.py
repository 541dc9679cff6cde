"""Time of the suites, and speed of the fuzzer's executor, with coverage and without, in one run.

The kernels are the default one and its instrumented variant, both built before the clock starts. The executor runs the
same programs on both; on the instrumented one without collecting, with `--cov`, and with feedback for each call.

Usage: python benchmarks/coverage.py [--rounds N] [--programs N] [SUITE]...

To reach: the suites in at most 2.0 times the time, the executor with at least 0.5 of the calls a second, the lines of
300,000 addresses within seconds of processor time.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.common import sample
from lkltest import liblkl
from lkltest.coverage import data as saved
from lkltest.coverage import lines, raw
from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig
from lkltest.fuzz.lang.describe import describe
from lkltest.fuzz.prog.values import Program
from lkltest.host import process
from lkltest.host.progress import Bar
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SUITES = ("suites/boot", "suites/disk", "suites/net")
TURNS = 60  # of the same programs on one kernel


def pytest(suites: list[str], *arguments: str) -> float:
    """Wall time of the suites; points may fail, but the session must come to its end."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suites, *arguments]
    done = process.run(command, cwd=ROOT)
    if done.status not in (0, 1):
        sys.exit(f"{process.command(command)}: {done.describe()}\n{done.output.decode()}{done.errors.decode()}")
    return time.perf_counter() - start


def processor_seconds() -> float:
    """The time that processors spent on this process and its children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def mapping(folder: Path) -> Iterator[tuple[str, float]]:
    """Processor time to find the lines of 300,000 addresses of a program, then to find them in the cache."""
    module = min(saved.load([folder]).modules)
    with tempfile.TemporaryDirectory() as empty:
        for name in ("looked up", "cached"):
            start = processor_seconds()
            ((known, _),) = lines.tables([module], Path(empty))
            yield name, (processor_seconds() - start) * 300_000 / len(known.chain_of)


def executor(
    config: KernelConfig, data: bytes, count: int, *, feedback: bool = False, every: bool = False, cov: bool = False
) -> float:
    """Calls a second of the executor."""
    with contextlib.ExitStack() as stack:
        if cov:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            config = replace(config, env={**config.env, raw.VARIABLE: folder})
        edges = None
        if feedback:
            edges = stack.enter_context(Feedback(stack.enter_context(SeenEdges()), every=every))
        kernel = stack.enter_context(Kernel(config, feedback=edges))
        start = time.perf_counter()
        for _ in range(TURNS):
            outcome = kernel.run(data, count)
            assert outcome == count or kernel.memory.head().alarm, outcome
            if edges:
                edges.outcomes()
        seconds = time.perf_counter() - start
        return kernel.memory.head().calls / seconds


def speeds(kernels: Mapping[str, Liblkl], settings: Settings, programs: int) -> Iterator[tuple[str, float]]:
    """Calls a second on each kernel, by the name of a measurement."""
    configs, data, count = {}, {}, 0
    chosen: list[Program] = []
    for name, kernel in kernels.items():
        description = describe(kernel, settings)
        configs[name] = KernelConfig.make(kernel, settings, description.shapes)
        chosen = chosen or sample(description, configs[name], programs)
        data[name], count = b"".join(map(description.encode, chosen)), len(chosen)
    yield "plain", executor(configs["plain"], data["plain"], count)
    traced = configs["coverage"], data["coverage"], count
    yield "instrumented, not collected", executor(*traced)
    yield "--cov", executor(*traced, cov=True)
    yield "feedback", executor(*traced, feedback=True)
    yield "feedback, whole sets", executor(*traced, feedback=True, every=True)
    yield "--cov and feedback", executor(*traced, cov=True, feedback=True)


def main() -> None:
    """Measure in turns, so that a noisy machine is noisy to both, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", default=list(SUITES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--programs", type=int, default=150)
    arguments = parser.parse_args()
    settings = Settings.load({})
    with Bar() as bar:
        plain = liblkl.default(settings, progress=bar)
        traced = liblkl.default(replace(settings, variant="coverage"), progress=bar)
    seconds: dict[str, list[float]] = {"plain": [], "coverage": []}
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        covered = (f"--lkl-cov={scratch}/cov",)
        pytest(arguments.suites, f"--lkl={plain.path}")  # compiles the programs
        pytest(arguments.suites, f"--lkl={traced.path}", *covered)  # finds the lines
        mapped = dict(mapping(Path(scratch, "cov")))
        for _ in range(arguments.rounds):
            seconds["plain"].append(pytest(arguments.suites, f"--lkl={plain.path}"))
            seconds["coverage"].append(pytest(arguments.suites, f"--lkl={traced.path}", *covered))
            for name, rate in speeds({"plain": plain, "coverage": traced}, settings, arguments.programs):
                rates.setdefault(name, []).append(rate)
    without, with_ = (statistics.median(seconds[kind]) for kind in ("plain", "coverage"))
    print(f"suites: {without:.1f} s without, {with_:.1f} s with coverage: {with_ / without:.2f} times (at most 2.0)")
    for name, spent in mapped.items():
        print(f"lines of 300,000 addresses, {name}: {spent:.1f} s of processor time")
    for name, measured in rates.items():
        share = statistics.median(rate / base for rate, base in zip(measured, rates["plain"], strict=True))
        print(f"executor, {name:<28}{statistics.median(measured):10,.0f} calls/s  {share:.2f} (at least 0.5)")


if __name__ == "__main__":
    main()
