"""A campaign: the loops of one session on all workers of a Dask scheduler.

The session is a Dask client. For each Dask worker it has one task at a time, a turn of the member there
(`member.take_turn`), which brings the member's progress, its failures, its new entries of the corpus, and the edges and
functions that it has reached first. The next turn takes to it what the others have found. So nothing is lost that was
reported, when a worker dies or the scheduler does: it is here. All that a member has sent stays there until the next
turn says that it has come, and the result of a turn says that the member has what the turn took to it.

Workers may come and go: one that is new gets a turn, one that is gone is given up. Without its scheduler a campaign
ends, as with an error, after its failures are reproduced here.

Failures are reproduced by the members, one at a time by each (`member.reproduce_there`); by the session only those of a
member that dies meanwhile, and those that still wait when the fuzzing is over.
"""

from __future__ import annotations

import threading
import time
import uuid
from array import array
from collections import Counter
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lkltest.errors import LkltestError, UsageError
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.functions import NewFunctions
from lkltest.fuzz.member import News, Order, Turn, entries, hurry_name, reproduce_there, take_turn
from lkltest.fuzz.messages import Failures, InternalError, Met, Progress
from lkltest.fuzz.repro.repro import Crash, Reproduction
from lkltest.host import outfile
from lkltest.host.closing import Closing

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT = 10.0  # seconds
LOOK = 0.1  # seconds between two looks at the turns
TURN = 1.0  # seconds of a turn, at most
LAST = 60.0  # seconds in which members come to their end, at most
GONE = 10.0  # seconds without a scheduler until the campaign ends
LAST_RUN = 15.0  # seconds that a member in a hurry has to tell what it has found

# Raised by Dask where its scheduler, or the worker, has just gone; a cancelled task's error is none of the first three.
UNREACHED = (OSError, TimeoutError, RuntimeError, KeyError, CancelledError)


class Remote:
    """A member as its session has it."""

    def __init__(self, address: str, number: int, workers: int) -> None:
        self.address = address
        self.number = number
        self.workers = workers
        self.member = ""  # its name; a new one where it was started anew
        self.progress = Progress()
        self.counts: Counter[tuple[int, int]] = Counter()
        self.taken = 0  # failures
        self.news = 0  # number of the last news
        self.lost: tuple[str, ...] = ()
        self.corpus: set[str] = set()  # entries that it has
        self.edges: set[int] = set()  # that it has reached, or was told
        self.given: tuple[set[str], set[int]] = (set(), set())  # entries and edges that the turn takes to it
        self.turn: Future | None = None
        self.reproducing = False  # a failure
        self.last = False  # the turn is its last one


