"""Speed of the fuzzer's executor, and of a whole session, beside a C loop that makes the same calls.

Usage: python benchmarks/fuzz.py [--lkl PATH] [--programs N] [--rounds N] [--time SECONDS]

To reach, on one core: the executor and a whole session, generation included, each at least 0.7 of the C loop's calls a
second; the session at least 40,000, half of them successful; a dead worker replaced within 0.2 s and the boot. The
shares are given for seconds of the processor, too, which other programs of a busy machine do not change.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.common import SCENARIOS, sample
from lkltest.fuzz import findings, target
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.csource import Writer, missing
from lkltest.host import process
from lkltest.liblkl.model import Generation
from lkltest.settings import Settings

HEAD = """\
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <lkl.h>
#include <lkl_host.h>
static unsigned long calls;
#define CALL(call) ({ calls++; (long)(call); })
"""
MAIN = """\
int main(void)
{
	struct timespec from, to, used_from, used_to;
	char path[32];
	unsigned long n = 0;

	if (BOOT)
		return 1;
	lkl_if_up(1);
	lkl_sys_mkdirat(LKL_AT_FDCWD, "/w", 0777);
	clock_gettime(CLOCK_MONOTONIC, &from);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used_from);
	for (int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i < sizeof(programs) / sizeof(*programs); i++, n++) {
			if (n % 256 == 0) {
				lkl_sys_chdir("/");
				lkl_sys_umount("/w", 2);
				lkl_sys_mount("none", "/w", "ramfs", 0, 0);
			}
			sprintf(path, "/w/%lu", n % 256);
			lkl_sys_mkdirat(LKL_AT_FDCWD, path, 0777);
			lkl_sys_chdir(path);
			programs[i].run();
			for (int fd = 0; fd < programs[i].fds; fd++)
				lkl_sys_close(fd);
			lkl_sys_umask(022);
		}
	clock_gettime(CLOCK_MONOTONIC, &to);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used_to);
	printf("%lu %f %f\\n", calls, to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9,
		used_to.tv_sec - used_from.tv_sec + (used_to.tv_nsec - used_from.tv_nsec) / 1e9);
	return 0;
}
"""
ROUNDS = 3


class Rate(NamedTuple):
    """Calls a second of time, and a second of a processor."""

    wall: float
    used: float

    def of(self, other: Rate) -> Rate:
        """The share of another rate."""
        return Rate(self.wall / other.wall, self.used / other.used)


def used() -> float:
    """The seconds that this process and all that it has waited for had a processor."""
    return sum(sum(resource.getrusage(whose)[:2]) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def bare(
    programs: list[Program], config: KernelConfig, settings: Settings, description: Description, rounds: int
) -> Rate:
    """The rate of a C loop."""
    functions = []
    for n, program in enumerate(programs):
        writer = Writer(description, guarded=False)
        for call in program.calls:
            writer.call(call)
        results = f"\tlong {', '.join(f'{r} = -1' for r in writer.results)};\n" if writer.results else ""
        functions.append(f"static void program{n}(void)\n{{\n{results}" + "\n".join(writer.lines) + "\n}\n")
    table = ", ".join(f"{{ program{n}, {descriptors(p)} }}" for n, p in enumerate(programs))
    g1 = config.liblkl.generation is Generation.G1
    boot = f'lkl_start_kernel(&lkl_host_ops, {f"{config.mem}UL, " if g1 else ""}"{"" if g1 else "mem=64M"}")'
    text = "\n".join(functions)
    source = "".join([
        HEAD, f"#define BOOT {boot}\n#define ROUNDS {rounds}\n", missing(text, description), text,
        f"static const struct {{ void (*run)(void); int fds; }} programs[] = {{ {table} }};\n", MAIN,
    ])
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "bare.c"
        path.write_text(source, encoding="utf-8")
        command = [*findings.command(config.liblkl, settings, path, path.with_suffix("")), "-O2"]
        done = process.run(command, merge=True)
        if not done.ok:
            sys.exit(done.output.decode())
        ran = process.run([path.with_suffix("")], timeout=300)
        if not ran.ok:
            sys.exit(f"the C loop: {ran.describe()}\n{ran.output[-500:].decode()}")
    calls, seconds, processor = map(float, ran.output.split()[-3:])
    return Rate(calls / seconds, calls / processor)


def descriptors(program: Program) -> int:
    """The number of descriptors that must be closed after a program, at most."""
    high = any(call.name in ("dup2", "dup3", "fcntl") and call.produces for call in program.calls)
    return 31 if high else sum(len(call.produces) for call in program.calls)


def executor(programs: list[Program], config: KernelConfig, description: Description, rounds: int) -> Rate:
    """The rate of the executor on the same programs; its processor time includes the boot."""
    data = b"".join(map(description.encode, programs))
    before = used()
    with Kernel(config) as kernel:
        start = time.perf_counter()
        for _ in range(rounds):
            outcome = kernel.run(data, len(programs))
            assert outcome == len(programs) or kernel.memory.head().alarm, outcome
        seconds = time.perf_counter() - start
        calls = kernel.memory.head().calls
    return Rate(calls / seconds, calls / (used() - before))


def fuzzer(config: KernelConfig, description: Description, settings: Settings, seconds: float) -> tuple[Rate, float]:
    """The rate of a whole session with one worker, and the share of its calls that succeed."""
    before = used()
    with tempfile.TemporaryDirectory() as directory:
        whole = Fuzzer(config, description, settings, Path(directory), seed=1, workers=1, scenarios=SCENARIOS,
                       reproduce_seconds=0)
        whole.run(seconds, lambda: None)
        whole.close()
        calls = whole.progress.calls
        return Rate(calls / whole.seconds, calls / (used() - before)), whole.progress.succeeded / max(calls, 1)


def replaced(config: KernelConfig) -> float:
    """Seconds from a worker's death to the next one's readiness, above the boot."""
    over = []
    for _ in range(9):
        with Kernel(config) as kernel:
            over.append(kernel.start_seconds - kernel.memory.head().boot_us / 1e6)
    return statistics.median(over)


def middle(rates: Sequence[Rate]) -> Rate:
    """The median."""
    return Rate(*map(statistics.median, zip(*rates, strict=True)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--lkl", default=None)
    parser.add_argument("--programs", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--time", type=float, default=90.0)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    settings = target.load({"lkl": [arguments.lkl] if arguments.lkl else None})
    liblkl = target.kernel(settings)
    description = describe(liblkl, settings)
    config = KernelConfig.make(liblkl, settings, description.shapes)
    programs = sample(description, config, arguments.programs)
    rounds = arguments.rounds
    # In turns, so that whatever else the machine does befalls all three alike.
    rows = []
    for _ in range(ROUNDS):
        loop = bare(programs, config, settings, description, rounds)
        rows.append((loop, executor(programs, config, description, rounds),
                     *fuzzer(config, description, settings, arguments.time / ROUNDS)))
    loops, executors, sessions, successes = zip(*rows, strict=True)
    print(f"{liblkl.name}, one core, {len(programs)} programs of {sum(len(p.calls) for p in programs)} calls, "
          f"load {os.getloadavg()[0]:.1f}")
    print(f"C loop            {middle(loops).wall:10,.0f} calls/s")
    for name, rates in (("executor", executors), ("lkltest fuzz", sessions)):
        share = middle([rate.of(loop) for rate, loop in zip(rates, loops, strict=True)])
        print(f"{name:<17} {middle(rates).wall:10,.0f} calls/s  {share.wall:.2f} of the C loop, of processor time "
              f"{share.used:.2f} (at least 0.70)")
    success = statistics.median(successes)
    print(f"successful        {100 * success:9.0f}%  (at least 50%)")
    print(f"worker replaced   {replaced(config):10.3f} s above the boot (at most 0.2)")


if __name__ == "__main__":
    main()
