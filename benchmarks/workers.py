"""Calls of a fuzzing session with one worker and with several, on as many processors; the session's own share of one.

Usage: python benchmarks/workers.py [--lkl PATH] [--workers N] [--time SECONDS] [--rounds N]

To reach: two workers on two processors make at least 1.85 times the calls of one worker on one processor, and the
session's process takes at most 0.02 of a processor for each worker. Failures are written down, and not reproduced.

On a machine that does other work, too, look at the calls for each second of processor time (`calls/CPU s`): where they
stay the same with more workers, so would the calls for each processor on an idle machine.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import SCENARIOS, one_and_many
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.lang.describe import Description
from lkltest.settings import Settings


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
    config: KernelConfig, description: Description, settings: Settings, seconds: float, processors: list[int],
) -> Figures:
    """Run a session with a worker on each of the processors."""
    workers = len(processors)
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
    many, rows = one_and_many(__doc__.splitlines()[0] if __doc__ else "", 20.0, session)
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
