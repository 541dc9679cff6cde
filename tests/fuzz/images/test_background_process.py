"""The work of the process that mutates images beside a guided session, here in the process of the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from multiprocessing.connection import Pipe
from os import dup
from pathlib import Path

import pytest

from lkltest.errors import KernelLost, LkltestError, UsageError
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.images import target
from lkltest.fuzz.images.background_process import NICE, ImagesLink, ImagesWork
from lkltest.fuzz.images.messages import FromImages, Hurry, ImagesProgress, ImagesTask
from lkltest.fuzz.images.session import Session
from lkltest.fuzz.images.state import Progress
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.messages import Stop
from lkltest.image import Recipe
from lkltest.image.metadata import Base
from lkltest.image.tools import MissingTool
from lkltest.settings import Settings

LONG = 300.0  # seconds, after which a test has failed


class Ends:
    """Both ends of a connection."""

    def __init__(self) -> None:
        self.session, other = Pipe()
        self.link = ImagesLink(str(dup(other.fileno())))
        other.close()

    @property
    def sent(self) -> list[FromImages]:
        """The messages that were sent since the last look."""
        found: list[FromImages] = []
        while self.session.poll():
            found.append(self.session.recv())
        return found

    def complaint(self) -> str:
        """The complaint of the last message."""
        last = self.sent[-1]
        assert isinstance(last, ImagesProgress)
        return last.complaint


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A connection."""
    made = Ends()
    yield made
    made.session.close()
    made.link.connection.close()


@pytest.fixture
def make(settings: Settings, tmp_path: Path, ends: Ends) -> Callable[..., ImagesWork]:
    """Make the work for some recipes."""

    def made(*names: str) -> ImagesWork:
        task = ImagesTask(names, settings, tmp_path / "out", tmp_path / "corpus", 1, 1, LONG, 0)
        return ImagesWork(task, seen, ends.link)

    seen = SeenEdges()
    return made


