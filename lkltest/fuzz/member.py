"""The part of a campaign that one Dask worker does: loops that go on, and turns in which they report.

Dask runs `take_turn` again and again. The first turn starts the loops, in processes of their own, and each later one
waits a little, and returns the news. The loops go on between the turns. A member that no turn has reached for
`ABANDONED` seconds ends: its session is gone.
"""

from __future__ import annotations

import re
import tempfile
import threading
import time
import uuid
from array import array
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from lkltest.coverage.collect import is_instrumented
from lkltest.errors import UsageError
from lkltest.fuzz import target
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.gen.store import SUFFIX
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.fuzz.messages import Known, Met, Progress, Task, total
from lkltest.fuzz.repro.repro import Crash
from lkltest.fuzz.supervisor import Supervisor
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

ABANDONED = 120.0  # seconds
LOOK = 0.05  # seconds between two looks of a turn


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
    taken: int = 0  # failures that the session has taken from this member: it need not keep them any longer
    corpus: Mapping[str, str] = field(default_factory=dict)  # entries of other members: texts by names
    edges: bytes = b""  # that others have reached, as an array of numbers
    stop: bool = False  # it is the last one


@dataclass(frozen=True)
class News:
    """The answer of a member; progress and counts are since its start."""

    member: str  # its name: a member that was started anew has another one
    progress: Progress
    counts: Mapping[tuple[int, int], int]
    failures: tuple[Crash | Met, ...]  # those that the session has not taken yet
    first: int  # number of the first of them
    corpus: Mapping[str, str]  # new entries
    edges: bytes  # newly reached
    lost: tuple[str, ...]


def identity(liblkl: Liblkl, description: Description) -> str:
    """Text that two machines share if they can exchange programs and edges."""
    calls = sorted((name, signature.number) for name, signature in description.headers.calls.items())
    size = liblkl.shared.stat().st_size if liblkl.shared else 0
    return f"{liblkl.name} {liblkl.version}, library of {size:,} bytes, {len(calls)} calls ({uuid_of(calls)})"


def entries(directory: Path, known: Set[str] = frozenset()) -> dict[str, str]:
    """The entries of a corpus's directory that are not known: texts by names. The directory is made where it lacks."""
    directory.mkdir(parents=True, exist_ok=True)
    return {
        path.name: path.read_text(errors="replace") for path in directory.glob(f"[!.]*{SUFFIX}")
        if path.name not in known
    }  # fmt: skip


def uuid_of(value: object) -> str:
    """A short digest of a value's text."""
    return uuid.uuid5(uuid.NAMESPACE_OID, repr(value)).hex[:8]


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
        self.name = uuid.uuid4().hex
        self.lock = threading.Lock()  # of the failures
        self.failures: list[Crash | Met] = []
        self.first = 0  # number of the first of them
        self.latest = Known()
        self.until = time.monotonic() + ABANDONED
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.seen = SeenEdges() if is_instrumented(liblkl) else None
        self.reported = bytes(0)  # the map of seen edges at the last turn
        # Dask clears away the directory of a worker that was killed.
        self.folder = tempfile.TemporaryDirectory(prefix="lkltest-corpus-", dir=folder)
        self.entries: set[str] = set()  # names of entries that the session has
        corpus = Path(self.folder.name) if order.guided and self.seen is not None else None
        self.supervisor = Supervisor(
            Task(KernelConfig.make(liblkl, settings, description.shapes), description, order.scenarios, corpus),
            self, seed=f"{order.seed}/{turn.number}", workers=turn.workers, seen=self.seen, stop=self.stop,
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
        with self.lock:
            self.failures.append(Met(name))

    def add(self, crash: Crash) -> None:
        """Keep a failure."""
        with self.lock:
            self.failures.append(crash)

    def known(self) -> Known:
        """The session's knowledge at the last turn."""
        return self.latest

    def take(self, turn: Turn) -> News:
        """Let the loops work, and return what is new; raises their error."""
        self.until = time.monotonic() + ABANDONED
        self.latest = turn.known
        with self.lock:
            del self.failures[: turn.taken - self.first]
            self.first = turn.taken
        self._learn(turn)
        if turn.stop:
            self.stop.set()
            self.thread.join()
        until = time.monotonic() + turn.seconds
        while self.thread.is_alive() and time.monotonic() < until and not self.failures:
            time.sleep(LOOK)
        self.until = time.monotonic() + ABANDONED
        if self.error is not None:
            raise self.error
        return self._news()

    def _learn(self, turn: Turn) -> None:
        """Take the entries and the edges of others."""
        for name, text in turn.corpus.items():
            self.entries.add(name)
            temporary = Path(self.folder.name, f".{name}")
            temporary.write_text(text)
            temporary.rename(Path(self.folder.name, name))
        if self.seen is not None:
            for edge in array("I", turn.edges):
                self.seen.add(edge)

    def _news(self) -> News:
        corpus = entries(Path(self.folder.name), self.entries)
        self.entries |= set(corpus)
        with self.lock:
            failures, first = tuple(self.failures), self.first
        return News(
            self.name, total(self.supervisor.progress()), dict(self.supervisor.counts()), failures, first, corpus,
            self._edges(), tuple(self.supervisor.lost),
        )

    def _edges(self) -> bytes:
        """The edges that were reached since the last turn."""
        if self.seen is None:
            return b""
        before, self.reported = self.reported, self.seen.map[:]
        reached = (match.start() for match in re.finditer(rb"[^\0]", self.reported))
        return array("I", (edge for edge in reached if not before or not before[edge])).tobytes()

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
            turn = replace(turn, taken=0)
            member = _members[campaign] = Member(turn, get_worker().local_directory)
    try:
        news = member.take(turn)
    except BaseException:
        forget(member)
        raise
    if turn.stop:
        forget(member)
    return news


def forget(member: Member) -> None:
    """End a member."""
    with _lock:
        for campaign in [name for name, other in _members.items() if other is member]:
            del _members[campaign]
    member.close()
