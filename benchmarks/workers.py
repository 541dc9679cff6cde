"""Calls of a fuzzing session with one worker and with several, on as many processors; the session's own share of one.

Usage: python benchmarks/workers.py [--lkl PATH] [--workers N] [--time SECONDS] [--rounds N]

To reach: two workers on two processors make at least 1.85 times the calls of one worker on one processor, and the
session's process takes at most 0.02 of a processor for each worker: of a blind session, and of a guided one that
mutates disk images, too (for a minute at least, because the images are made first; on the guided variant of the default
kernel, or on --lkl if it is instrumented). The share of the process of
the disk images is printed beside it. Failures are written down, and not reproduced.

On a machine that does other work, too, look at the calls for each second of processor time (`calls/CPU s`): where they
stay the same with more workers, so would the calls for each processor on an idle machine. There, all processes together
take a processor for each worker, and the session's part of all processor time is its share.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.common import SCENARIOS, one_and_many, processor_time_of
from lkltest.coverage.collect import is_instrumented
from lkltest.fuzz import target
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.images.target import DEFAULT
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.settings import Settings

GUIDED_SECONDS = 60.0  # of a guided session, at least


@dataclass(frozen=True)
class Figures:
    """The figures of one session."""

    calls: float  # a second
    efficiency: float  # calls for each second of processor time of loops and kernels
    share: float  # of one processor that the session's process took, for each worker
    part: float  # of all processor time that it took
    images: int = 0  # that were mounted
    images_share: float = 0.0  # of one processor that the process of the disk images took, for each worker


@dataclass(frozen=True)
class Pair:
    """The figures of a blind session and of a guided one with disk images."""

    blind: Figures
    guided: Figures | None  # None where the kernel tells no edges


def processor_time(who: int) -> float:
    """Seconds of processor time of this process, or of its children that have ended."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def sessions(
    config: KernelConfig, description: Description, settings: Settings, seconds: float, processors: list[int],
) -> Pair:
    """Run a blind session with a worker on each of the processors, then a guided one."""
    workers = len(processors)
    os.sched_setaffinity(0, processors)
    blind = session(config, description, settings, seconds, workers, guided=False)
    settings = replace(settings, variant=target.GUIDED) if settings.variant == target.FAST else settings
    liblkl = target.kernel(settings)
    if not is_instrumented(liblkl):
        return Pair(blind, None)
    description = describe(liblkl, settings)
    config = KernelConfig.make(liblkl, settings, description.shapes)
    return Pair(blind, session(config, description, settings, max(seconds, GUIDED_SECONDS), workers, guided=True))


def session(
    config: KernelConfig, description: Description, settings: Settings, seconds: float, workers: int, *, guided: bool
) -> Figures:
    """Run a session: a guided one has all kinds of programs, and disk images."""
    with tempfile.TemporaryDirectory() as directory:
        fuzzer = Fuzzer(
            config, description, settings, Path(directory), seed=1, workers=workers, reproduce_seconds=0,
            guided=guided, scenarios=() if guided else SCENARIOS, images=DEFAULT if guided else (),
        )
        images_time = 0.0  # of the process of the disk images, until it was last seen

        def look() -> None:
            nonlocal images_time
            if fuzzer.images is not None and fuzzer.images.process is not None:
                images_time = max(images_time, processor_time_of(fuzzer.images.process.child.pid))

        own, children, start = (*map(processor_time, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)), time.time())
        try:
            fuzzer.run(seconds, look)
            elapsed = time.time() - start
            own = processor_time(resource.RUSAGE_SELF) - own
            children = processor_time(resource.RUSAGE_CHILDREN) - children
            calls = fuzzer.progress.calls
            return Figures(
                calls / fuzzer.seconds, calls / children, own / elapsed / workers, own / (own + children),
                fuzzer.images.images if fuzzer.images is not None else 0,
                images_time / elapsed / workers,
            )
        finally:
            fuzzer.close()


def guided_share(pairs: list[Pair]) -> str:
    """The share of guided sessions, as a column."""
    measured = [pair.guided for pair in pairs if pair.guided is not None]
    if not measured:
        return "none: the kernel tells no edges"
    share, part, images, images_share = (
        statistics.median(getattr(one, name) for one in measured)
        for name in ("share", "part", "images", "images_share")
    )
    if not images:
        return "none: no image was mounted, take a longer --time"
    return f"{share:.4f}, {part:.1%}  {images:,.0f} images, whose process takes {images_share:.4f}"


def main() -> None:
    """Measure and print."""
    many, rows = one_and_many(__doc__.splitlines()[0] if __doc__ else "", 20.0, sessions)
    print("The session's share of a processor, for each worker (at most 0.0200), and its part of all processor time:")
    print("workers    calls/s  calls/CPU s  blind         guided, with disk images")
    for n, workers in enumerate((1, many)):
        figures = [row[n].blind for row in rows]
        calls, efficiency, share, part = (
            statistics.median(getattr(one, name) for one in figures)
            for name in ("calls", "efficiency", "share", "part")
        )
        guided = guided_share([row[n] for row in rows])
        print(f"{workers:7} {calls:10,.0f} {efficiency:12,.0f}  {share:.4f}, {part:.1%}  {guided}")
    for name, word in (("calls", "calls"), ("efficiency", "calls for each second of processor time")):
        times = statistics.median(getattr(several.blind, name) / getattr(one.blind, name) for one, several in rows)
        print(f"{many} workers: {times:.2f} times the {word} of one")


if __name__ == "__main__":
    main()
