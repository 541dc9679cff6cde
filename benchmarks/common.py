"""Programs of the generator on which the benchmarks of the fuzzer's executor agree."""

from __future__ import annotations

from lkltest.fuzz.exec.kernel import Kernel, KernelConfig, WorkerExit
from lkltest.fuzz.gen.generator import Generator
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.values import Program

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
