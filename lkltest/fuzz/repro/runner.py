"""Runs programs on a kernel, and reports how they fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lkltest.fuzz.exec.feedback import Feedback
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig, WorkerExit, boot
from lkltest.fuzz.exec.shmem import Memory, fitting
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.report import Report, from_alarm, from_exit
from lkltest.host.closing import Closing

STUCK_AFTER = 0.5  # seconds: a call that can be interrupted is interrupted long before


@dataclass(frozen=True)
class RunResult:
    """The result of running some programs on one kernel."""

    report: Report | None
    returned: tuple[int, ...]  # results of all calls that returned, in order
    whole: bool = True  # whether all programs ran, or one failed


class Runner(Closing):
    """Runs programs on one kernel at a time, which is replaced when it is lost or damaged.

    Use it as a context manager.
    """

    def __init__(
        self, config: KernelConfig, description: Description, *, stuck_after: float = STUCK_AFTER,
        feedback: Feedback | None = None,
    ) -> None:
        """A call hangs after `stuck_after` seconds, or those of the configuration if they are fewer.

        `feedback` takes the edges of the last batch; the kernel must be instrumented.
        """
        self.feedback = feedback
        self.config = replace(config, stuck_after=min(config.stuck_after, stuck_after))
        self.description = description
        self.memory = Memory()
        self.kernel: Kernel | None = None
        self.boots = 0

    def close(self) -> None:
        """End the kernel, and give back the shared memory."""
        self.drop()
        self.memory.close()

    def drop(self) -> None:
        """End the kernel."""
        if self.kernel is not None:
            self.kernel.close()
            self.kernel = None

    def names(self, program: Program) -> list[str]:
        """The names of a program's calls."""
        return [call.name for call in program.calls]

    def run(self, programs: Sequence[Program], *, fresh: bool = True) -> RunResult:
        """Run programs one after the other on a fresh kernel, or without `fresh` on the last one if it lives."""
        encoded = [self.description.encode(program) for program in programs]
        return self.run_encoded(encoded, [self.names(program) for program in programs], fresh=fresh)

    def run_encoded(
        self, programs: Sequence[bytes], names: Sequence[Sequence[str]], *, fresh: bool = True
    ) -> RunResult:
        """Run encoded programs as `run` does; `names` are the names of their calls.

        A kernel that still has the disk of an earlier image runs no other: it is replaced, once.
        """
        result = self._run_on(self._kernel(fresh=fresh), programs, names)
        if not result.whole:
            result = self._run_on(self._kernel(fresh=True), programs, names)
        if not result.whole:
            self.drop()
        return result

    def _kernel(self, *, fresh: bool) -> Kernel:
        """A fresh kernel, or without `fresh` the last one if it lives."""
        if fresh or self.kernel is None:
            self.drop()
            self.kernel = boot(self.config, self.memory, self.feedback)
            self.boots += 1
        return self.kernel

    def _run_on(self, kernel: Kernel, programs: Sequence[bytes], names: Sequence[Sequence[str]]) -> RunResult:
        """Run encoded programs on a kernel, until one fails or the kernel takes no more."""
        before = self.memory.head()
        first = kernel.programs
        returned: tuple[int, ...] = ()
        at = 0
        while at < len(programs):
            batch = programs[at : at + fitting(map(len, programs[at : at + 64]))]
            at += len(batch)
            outcome = kernel.run(b"".join(batch), len(batch))
            head = self.memory.head()
            returned = self.memory.results(before.calls, min(head.calls - before.calls, 100_000))
            if isinstance(outcome, WorkerExit):
                self.kernel = None
                kernel.close()
                report = from_exit(outcome, self.memory)
                return RunResult(replace(report, program=report.program - first) if report else None, returned)
            if head.alarm:
                call = names[head.alarm_program - first]
                name = call[head.alarm_call] if head.alarm_call < len(call) else "the sandbox"
                report = from_alarm(head, self.memory.console(before.console), name, kernel.errors())
                self.drop()
                return RunResult(replace(report, program=report.program - first), returned)
            if outcome < len(batch):
                return RunResult(None, returned, whole=False)
        return RunResult(None, returned)
