"""Programs of the generator, and the comparison of one worker with several, which benchmarks of the fuzzer share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lkltest.fuzz import target
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig, WorkerExit
from lkltest.fuzz.gen.generator import Generator
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.fuzz.prog.values import Program
from lkltest.settings import Settings

T = TypeVar("T")
SCENARIOS = ("files", "xattrs", "pipes", "udp")


def sample(description: Description, config: KernelConfig, count: int) -> list[Program]:
    """Programs of the generator that neither fail, nor block, nor need a task of their own."""
    batch = Generator(description, 1, SCENARIOS).batch(count * 2)
    with Kernel(config) as kernel:
        outcome = kernel.run(batch.data, len(batch.programs))
        assert not isinstance(outcome, WorkerExit)
        returned = kernel.memory.results(0, kernel.memory.head().calls)
    programs = []
    for candidate in batch.programs[:outcome]:
        own, returned = returned[: len(candidate.calls)], returned[len(candidate.calls) :]
        program = candidate.program(own)
        if not description.needs(program) and not any(-516 <= result <= -512 for result in own):
            programs.append(program)
    return programs[:count]


def processor_time_of(pid: int) -> float:
    """Seconds of processor time of a process, without its children; 0 where it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def one_and_many(
    title: str, seconds: float, measure: Callable[[KernelConfig, Description, Settings, float, list[int]], T]
) -> tuple[int, list[list[T]]]:
    """Measure one worker on one processor and several on as many; their number, and the two results of each round.

    `measure` is given the seconds (--time) and the processors. The options are those of the command line.
    """
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--lkl", default=None)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--time", type=float, default=seconds)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    processors = sorted(os.sched_getaffinity(0))
    many: int = arguments.workers
    if many > len(processors):
        parser.error(f"--workers {many} need as many processors, and there are {len(processors)} here")
    settings = target.load({"lkl": [arguments.lkl] if arguments.lkl else None})
    liblkl = target.kernel(settings)
    description = describe(liblkl, settings)
    config = KernelConfig.make(liblkl, settings, description.shapes)
    rows = [  # in turns, so that whatever else the machine does befalls both alike
        [measure(config, description, settings, arguments.time, processors[:n]) for n in (1, many)]
        for _ in range(arguments.rounds)
    ]
    print(f"{liblkl.name}, {len(processors)} processors, load {os.getloadavg()[0]:.1f}")
    return many, rows
