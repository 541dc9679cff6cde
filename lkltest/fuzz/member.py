"""The part of a campaign that one Dask worker does: loops that go on, and turns in which they report.

Dask runs `take_turn` again and again. The first turn starts the loops, in processes of their own, and each later one
waits a little, and returns the news. The loops go on between the turns. A member that no turn has reached for
`ABANDONED` seconds ends: its session is gone.

`reproduce_there` reproduces a failure of any member. That takes minutes: it leaves Dask's thread to the turns, and goes
on in the background until it is done, or its session is in a hurry.
"""

from __future__ import annotations

import re
import tempfile
import threading
import time
import uuid
from array import array
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from lkltest.coverage.collect import is_instrumented
from lkltest.errors import UsageError
from lkltest.fuzz import target
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.functions import FunctionTable, NewFunctions, bounded
from lkltest.fuzz.gen import store
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.fuzz.messages import Known, Met, Progress, Task, total
from lkltest.fuzz.repro.repro import Crash, Reproduction, reproduce
from lkltest.fuzz.repro.runner import Runner
from lkltest.fuzz.supervisor import Supervisor
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

ABANDONED = 120.0  # seconds
LOOK = 0.05  # seconds between two looks of a turn
NICE = 5  # of kernels that reproduce, as those of a session


@dataclass(frozen=True)
class Order:
    """The work of all members of a campaign."""

    campaign: str  # its name, which no other has
    settings: Settings  # of the session; a member has its own cache
    kernel: str  # `identity` of the session's kernel
    scenarios: tuple[str, ...]
    seed: int
    guided: bool


@dataclass(frozen=True)
class Turn:
    """The request of a session to a member."""

    order: Order
    number: int  # of the member
    workers: int  # loops
    seconds: float  # that the turn takes, at most
    known: Known
    member: str = ""  # name of the member that the session knows there: what follows is only about its news
    taken: int = 0  # failures that the session has taken: the member need not keep them any longer
    news: int = 0  # number of the last news that the session has
    corpus: Mapping[str, str] = field(default_factory=dict)  # entries of other members: texts by names
    edges: bytes = b""  # that others have reached, as an array of numbers
    stop: bool = False  # it is the last one


@dataclass(frozen=True)
class News:
    """The answer of a member; progress and counts are since its start."""

    member: str  # its name: a member that was started anew has another one
    number: int  # of these news, from 1 on
    progress: Progress
    counts: Mapping[tuple[int, int], int]
    failures: tuple[Crash | Met, ...]  # those that the session has not taken yet
    first: int  # number of the first of them
    corpus: Mapping[str, str]  # entries that the session has not acknowledged yet
    edges: bytes  # that were reached, likewise
    lost: tuple[str, ...]
    functions: tuple[NewFunctions, ...] = ()  # likewise


def identity(liblkl: Liblkl, description: Description) -> str:
    """Text that two machines share if they can exchange programs and edges."""
    calls = sorted((name, signature.number) for name, signature in description.headers.calls.items())
    size = liblkl.shared.stat().st_size if liblkl.shared else 0
    return f"{liblkl.name} {liblkl.version}, library of {size:,} bytes, {len(calls)} calls ({uuid_of(calls)})"


def entries(directory: Path, known: Set[str] = frozenset()) -> dict[str, str]:
    """The entries of a corpus's directory that are not known: texts by names. Files that cannot be read are left out.

    The directory is made where it is missing; raises UsageError where that or reading it fails.
    """
    store.prepare(directory)
    found = {name: store.load(directory / name, lambda _: None) for name in store.names(directory) if name not in known}
    return {name: text for name, text in found.items() if text is not None}


def uuid_of(value: object) -> str:
    """A short digest of a value's text."""
    return uuid.uuid5(uuid.NAMESPACE_OID, repr(value)).hex[:8]


