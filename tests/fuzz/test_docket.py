"""Failures that do not come again are neither lost nor blown up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.fuzz.clock import Clock
from lkltest.fuzz.describe import Description
from lkltest.fuzz.docket import ENOUGH, RECENT, WAITING, Docket
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.mass import Generator
from lkltest.fuzz.triage import TRIES, Suspect
from lkltest.fuzz.verdict import Failure
from lkltest.kernel import Setup
from lkltest.settings import Settings


@pytest.fixture
def docket(description: Description, settings: Settings, tmp_path: Path) -> Docket:
    """One that nobody works for."""
    return Docket(description, settings, tmp_path, seed=1, shrink_seconds=5)


def suspect(setup: Setup, description: Description, kind: str) -> Suspect:
    """A failure that no kernel shows."""
    failure = Failure(
        kind=kind, title=f"a {kind}", signature=("nowhere_at_all",), program=0, call=1, stack="", console="",
    )
    return Suspect(failure, Generator(description, 1, ("xattrs",)).batch(2).programs, (), setup)


def meet(docket: Docket, found: Suspect, times: int) -> None:
    """Report a failure, and look into it, so often."""
    for _ in range(times):
        docket.report(found)
        if not docket.queue.empty():
            docket.close()
            docket.work()


def test_a_crash_that_does_not_come_again_is_kept(docket: Docket, setup: Setup, description: Description) -> None:
    """The kernel was lost: its log and its stack are written down at once, and that no program is known for it."""
    meet(docket, suspect(setup, description, "crash"), 1)
    (finding,) = docket.findings.values()
    assert (finding.times, finding.of, finding.count) == (0, TRIES, 1)
    assert (docket.output / finding.name / "console.log").is_file()


def test_a_hang_that_does_not_come_again_is_no_finding(docket: Docket, setup: Setup, description: Description) -> None:
    """A call that once took too long may be the machine's fault, until it was met some times."""
    meet(docket, suspect(setup, description, "hang"), ENOUGH - 1)
    assert not docket.findings
    assert not list(docket.output.iterdir())
    meet(docket, suspect(setup, description, "hang"), 3)
    (finding,) = docket.findings.values()
    assert finding.count == ENOUGH + 2
    assert docket.examined[finding.name] == ENOUGH


def test_the_clock_stands_still_for_a_process_that_waits(tmp_path: Path) -> None:
    """Time in which a thread could have run, but got no processor, is not the process's own."""
    schedstat = tmp_path / "7" / "schedstat"
    schedstat.parent.mkdir()
    schedstat.write_text("5 0 1\n")
    clock = Clock(0, tmp_path)
    schedstat.write_text(f"5 {3600 * 10**9} 2\n")
    clock.seconds()
    assert clock.own == 0
    schedstat.unlink()
    clock.seconds()
    assert clock.own > 0


def test_workers_never_wait(docket: Docket, setup: Setup, description: Description) -> None:
    """However many failures wait to be looked into, more are taken, with less of what led to them."""
    failure = suspect(setup, description, "crash")
    history = tuple(failure.history) * RECENT
    for n in range(WAITING + 2):
        new = replace(failure.failure, signature=(f"nowhere_{n}",))
        docket.report(replace(failure, failure=new, history=history))
    kept = [docket.queue.get() for _ in range(WAITING + 2)]
    assert [len(one.history) for one in kept if one] == [len(history)] * WAITING + [RECENT] * 2


FOUND = Finding(
    name="hang-here", kind="hang", title="", signature=("here",), kernel="", version="", times=1, of=1,
    reproducer=False,
)


def test_hangs_are_known_by_their_names(docket: Docket, setup: Setup, description: Description) -> None:
    """Once one came again when it was looked into, under all names that it was met by; no other failure."""
    docket.report(suspect(setup, description, "hang"))
    assert docket.hangs() == set()
    docket.findings = {
        "hang-here": FOUND, "hang-once": replace(FOUND, name="hang-once", times=0),
        "crash-here": replace(FOUND, name="crash-here", kind="crash"),
        "hang-nowhere": replace(FOUND, name="hang-nowhere", signature=()),
    }
    docket.aliases = {"hang-there": "hang-here", "crash-there": "crash-here"}
    assert docket.hangs() == {"hang-here", "hang-there"}


def test_a_program_is_blamed_that_fails_by_itself(docket: Docket, setup: Setup, description: Description) -> None:
    """One that makes other calls than the program of the finding may have met what an earlier one left."""
    failure = suspect(setup, description, "crash").failure
    here, other = Generator(description, 1, ("xattrs",)).batch(2).programs
    assert not docket.explains(failure, here)
    docket.aliases = {failure.name: "crash-here"}
    docket.alone = {"crash-here": frozenset({here.calls[0].call.name})}
    assert docket.explains(failure, here)
    assert docket.explains(failure, other) == (here.calls[0].call.name in {ready.call.name for ready in other.calls})
    docket.alone = {"crash-here": frozenset({here.calls[0].call.name, "swapon"})}
    assert not docket.explains(failure, here)
