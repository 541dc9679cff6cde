"""Calls of a campaign with one Dask worker on one processor, and with several on as many.

Usage: python benchmarks/campaign.py [--lkl PATH] [--workers N] [--time SECONDS] [--rounds N]

To reach: two Dask workers on two processors make at least 1.7 times the calls of one. Failures are not reproduced.
The processor time (`calls/CPU s`) is that of the workers with their loops and kernels, from their start on.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from benchmarks.common import SCENARIOS, one_and_many
from lkltest.fuzz.campaign import Campaign
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.lang.describe import Description
from lkltest.host.process import NOTHING, Child
from lkltest.settings import Settings

PORT = 18786
SCHEDULER = f"tcp://127.0.0.1:{PORT}"


def dask(stack: ExitStack, folder: str, *arguments: str) -> Child:
    """Start a program of Dask's."""
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    return stack.enter_context(Child(command, stdout=NOTHING, cwd=Path(folder), die_with_parent=True))


def campaign(
    config: KernelConfig, description: Description, settings: Settings, seconds: float, processors: list[int],
) -> tuple[float, float]:
    """Calls a second, and for each second of processor time, with a Dask worker on each of the processors."""
    used = getrusage(RUSAGE_CHILDREN)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        os.sched_setaffinity(0, processors)
        dask(stack, folder, "scheduler", "--host", "127.0.0.1", "--port", str(PORT))
        for processor in processors:
            os.sched_setaffinity(0, {processor})  # a child's, too
            dask(stack, folder, "worker", SCHEDULER, "--nthreads", "1", "--no-nanny", "--local-directory", folder)
        os.sched_setaffinity(0, processors)
        fuzzer = Fuzzer(
            config, description, settings, Path(folder, "out"), seed=1, workers=1, scenarios=SCENARIOS,
            reproduce_seconds=0, guided=False, scheduler=SCHEDULER,
        )
        started: list[tuple[float, int]] = []  # when all had begun, and the calls until then

        def tick() -> None:
            assert isinstance(fuzzer.loops, Campaign)
            begun = [remote.progress.calls for remote in list(fuzzer.loops.remotes.values())]
            if not started and len(begun) == len(processors) and all(begun):
                started.append((time.monotonic(), fuzzer.progress.calls))
            if started and time.monotonic() > started[0][0] + seconds:
                fuzzer.stop.set()

        fuzzer.run(3600, tick)
        begin, calls = started[0]
        speed = (fuzzer.progress.calls - calls) / (fuzzer.ended - begin)
        whole = fuzzer.progress.calls
        fuzzer.close()
    now = getrusage(RUSAGE_CHILDREN)
    return speed, whole / (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)


def main() -> None:
    """Measure and print."""
    many, rows = one_and_many(__doc__.splitlines()[0] if __doc__ else "", 30.0, campaign)
    print("Dask workers    calls/s  calls/CPU s")
    for n, workers in enumerate((1, many)):
        speed, efficiency = (statistics.median(row[n][column] for row in rows) for column in (0, 1))
        print(f"{workers:12} {speed:10,.0f} {efficiency:12,.0f}")
    times = statistics.median(several[0] / one[0] for one, several in rows)
    print(f"{many} Dask workers: {times:.2f} times the calls of one (at least 1.70)")


if __name__ == "__main__":
    main()
