"""Calls of a fuzzing session with one worker and with several, on as many processors; the session's own share of one.

Usage: python benchmarks/workers.py [--lkl PATH] [--workers N] [--time SECONDS] [--rounds N]

To reach: two workers on two processors make at least 1.85 times the calls of one worker on one processor, and the
session's process takes at most 0.02 of a processor for each worker. Failures are written down, and not reproduced.

On a machine that does other work, too, look at the calls for each second of processor time (`calls/CPU s`): where they
stay the same with more workers, so would the calls for each processor on an idle machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lkltest.fuzz import target
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.settings import Settings

SCENARIOS = ("files", "xattrs", "pipes", "udp")


@dataclass(frozen=True)
class Figures:
    """The figures of one session."""

    calls: float  # a second
    efficiency: float  # calls for each second of processor time of loops and kernels
    share: float  # of one processor that the session's process took, for each worker


def processor_time(who: int) -> float:
    """Seconds of processor time of this process, or of its children that have ended."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def session(
    config: KernelConfig, description: Description, settings: Settings, seconds: float, processors: set[int],
    workers: int,
) -> Figures:
    """Run a session on some processors."""
    os.sched_setaffinity(0, processors)
    with tempfile.TemporaryDirectory() as directory:
        fuzzer = Fuzzer(
            config, description, settings, Path(directory), seed=1, workers=workers, scenarios=SCENARIOS,
            reproduce_seconds=0, guided=False,
        )
        own, children, start = (*map(processor_time, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)), time.time())
        try:
            fuzzer.run(seconds, lambda: None)
            elapsed = time.time() - start
            calls = fuzzer.progress.calls
            return Figures(
                calls / fuzzer.seconds, calls / (processor_time(resource.RUSAGE_CHILDREN) - children),
                (processor_time(resource.RUSAGE_SELF) - own) / elapsed / workers,
            )
        finally:
            fuzzer.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lkl", default=None)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--time", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    processors = sorted(os.sched_getaffinity(0))
    settings = target.load({"lkl": [arguments.lkl] if arguments.lkl else None})
    liblkl = target.kernel(settings)
    description = describe(liblkl, settings)
    config = KernelConfig.make(liblkl, settings, description.shapes)
    many = arguments.workers
    rows = [  # in turns, so that whatever else the machine does befalls both alike
        [session(config, description, settings, arguments.time, set(processors[:n]), n) for n in (1, many)]
        for _ in range(arguments.rounds)
    ]
    print(f"{liblkl.name}, {len(processors)} processors, load {os.getloadavg()[0]:.1f}")
    print("workers    calls/s  calls/CPU s  the session's share of a processor, for each worker")
    for n, workers in enumerate((1, many)):
        figures = [row[n] for row in rows]
        calls, efficiency, share = (
            statistics.median(getattr(one, name) for one in figures) for name in ("calls", "efficiency", "share")
        )
        print(f"{workers:7} {calls:10,.0f} {efficiency:12,.0f}  {share:.4f} (at most 0.0200)")
    for name, word in (("calls", "calls"), ("efficiency", "calls for each second of processor time")):
        times = statistics.median(getattr(several, name) / getattr(one, name) for one, several in rows)
        print(f"{many} workers: {times:.2f} times the {word} of one")


if __name__ == "__main__":
    main()
