"""Kernels that are lost for no fault of a program."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkltest.errors import KernelLost
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import MAX_DIED_BEFORE_FIRST_PROGRAM, Fuzzer, Worker
from lkltest.fuzz.lang.describe import Description
from lkltest.settings import Settings


@pytest.fixture
def worker(config: KernelConfig, description: Description, settings: Settings, tmp_path: Path) -> Iterator[Worker]:
    """A worker without a thread."""
    fuzzer = Fuzzer(config, description, settings, tmp_path, seed=1, workers=1, scenarios=("xattrs",))
    worker = Worker(fuzzer, 0)
    yield worker
    worker.drop()
    fuzzer.close()


def lose(worker: Worker, by: signal.Signals) -> int:
    """Give a batch to a kernel that has just died; how many of its programs are taken for run."""
    kernel = worker.kernel or worker.boot()
    batch = worker.generator.batch(4)
    kernel.child.signal(by)
    assert kernel.child.wait(60)
    kernel.start(batch.data, 4)
    return worker.judge(kernel, batch, kernel.finish())


def test_a_kernel_that_never_runs_anything_is_told(worker: Worker) -> None:
    """No program is blamed, for none has run; after some tries the fuzzer gives up."""
    for _ in range(MAX_DIED_BEFORE_FIRST_PROGRAM):
        assert lose(worker, signal.SIGSEGV) == 0
    with pytest.raises(KernelLost, match="dies before it has run a program"):
        lose(worker, signal.SIGSEGV)
    assert worker.fuzzer.progress.programs == 0
    assert not worker.fuzzer.crash_queue.met


@pytest.mark.parametrize(("by", "met"), [(signal.SIGKILL, 0), (signal.SIGABRT, 1)])
def test_a_kernel_that_dies_between_batches(worker: Worker, by: signal.Signals, met: int) -> None:
    """The program that ran last is blamed, except for SIGKILL, which the host sends when it is out of memory."""
    kernel = worker.boot()
    batch = worker.generator.batch(4)
    kernel.start(batch.data, 4)
    assert worker.judge(kernel, batch, kernel.finish()) == 4
    assert lose(worker, by) == 0
    assert worker.fuzzer.progress.programs == 4
    assert worker.fuzzer.progress.silent == 1 - met
    assert worker.fuzzer.crash_queue.met.total() == met