class Outbox:
    """All that a member has to tell, until its session acknowledges the news that bring it.

    The result of a turn may be lost, with the news in it: then the next news bring all of it again.
    """

    def __init__(self, member: str, folder: Path, seen: SeenEdges | None) -> None:
        """`folder` is the directory of the corpus, `seen` the map of edges."""
        self.member = member
        self.folder = folder
        self.seen = seen
        self.lock = threading.Lock()  # of what follows:
        self.failures: list[Crash | Met] = []
        self.first = 0  # number of the first of them
        self.entries: set[str] = set()  # names of entries that the session has
        self.edges = b""  # the map of seen edges that the session has
        self.number = 0  # of the last news
        self.functions: list[NewFunctions] = []
        self.told: tuple[set[str], bytes, int] = (set(), b"", 0)  # entries in them, map of seen edges, functions

    def add(self, failure: Crash | Met) -> None:
        """Keep a failure."""
        with self.lock:
            self.failures.append(failure)

    def reach(self, functions: NewFunctions) -> None:
        """Keep functions that were reached."""
        with self.lock:
            self.functions.append(functions)

    def acknowledge(self, turn: Turn) -> None:
        """Forget all that the session has, if it has it from this member, and not from one before it."""
        with self.lock:
            if turn.member == self.member:
                taken = max(turn.taken, self.first)  # a turn that was given up may come late
                del self.failures[: taken - self.first]
                self.first = taken
                if turn.news == self.number:
                    self.entries |= self.told[0]
                    self.edges = self.told[1]
                    del self.functions[: self.told[2]]
                    self.told = (*self.told[:2], 0)  # a turn that is repeated acknowledges them once more
            self.entries |= set(turn.corpus)

    def news(self, progress: Progress, counts: Mapping[tuple[int, int], int], lost: tuple[str, ...]) -> News:
        """All that the session has not acknowledged yet."""
        with self.lock:
            corpus = entries(self.folder, self.entries)
            edges = self.seen.map[:] if self.seen is not None else b""
            self.number += 1
            self.told = (set(corpus), edges, len(self.functions))
            return News(
                self.member, self.number, progress, counts, tuple(self.failures), self.first, corpus,
                reached(edges, self.edges), lost, bounded(self.functions),
            )  # fmt: skip


def reached(now: bytes, before: bytes) -> bytes:
    """The edges of one map that an earlier one, which may be empty, does not have: an array of numbers."""
    found = (match.start() for match in re.finditer(rb"[^\0]", now))
    return array("I", (edge for edge in found if not before or not before[edge])).tobytes()