class Campaign(Closing):
    """The loops on all workers of a scheduler; `Loops` for a session."""

    def __init__(
        self, client: Client, order: Order, failures: Failures, *, config: KernelConfig, workers: int,
        corpus: Path | None, seen: SeenEdges | None, stop: threading.Event, reach: Callable[[NewFunctions], None],
    ) -> None:
        """`config` is that of the kernel here, `workers` the number of loops on each Dask worker (0: one a thread).

        Entries of the corpus that are in the directory `corpus` go to the members, and theirs come there; `seen` takes
        the edges of all, `reach` the functions.
        """
        self.order = order
        self.config = config
        self.failures = failures
        self.workers = workers
        self.corpus = corpus
        self.seen = seen
        self.stop = stop
        self.reach = reach
        self.client = client
        self.scheduler = client.scheduler.address
        self.remotes: dict[str, Remote] = {}  # by address
        self.joined = 0  # members
        self.lock = threading.Lock()  # of what follows:
        self.gone = Progress()
        self.gone_counts: Counter[tuple[int, int]] = Counter()
        self.lost: list[str] = []
        self.texts = entries(corpus) if corpus is not None else {}  # of the corpus, by name
        self.edges: set[int] = set()
        self.error: LkltestError | None = None
        self.answered = time.monotonic()  # when the scheduler answered last
        self.hurried = 0.0  # when the members were told to hurry
        self.looked, self.workers_there = 0.0, set[str]()  # for those that reproduce

    def run(self) -> None:
        """Give turns to all members until `stop` is set; raises the first error of a member, or the scheduler's end."""
        while not self.stop.is_set() and self._look():
            for remote in list(self.remotes.values()):
                self._advance(remote)
            time.sleep(LOOK)
        until = time.monotonic() + LAST
        while self.remotes and time.monotonic() < until and self._look(join=False):
            for remote in list(self.remotes.values()):
                self._advance(remote, last=True)
            time.sleep(LOOK)
        if self.error is not None:
            raise self.error

    def _look(self, *, join: bool = True) -> bool:
        """Note which Dask workers there are; False where the scheduler is gone."""
        try:
            if self.client.status == "running":
                threads: dict[str, int] = self.client.nthreads()
                self.answered = time.monotonic()
                self._note(threads, join=join)
        except UNREACHED:  # it ends, or is reached no more
            pass
        if time.monotonic() - self.answered < GONE and self.client.status != "closed":
            return True
        self._fail(LkltestError(
            f"the scheduler {self.scheduler} is gone: what was reported until then is kept; start it anew, and go on"
        ))
        return False

    def _note(self, threads: dict[str, int], *, join: bool) -> None:
        for address in self.remotes.keys() - threads.keys():
            self._retire(self.remotes.pop(address), "it is gone")
        for address in threads.keys() - self.remotes.keys() if join else ():
            self.remotes[address] = Remote(address, self.joined, self.workers or threads[address])
            self.joined += 1

    def _retire(self, remote: Remote, why: str) -> None:
        """Give up a member; all that it had reported counts."""
        if remote.turn is not None:
            remote.turn.cancel()
        with self.lock:
            self.lost.append(
                f"the member at {remote.address} was lost ({why}) after {remote.progress.programs:,} programs"
            )
            self.gone.add(remote.progress)
            self.gone_counts.update(remote.counts)
            remote.progress, remote.counts = Progress(), Counter()

    def _advance(self, remote: Remote, *, last: bool = False) -> None:
        """Take the news of a turn that has ended, and begin the next one; after the last one, the member is done."""
        if remote.turn is not None:
            if not remote.turn.done():
                return
            ended, remote.turn = remote.turn, None
            self._take(remote, ended)
            if remote.last:
                self._done(remote)
                return
        if remote.address not in self.remotes or (last and not remote.member):
            self._done(remote)
            return
        remote.last = last
        remote.turn = self.client.submit(
            take_turn, self._turn(remote, stop=last), workers=[remote.address], allow_other_workers=False, pure=False,
            key=f"lkltest-{self.order.campaign}-{remote.number}-{uuid.uuid4().hex}", retries=0,
        )

    def _done(self, remote: Remote) -> None:
        """Count a member that has come to its end."""
        if self.remotes.pop(remote.address, None) is not None:
            with self.lock:
                self.gone.add(remote.progress)
                self.gone_counts.update(remote.counts)

    def _turn(self, remote: Remote, *, stop: bool) -> Turn:
        """The next turn of a member, with all that it does not have yet."""
        corpus = {name: text for name, text in self.texts.items() if name not in remote.corpus}
        edges = self.edges - remote.edges
        remote.given = (set(corpus), edges)
        return Turn(
            self.order, remote.number, remote.workers, TURN, self.failures.known(), remote.member, remote.taken,
            remote.news, corpus, array("I", edges).tobytes(), stop,
        )

    def _take(self, remote: Remote, turn: Future) -> None:
        """Take the news of a turn. The error of a member ends the campaign, the end of a worker only its part."""
        if turn.status != "finished":
            error = self._error(turn)
            if error is None or type(error).__module__.startswith("distributed"):  # KilledWorker, CancelledError
                return
            self._fail(told(error, remote.address))
            self._done(remote)
            return
        try:
            news: News = turn.result(timeout=CONNECT)
        except UNREACHED:
            return  # the worker, or the scheduler, has just gone
        self._count(remote, news)
        for failure in news.failures[remote.taken - news.first :]:
            if isinstance(failure, Met):
                self.failures.meet(failure.name)
            else:  # its kernel has other paths there
                self.failures.add(replace(failure, config=replace(self.config, cmdline=failure.config.cmdline)))
        remote.taken, remote.news = news.first + len(news.failures), news.number
        new = {name: text for name, text in news.corpus.items() if name not in self.texts}
        if self.corpus is not None:
            for name, text in new.items():
                outfile.put(self.corpus / name, text)
        for functions in news.functions:
            self.reach(functions)
        edges = set(array("I", news.edges))
        if self.seen is not None:
            for edge in edges:
                self.seen.add(edge)
        with self.lock:
            self.texts |= new
            self.edges |= edges
        remote.corpus |= remote.given[0] | set(news.corpus)
        remote.edges |= remote.given[1] | edges

    @staticmethod
    def _error(turn: Future) -> BaseException | None:
        """The error that a turn has ended with; None where the scheduler has just gone."""
        try:
            return turn.exception(timeout=CONNECT) if turn.status == "error" else None
        except UNREACHED:
            return None

    def _count(self, remote: Remote, news: News) -> None:
        with self.lock:
            if remote.member and remote.member != news.member:  # it was started anew
                self.gone.add(remote.progress)
                self.gone_counts.update(remote.counts)
                self.lost.append(f"the member at {remote.address} was started anew")
                remote.taken, remote.lost = 0, ()
                remote.corpus, remote.edges = set(), set()  # the new one knows nothing yet
            remote.member = news.member
            remote.progress, remote.counts = news.progress, Counter(news.counts)
            self.lost += [f"{remote.address}: {sentence}" for sentence in news.lost[len(remote.lost) :]]
            remote.lost = news.lost

    def _fail(self, error: LkltestError) -> None:
        """End the campaign with an error, when the members have reported."""
        self.error = self.error or error
        self.stop.set()

    def reproduce(self, crash: Crash, seconds: float, hurry: threading.Event) -> Reproduction | None:
        """Let a member reproduce a failure, when one is free; None where that fails, or `hurry` leaves no time for it.

        `seconds` limits the search for smaller programs.
        """
        remote = self._free(hurry)
        if remote is None:
            return None
        try:
            future = self.client.submit(
                reproduce_there, self.order.campaign, crash, seconds, workers=[remote.address],
                allow_other_workers=False, pure=False, retries=0,
                key=f"lkltest-reproduce-{self.order.campaign}-{uuid.uuid4().hex}",
            )
            while not future.done() and self._lives(remote.address, hurry):
                time.sleep(LOOK)
            found: Reproduction | None = future.result(timeout=CONNECT) if future.status == "finished" else None
            future.release()
            return found
        except UNREACHED:  # the scheduler, or the worker, has just gone
            return None
        finally:
            remote.reproducing = False

    def _free(self, hurry: threading.Event) -> Remote | None:
        """Wait for a member that reproduces nothing, and take it; None where there are none, or no time."""
        while not hurry.is_set():
            with self.lock:
                remotes = list(self.remotes.values())
                for remote in remotes:
                    if remote.member and not remote.reproducing:
                        remote.reproducing = True
                        return remote
            if not remotes:
                return None
            time.sleep(LOOK)
        return None

    def _lives(self, address: str, hurry: threading.Event) -> bool:
        """Whether a worker is there; passes the hurry on, after which it has a little time to tell its result."""
        from distributed import Event

        if hurry.is_set():
            if not self.hurried:
                self.hurried = time.monotonic()
                Event(hurry_name(self.order.campaign), client=self.client).set()
            if time.monotonic() > self.hurried + LAST_RUN:
                return False
        if time.monotonic() > self.looked + GONE / 5:
            self.looked, self.workers_there = time.monotonic(), set(self.client.nthreads())
        return address in self.workers_there

    def progress(self) -> list[Progress]:
        """The progress of each member, and that of all that are gone."""
        with self.lock:
            return [self.gone, *(remote.progress for remote in list(self.remotes.values()))]

    def counts(self) -> Counter[tuple[int, int]]:
        """Counts of how calls ended, by the call's number and the bucket (0 for success, else the errno)."""
        with self.lock:
            whole = Counter(self.gone_counts)
            for remote in list(self.remotes.values()):
                whole.update(remote.counts)
            return whole

    def close(self) -> None:
        """Leave the scheduler; members that still run end when no turn reaches them."""
        self.client.close(timeout=CONNECT)


def told(error: BaseException, address: str) -> LkltestError:
    """The error of a member, for users."""
    if isinstance(error, ImportError):
        return UsageError(
            f"the Dask worker {address} cannot import lkltest ({error}): there, pip install the same lkltest[campaign]"
        )
    if isinstance(error, LkltestError):
        return type(error)(f"{address}: {error}")
    return InternalError.of(error)


def connect(scheduler: str) -> Client:
    """A client of a scheduler. Raises UsageError where Dask is not installed, or no scheduler answers."""
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--scheduler needs Dask: pip install 'lkltest[campaign]'") from None
    try:
        return Client(scheduler, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"no Dask scheduler at {scheduler} ({error}): start one with `dask scheduler`, and workers with "
            f"`dask worker {scheduler}`"
        ) from None
