"""A campaign on a real Dask scheduler with workers in processes of their own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lkltest import cli
from lkltest.errors import KernelLost, LkltestError, UsageError
from lkltest.fuzz import crash_queue
from lkltest.fuzz.campaign import UNREACHED, Campaign, Remote, told
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.member import Member, Order, Turn
from lkltest.fuzz.messages import Known
from lkltest.fuzz.repro.repro import Crash, Reproduction
from lkltest.host.process import Child
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

pytest.importorskip("distributed", reason="Dask is not installed: pip install 'lkltest[campaign]'")

LONG = 300.0  # seconds, on a loaded machine; a few seconds on an idle one
DASK = [sys.executable, "-m", "dask"]


class Cluster:
    """A scheduler and its workers on the loopback device."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.file = folder / "scheduler.json"
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                                    "--scheduler-file", str(self.file))  # fmt: skip

    def start(self, *arguments: str) -> Child:
        """Start a program of Dask's."""
        log = self.stack.enter_context((self.folder / "log").open("ab"))
        return self.stack.enter_context(Child([*DASK, *arguments], stdout=log, cwd=self.folder, die_with_parent=True))

    def worker(self) -> Child:
        """Start a worker."""
        return self.start("worker", "--scheduler-file", str(self.file), "--host", "127.0.0.1", "--nthreads", "1",
                          "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder))  # fmt: skip

    @property
    def address(self) -> str:
        """The scheduler's address."""
        from distributed import Client

        with Client(scheduler_file=str(self.file), timeout=LONG, set_as_default=False) as client:
            return str(client.scheduler.address)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers."""
    folder = tmp_path / "dask"
    folder.mkdir()
    with ExitStack() as stack:
        yield Cluster(folder, stack)


def reporting(campaign: Campaign) -> dict[str, int]:
    """The programs of the members that have reported some, by their addresses."""
    found = {remote.address: remote.progress.programs for remote in list(campaign.remotes.values())}
    return {address: programs for address, programs in found.items() if programs}


def test_workers_come_and_go(
    cluster: Cluster, config: KernelConfig, description: Description, settings: Settings, tmp_path: Path
) -> None:
    """A worker that is killed loses nothing that it has reported, and one that is added works with the others."""
    workers = [cluster.worker(), cluster.worker()]
    fuzzer = Fuzzer(
        config, description, settings, tmp_path / "out", seed=1, workers=1, reproduce_seconds=0,
        scheduler=cluster.address,
    )
    assert isinstance(fuzzer.loops, Campaign)
    campaign = fuzzer.loops
    before: dict[str, int] = {}  # programs that each member had reported when one was killed
    kept = 0  # programs of the one that is gone

    def tick() -> None:
        nonlocal kept
        now = reporting(campaign)
        if not before and len(now) == 2:
            before.update(now)
            workers[0].signal(9)
            workers.append(cluster.worker())
        elif before and fuzzer.lost and len(now) == 2 and now.keys() != before.keys() and fuzzer.findings:
            kept = campaign.gone.programs
            fuzzer.stop.set()

    try:
        fuzzer.run(LONG, tick, every=0.1)
        (sentence,) = fuzzer.lost
        assert "it is gone" in sentence
        (address,) = [address for address in before if address in sentence]
        assert kept >= before[address] > 0
        assert fuzzer.progress.programs > sum(before.values())
        assert fuzzer.counts().total() >= fuzzer.progress.calls > 0
        assert fuzzer.findings
        for finding in fuzzer.findings:
            assert (tmp_path / "out" / finding / "program.txt").stat().st_size
        assert all(not worker.wait(0) for worker in workers[1:])
    finally:
        fuzzer.close()


def test_a_lost_connection_is_no_fault_of_ours() -> None:
    """Whichever error Dask raises of a connection that it has lost, the campaign takes it for that."""
    from distributed import TimeoutError as DaskTimeout
    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError

    assert all(issubclass(error, UNREACHED) for error in (CommClosedError, DaskTimeout, FutureCancelledError))


def test_a_scheduler_that_dies_loses_nothing_that_was_reported(
    cluster: Cluster, config: KernelConfig, description: Description, settings: Settings, tmp_path: Path
) -> None:
    """The campaign ends with an error that says so; what had come counts, and its findings are written."""
    cluster.worker()
    fuzzer = Fuzzer(
        config, description, settings, tmp_path / "out", seed=1, workers=1, reproduce_seconds=0,
        scheduler=cluster.address,
    )
    programs = 0

    def tick() -> None:
        nonlocal programs
        if not programs and fuzzer.findings:
            programs = fuzzer.progress.programs
            cluster.scheduler.signal(9)

    try:
        with pytest.raises(LkltestError, match=r"the scheduler .* is gone"):
            fuzzer.run(LONG, tick, every=0.1)
        assert fuzzer.progress.programs >= programs > 0
        assert all((tmp_path / "out" / finding).is_dir() for finding in fuzzer.findings)
    finally:
        fuzzer.close()


def test_members_reproduce_failures(
    cluster: Cluster, config: KernelConfig, description: Description, settings: Settings, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A failure is reproduced on a Dask worker, whose loops go on meanwhile, and not by the session."""
    def here(*_: object, **__: object) -> Reproduction:
        raise AssertionError("the session reproduces a failure itself")

    monkeypatch.setattr(crash_queue, "reproduce", here)
    cluster.worker()
    fuzzer = Fuzzer(
        config, description, settings, tmp_path / "out", seed=1, workers=1, minimize_seconds=2.0,
        reproduce_seconds=LONG, scheduler=cluster.address,
    )
    programs: set[int] = set()  # as reported while a failure was reproduced

    def tick() -> None:
        assert isinstance(fuzzer.loops, Campaign)
        if any(remote.reproducing for remote in list(fuzzer.loops.remotes.values())):
            programs.add(fuzzer.progress.programs)
        if len(programs) > 1 and any(finding.times for finding in fuzzer.findings.values()):
            fuzzer.stop.set()
            fuzzer.crash_queue.hurry.set()

    try:
        fuzzer.run(LONG, tick, every=0.1)
        assert len(programs) > 1
        found = [finding for finding in fuzzer.findings.values() if finding.times]
        assert found
        assert (tmp_path / "out" / found[0].name / "program.txt").stat().st_size
    finally:
        fuzzer.close()


class Nobody:
    """A Dask client whose workers are all gone."""

    scheduler = SimpleNamespace(address="tcp://127.0.0.1:1")

    def submit(self, *_: object, **__: object) -> SimpleNamespace:
        """A future that never comes."""
        return SimpleNamespace(done=lambda: False, status="pending", release=lambda: None)

    def nthreads(self) -> dict[str, int]:
        """No worker."""
        return {}


def test_failures_of_a_member_that_is_gone_are_reproduced_by_the_session(config: KernelConfig) -> None:
    """A member that dies while it reproduces a failure, or a campaign without members, gives the failure back."""
    order = Order("campaign", cast(Settings, None), "a kernel", (), 1, False)
    campaign = Campaign(
        cast(Any, Nobody()), order, cast(Any, None), config=config, workers=1, corpus=None, seen=None,
        stop=threading.Event(), reach=cast(Any, None),
    )
    assert campaign.reproduce(cast(Crash, None), 1.0, threading.Event()) is None
    campaign.remotes["tcp://127.0.0.1:2"] = remote = Remote("tcp://127.0.0.1:2", 0, 1)
    remote.member = "its name"
    assert campaign.reproduce(cast(Crash, None), 1.0, threading.Event()) is None
    assert not remote.reproducing


def test_no_scheduler_is_told(liblkl: Liblkl, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The address is named, and the commands that start a scheduler."""
    words = ["--lkl", str(liblkl.path), "--output", str(tmp_path / "out"), "--scheduler", "nowhere"]
    assert cli.main(["fuzz", *words]) == 2
    error = capsys.readouterr().err
    assert "no Dask scheduler at nowhere" in error
    assert "`dask scheduler`" in error


def test_a_member_with_another_kernel_is_refused(liblkl: Liblkl, settings: Settings) -> None:
    """Programs of another kernel could crash this one by their own fault; the message names both."""
    order = Order("campaign", replace(settings, lkl=(liblkl.path,)), "another kernel", (), 1, False)
    with pytest.raises(UsageError, match=r"the kernel here is lkl-.*, the session's is another kernel"):
        Member(Turn(order, 0, 1, 1.0, Known()))


def test_errors_of_members_name_the_machine() -> None:
    """An error for users keeps its kind, and says where it was met; a machine without lkltest is told the cure."""
    assert str(told(KernelLost("it does not boot"), "tcp://here:1")) == "tcp://here:1: it does not boot"
    assert isinstance(told(KernelLost("it does not boot"), "tcp://here:1"), KernelLost)
    assert "pip" in str(told(ModuleNotFoundError("No module named 'lkltest'"), "tcp://here:1"))
    assert "ValueError: no" in str(told(ValueError("no"), "tcp://here:1"))