class Member:
    """The loops of one Dask worker."""

    def __init__(self, turn: Turn, folder: str | None = None) -> None:
        """Start the loops; `folder` is a directory for what they write."""
        order = turn.order
        settings = replace(order.settings, cache=target.load({}).cache)
        liblkl = target.kernel(settings)
        description = describe(liblkl, settings)
        if identity(liblkl, description) != order.kernel:
            raise UsageError(
                f"the kernel here is {identity(liblkl, description)}, the session's is {order.kernel}: "
                "give all machines of a campaign the same kernel"
            )
        self.config = KernelConfig.make(liblkl, settings, description.shapes)
        self.description = description
        self.latest = Known()
        self.until = time.monotonic() + ABANDONED
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.seen = SeenEdges() if is_instrumented(liblkl) else None
        # Dask clears away the directory of a worker that was killed.
        self.folder = tempfile.TemporaryDirectory(prefix="lkltest-corpus-", dir=folder)
        self.outbox = Outbox(uuid.uuid4().hex, Path(self.folder.name), self.seen)
        corpus = Path(self.folder.name) if order.guided and self.seen is not None else None
        self.supervisor = Supervisor(
            Task(self.config, description, order.scenarios, corpus, FunctionTable.of(liblkl)),
            self, seed=f"{order.seed}/{turn.number}", workers=turn.workers, seen=self.seen, stop=self.stop,
            reach=self.outbox.reach,
        )  # fmt: skip
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _run(self) -> None:
        try:
            self.supervisor.run()
        except BaseException as error:
            self.error = error
            self.stop.set()

    def _watch(self) -> None:
        """Stop when no turn comes any longer."""
        while not self.stop.wait(1.0):
            if time.monotonic() > self.until:
                self.stop.set()
        self.thread.join()
        if time.monotonic() > self.until:
            forget(self)

    def meet(self, name: str) -> None:
        """Keep a failure that is only counted."""
        self.outbox.add(Met(name))

    def add(self, crash: Crash) -> None:
        """Keep a failure."""
        self.outbox.add(crash)

    def known(self) -> Known:
        """The session's knowledge at the last turn."""
        return self.latest

    def take(self, turn: Turn) -> News:
        """Let the loops work, and return what is new; raises their error."""
        self.until = time.monotonic() + ABANDONED
        self.latest = turn.known
        self.outbox.acknowledge(turn)
        self._learn(turn)
        if turn.stop:
            self.stop.set()
            self.thread.join()
        until = time.monotonic() + turn.seconds
        while self.thread.is_alive() and time.monotonic() < until and not self.outbox.failures:
            time.sleep(LOOK)
        self.until = time.monotonic() + ABANDONED
        if self.error is not None:
            raise self.error
        supervisor = self.supervisor
        return self.outbox.news(total(supervisor.progress()), dict(supervisor.counts()), tuple(supervisor.lost))

    def _learn(self, turn: Turn) -> None:
        """Take the entries and the edges of others."""
        for name, text in turn.corpus.items():
            temporary = Path(self.folder.name, f".{name}")
            temporary.write_text(text, encoding="utf-8")
            temporary.rename(Path(self.folder.name, name))
        if self.seen is not None:
            for edge in array("I", turn.edges):
                self.seen.add(edge)

    def close(self) -> None:
        """End the loops, and free their memory."""
        self.stop.set()
        self.thread.join()
        self.supervisor.close()
        if self.seen is not None:
            self.seen.close()
        self.folder.cleanup()


_members: dict[str, Member] = {}  # of this process, by campaign
_lock = threading.Lock()


def take_turn(turn: Turn) -> News:
    """Run by Dask on a worker: the news of the member there, which is started first if need be."""
    from distributed import get_worker

    campaign = turn.order.campaign
    with _lock:
        member = _members.get(campaign)
        if member is None:
            member = _members[campaign] = Member(turn, get_worker().local_directory)
    try:
        news = member.take(turn)
    except BaseException:
        forget(member)
        raise
    if turn.stop:
        forget(member)
    return news


def hurry_name(campaign: str) -> str:
    """The name of Dask's event that lets all reproductions of a campaign come to their end."""
    return f"lkltest-hurry-{campaign}"


def reproduce_there(campaign: str, crash: Crash, seconds: float) -> Reproduction:
    """Run by Dask on a worker: reproduce a failure on kernels there; raises LookupError where the member is gone.

    The search for smaller programs ends after so many seconds at most.
    """
    from distributed import secede

    secede()  # turns come meanwhile
    with _lock:
        member = _members.get(campaign)
    if member is None:
        raise LookupError(campaign)
    config = replace(member.config, cmdline=crash.config.cmdline, nice=NICE)
    with hurried(campaign) as hurry, Runner(config, member.description) as runner:
        return reproduce(crash, runner, minimize_seconds=seconds, hurry=hurry)


@contextmanager
def hurried(campaign: str) -> Iterator[threading.Event]:
    """An event of this process that is set when the campaign's session is in a hurry, or the scheduler is gone."""
    from distributed import Event

    hurry, done = threading.Event(), threading.Event()
    there = Event(hurry_name(campaign))

    def watch() -> None:
        with suppress(OSError, TimeoutError, RuntimeError):
            while not done.is_set() and not there.wait(timeout=1.0):
                pass
        hurry.set()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield hurry
    finally:
        done.set()


def forget(member: Member) -> None:
    """End a member."""
    with _lock:
        for campaign in [name for name, other in _members.items() if other is member]:
            del _members[campaign]
    member.close()
