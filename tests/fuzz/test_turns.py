"""The turns of a campaign's members, without a kernel: what a lost turn or a member's new start leaves to be sent."""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lkltest.errors import KernelLost
from lkltest.fuzz.campaign import Campaign, Remote
from lkltest.fuzz.crash_queue import CrashQueue
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.functions import NewFunctions
from lkltest.fuzz.member import News, Order, Outbox, Turn
from lkltest.fuzz.messages import Known, Met, Progress
from lkltest.settings import Settings

ADDRESS = "tcp://192.0.2.1:1"


class Client:
    """The part of a Dask client that a campaign calls; its turns end when the test says so."""

    def __init__(self) -> None:
        self.scheduler = SimpleNamespace(address="tcp://192.0.2.2:1")
        self.turns: list[Turn] = []

    def submit(self, _function: object, turn: Turn, **_named: object) -> SimpleNamespace:
        """Note a turn, which goes on."""
        self.turns.append(turn)
        return SimpleNamespace(done=lambda: False)


class Session:
    """A campaign with one member, whose turns end as the test says."""

    def __init__(self, settings: Settings, corpus: Path) -> None:
        self.met: list[str] = []
        self.reached: list[NewFunctions] = []
        failures = cast(CrashQueue, SimpleNamespace(meet=self.met.append, known=Known))
        self.client = Client()
        self.campaign = Campaign(
            cast(Any, self.client), Order("campaign", settings, "kernel", (), 1, True), failures,
            config=cast(KernelConfig, None), workers=1, corpus=corpus, seen=None, stop=threading.Event(),
            reach=self.reached.append,
        )  # fmt: skip
        self.remote = self.campaign.remotes[ADDRESS] = Remote(ADDRESS, 0, 1)
        self.campaign._advance(self.remote)

    @property
    def turn(self) -> Turn:
        """The last turn that was given."""
        return self.client.turns[-1]

    def end(self, **ended: object) -> Turn:
        """End the turn; the next one."""
        self.remote.turn = cast(Any, SimpleNamespace(done=lambda: True, **ended))
        self.campaign._advance(self.remote)
        return self.turn

    def bring(self, news: News) -> Turn:
        """End the turn with news; the next one."""
        return self.end(status="finished", result=lambda **_: news)


def make_news(member: str, number: int = 1, programs: int = 1, **more: object) -> News:
    """News of a member."""
    values: dict[str, Any] = {"failures": (), "first": 0, "corpus": {}, "edges": b"", "lost": (), **more}
    return News(member, number, Progress(programs=programs), Counter({(1, 0): programs}), **values)


@pytest.fixture
def session(settings: Settings, tmp_path: Path) -> Session:
    """A session that has an entry of the corpus and two edges."""
    (tmp_path / "a.prog").write_text("sync()\n")
    session = Session(settings, tmp_path)
    session.campaign.edges = {7, 9}
    session.end(status="cancelled")
    return session


def given(turn: Turn) -> tuple[set[str], set[int]]:
    """The entries and edges that a turn takes to its member."""
    return set(turn.corpus), set(array("I", turn.edges))


@pytest.mark.parametrize("status", ["lost", "cancelled"])
def test_a_turn_without_a_result_has_delivered_nothing(session: Session, status: str) -> None:
    """The next turn takes the same entries and edges again; after a result, none of them."""
    assert given(session.turn) == ({"a.prog"}, {7, 9})
    assert given(session.end(status=status)) == ({"a.prog"}, {7, 9})
    assert given(session.bring(make_news("one"))) == (set(), set())


def test_a_member_started_anew_is_given_everything(session: Session) -> None:
    """Entries and edges that its predecessor had, and those that it reported, go to the new one."""
    news = make_news("one", corpus={"b.prog": "sync()\n"}, edges=array("I", [11]).tobytes())
    assert given(session.bring(news)) == (set(), set())
    assert given(session.bring(make_news("two"))) == ({"a.prog", "b.prog"}, {7, 9, 11})
    assert session.campaign.gone.programs == 1
    assert given(session.bring(make_news("two", 2))) == (set(), set())


def test_figures_of_a_member_that_fails_stay(session: Session) -> None:
    """An error of a member ends the campaign, and what the member had reported counts."""
    session.bring(make_news("one", programs=5))
    session.end(status="error", exception=lambda **_: KernelLost("it does not boot"))
    assert isinstance(session.campaign.error, KernelLost)
    assert not session.campaign.remotes
    assert sum(part.programs for part in session.campaign.progress()) == 5
    assert session.campaign.counts() == {(1, 0): 5}


def test_news_that_do_not_arrive_come_again(session: Session, tmp_path: Path) -> None:
    """Failures, entries and edges of a turn whose result is lost are in the next news, until they are acknowledged."""
    folder = tmp_path / "member"
    folder.mkdir()

    def report(outbox: Outbox, turn: Turn) -> News:
        outbox.acknowledge(turn)
        return outbox.news(Progress(), {}, ())

    with SeenEdges() as seen:
        outbox = Outbox("one", folder, seen)
        (folder / "b.prog").write_text("sync()\n")
        seen.add(3)
        outbox.add(Met("hang-here"))
        lost = report(outbox, session.turn)
        again = report(outbox, session.end(status="lost"))
        for news in (lost, again):
            assert (set(news.corpus), set(array("I", news.edges)), news.failures) == (
                {"b.prog"}, {3}, (Met("hang-here"),),
            )  # fmt: skip
        seen.add(4)
        turn = session.bring(again)
        last = report(outbox, turn)
        assert (set(last.corpus), set(array("I", last.edges)), last.failures) == (set(), {4}, ())
        again = report(outbox, session.end(status="lost"))
        assert set(array("I", again.edges)) == {4}
        assert session.met == ["hang-here"]
        assert session.campaign.edges == {3, 7, 9}
        assert (tmp_path / "b.prog").is_file()
        other = Outbox("two", folder, seen)  # the turn acknowledges news of "one"
        other.add(Met("hang-there"))
        first = report(other, turn)
        assert (set(first.corpus), set(array("I", first.edges)), first.failures) == (
            {"b.prog"}, {3, 4}, (Met("hang-there"),),
        )  # fmt: skip


def test_functions_come_until_they_are_acknowledged(session: Session, tmp_path: Path) -> None:
    """Functions of a turn whose result is lost come again; a turn that is repeated takes no newer ones away."""
    outbox = Outbox("one", tmp_path, None)
    first, second, third = (NewFunctions(((name, 0),), "files", None) for name in ("first", "second", "third"))

    def report(turn: Turn) -> News:
        outbox.acknowledge(turn)
        return outbox.news(Progress(), {}, ())

    outbox.reach(first)
    report(session.turn)  # and is lost
    outbox.reach(second)
    again = report(session.end(status="lost"))
    assert again.functions == (first, second)
    turn = session.bring(again)
    assert session.reached == [first, second]
    outbox.acknowledge(turn)
    outbox.reach(third)
    assert report(turn).functions == (third,)