def test_a_host_without_a_program_is_told(
    make: Callable[..., ImagesWork], ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no error: the session goes on without images."""

    def missing(*_: object, **__: object) -> object:
        raise MissingTool("mkfs.ext4 is missing")

    monkeypatch.setattr(target, "making", missing)
    make("ext4").run()
    assert ends.complaint() == "no disk images are fuzzed: mkfs.ext4 is missing"


def test_a_session_that_ends_while_images_are_made(
    make: Callable[..., ImagesWork], ends: Ends, ext4: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image that is being made is the last one: the end of a session does not wait for the others."""
    made: list[str] = []

    def slow(recipe: Recipe, *_: object, **__: object) -> Target:
        made.append(recipe.name)
        ends.link.stop()
        return replace(ext4, metadata=replace(ext4.metadata, base=Base(ext4.base.path)))

    monkeypatch.setattr(target, "target", slow)
    work = make("ext4", "vfat", "xfs")
    work.run()
    assert made == ["ext4"]
    assert work.session is None
    assert ends.complaint() == "no disk images are fuzzed: the session ended before one was mounted"


def test_the_first_image_is_mounted_while_the_others_are_made(
    make: Callable[..., ImagesWork], ends: Ends, ext4: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work does not wait for all images, and leaves out those that the host cannot make; all kernels are nice."""
    pause = threading.Event()

    def slow(recipe: Recipe, *_: object, **__: object) -> Target:
        if recipe.name == "xfs":
            raise MissingTool("mkfs.xfs not found: apt-get install xfsprogs")
        if recipe.name == "vfat":
            assert work.session is not None
            while not work.session.progress["ext4"].images:
                pause.wait(0.05)
            ends.link.stop()
            ends.link.hurry.set()
        return replace(ext4, recipe=recipe.name, metadata=replace(ext4.metadata, base=Base(ext4.base.path)))

    monkeypatch.setattr(target, "target", slow)
    work = make("xfs", "ext4", "vfat", "btrfs")
    work.run()
    assert work.session is not None
    assert [(one.recipe, one.config.nice) for one in work.session.targets] == [("ext4", NICE), ("vfat", NICE)]
    last = ends.sent[-1]
    assert isinstance(last, ImagesProgress)
    assert last.left_out == ("no disk images of xfs are fuzzed: mkfs.xfs not found: apt-get install xfsprogs",)


@pytest.mark.parametrize(("error", "raised"), [(UsageError("cannot write"), True), (KernelLost("dies"), False)])
def test_a_finding_that_cannot_be_written_is_an_error(
    make: Callable[..., ImagesWork], ends: Ends, ext4: Target, monkeypatch: pytest.MonkeyPatch, error: LkltestError, *,
    raised: bool,
) -> None:
    """The session must not end as if there were none; kernels that are lost before any image end the images alone."""

    @contextmanager
    def making(*_: object, **__: object) -> Iterator[Iterator[Target]]:
        yield iter([ext4])

    def run(*_: object) -> None:
        raise error

    monkeypatch.setattr(target, "making", making)
    monkeypatch.setattr(Session, "run", run)
    work = make("ext4")
    with pytest.raises(UsageError, match="cannot write") if raised else nullcontext():
        work.run()
    assert work.complaint == ("" if raised else "no disk images are fuzzed: dies")
    assert raised or ends.complaint() == work.complaint


def test_kernels_have_a_lower_priority(
    make: Callable[..., ImagesWork], monkeypatch: pytest.MonkeyPatch, ext4: Target
) -> None:
    """The loops come first. The session's environment is added to that of a target."""

    @contextmanager
    def making(*_: object, **__: object) -> Iterator[Iterator[Target]]:
        yield iter([replace(ext4, config=replace(ext4.config, env={"OF_TARGET": "1"}))])

    configs: list[KernelConfig] = []
    monkeypatch.setattr(target, "making", making)
    monkeypatch.setattr(Session, "run", lambda self, *_: configs.extend(one.config for one in self.targets))
    work = make("ext4")
    work.task = replace(work.task, env={"OF_SESSION": "2"})
    work.run()
    assert [config.nice for config in configs] == [NICE]
    assert [config.env for config in configs] == [{"OF_TARGET": "1", "OF_SESSION": "2"}]


@pytest.mark.parametrize(
    ("messages", "gone", "events"),
    [((Stop(),), False, [True, False]), ((Stop(), Hurry()), False, [True, True]), ((), True, [True, True])],
)
def test_the_session_ends_the_work(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, messages: tuple[Stop | Hurry, ...], events: list[bool], *, gone: bool
) -> None:
    """A stop ends the fuzzing, a hurry the reproduction; a session that is gone ends both."""
    for message in messages:
        ends.session.send(message)
    if not gone:  # the end of the messages is another event
        monkeypatch.setattr(ends.link, "gone", lambda: None)
    ends.session.close()
    ends.link.read()
    assert [ends.link.stopping.is_set(), ends.link.hurry.is_set()] == events


def test_a_state_is_sent_once(make: Callable[..., ImagesWork], ends: Ends) -> None:
    """Only news make a message."""
    work = make("ext4")
    work.send()
    assert ends.sent == []
    work.left_out.append("a.image is left out")
    for _ in range(2):
        work.send()
    assert ends.sent == [ImagesProgress(left_out=("a.image is left out",))]


def test_edges_of_stored_inputs_are_told_apart(
    make: Callable[..., ImagesWork], ext4: Target, settings: Settings, tmp_path: Path
) -> None:
    """They are no edges of their recipe."""
    work = make("ext4")
    with Session([ext4], settings, tmp_path, 1, 1) as work.session:
        work.session.progress["ext4"] = Progress(images=3, edges=5)
        assert work.state.edges == {"ext4": 5}
        work.session.progress["ext4"].edges_of_stored = 7
        assert work.state.edges == {"ext4": 5, "images of the corpus": 7}
