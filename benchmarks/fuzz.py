"""Speed of the fuzzer's executor, and of a whole session, beside a C loop that makes the same calls.

Usage: python benchmarks/fuzz.py [--lkl PATH] [--programs N] [--rounds N] [--time SECONDS]

To reach, on one core: the executor at least 0.7 of the C loop's calls a second; a whole session, generation included,
at least 0.4 of it and 40,000 calls a second, half of them successful; a dead worker replaced within 0.2 s and the boot.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

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
	struct timespec from, to;
	char path[32];
	unsigned long n = 0;

	if (BOOT)
		return 1;
	lkl_if_up(1);
	lkl_sys_mkdirat(LKL_AT_FDCWD, "/w", 0777);
	clock_gettime(CLOCK_MONOTONIC, &from);
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
	printf("%lu %f\\n", calls, to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9);
	return 0;
}
"""
ROUNDS = 3


def bare(
    programs: list[Program], config: KernelConfig, settings: Settings, description: Description, rounds: int
) -> float:
    """Calls a second of a C loop."""
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
    calls, seconds = ran.output.split()[-2:]
    return float(calls) / float(seconds)


def descriptors(program: Program) -> int:
    """The number of descriptors that must be closed after a program, at most."""
    high = any(call.name in ("dup2", "dup3", "fcntl") and call.produces for call in program.calls)
    return 31 if high else sum(len(call.produces) for call in program.calls)


def executor(programs: list[Program], config: KernelConfig, description: Description, rounds: int) -> float:
    """Calls a second of the executor on the same programs."""
    data = b"".join(map(description.encode, programs))
    with Kernel(config) as kernel:
        start = time.perf_counter()
        for _ in range(rounds):
            outcome = kernel.run(data, len(programs))
            assert outcome == len(programs) or kernel.memory.head().alarm, outcome
        seconds = time.perf_counter() - start
        return kernel.memory.head().calls / seconds


def fuzzer(config: KernelConfig, description: Description, settings: Settings, seconds: float) -> tuple[float, float]:
    """Calls a second of a whole session with one worker, and the share of them that succeed."""
    with tempfile.TemporaryDirectory() as directory:
        whole = Fuzzer(config, description, settings, Path(directory), seed=1, workers=1, scenarios=SCENARIOS)
        whole.run(seconds, lambda: None)
        whole.close()
        progress = whole.progress
        return progress.calls / whole.seconds, progress.succeeded / max(progress.calls, 1)


def replaced(config: KernelConfig) -> float:
    """Seconds from a worker's death to the next one's readiness, above the boot."""
    over = []
    for _ in range(9):
        with Kernel(config) as kernel:
            over.append(kernel.start_seconds - kernel.memory.head().boot_us / 1e6)
    return statistics.median(over)


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
    loop, ours, whole, success = (statistics.median(column) for column in zip(*rows, strict=True))
    of_ours, of_whole = (statistics.median(row[n] / row[0] for row in rows) for n in (1, 2))
    print(f"{liblkl.name}, one core, {len(programs)} programs of {sum(len(p.calls) for p in programs)} calls")
    print(f"C loop            {loop:10,.0f} calls/s")
    print(f"executor          {ours:10,.0f} calls/s  {of_ours:.2f} of the C loop (at least 0.70)")
    print(f"lkltest fuzz      {whole:10,.0f} calls/s  {of_whole:.2f} of the C loop (at least 0.40, and 40,000)")
    print(f"successful        {100 * success:9.0f}%  (at least 50%)")
    print(f"worker replaced   {replaced(config):10.3f} s above the boot (at most 0.2)")


if __name__ == "__main__":
    main()
