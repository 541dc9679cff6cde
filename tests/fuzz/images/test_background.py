"""Images beside a guided session: which recipes, where findings go, and what leaves them out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.errors import KernelLost, LkltestError, UsageError
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.images import target
from lkltest.fuzz.images.background import DIRECTORY, NICE, Background
from lkltest.fuzz.images.session import Session
from lkltest.fuzz.images.target import DEFAULT, Target
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.repro.report import ReportType
from lkltest.image import Recipe
from lkltest.image.metadata import Base
from lkltest.image.tools import MissingTool
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

LONG = 300.0  # seconds, after which a test has failed


@pytest.fixture
def make(liblkl: Liblkl, settings: Settings, tmp_path: Path) -> Callable[..., Background]:
    """Make the images of a session."""

    def made(*names: str, kernel: Liblkl = liblkl, loops: int = 1) -> Background:
        return Background(
            names, kernel, settings, tmp_path, seed=1, loops=loops, seen=seen, reproduce_seconds=0,
            reach=lambda _: None, corpus=tmp_path / "corpus",
        )

    seen = SeenEdges()
    return made


@pytest.mark.parametrize(("loops", "workers"), [(1, 1), (2, 1), (8, 2), (64, 4)])
def test_few_workers_mount_images(make: Callable[..., Background], loops: int, workers: int) -> None:
    """One for four loops, but one at least, and never more than the session's process can serve."""
    assert make("ext4", loops=loops).workers == workers


def test_the_recipes_are_those_of_the_kernel(make: Callable[..., Background], liblkl: Liblkl) -> None:
    """A file system that a kernel lacks is left out; one that has none of them is told of, and is no error."""
    without = replace(liblkl, config=liblkl.config - {"CONFIG_BTRFS_FS", "CONFIG_XFS_FS"})
    assert make(*DEFAULT, kernel=without).recipes == ["ext4", "vfat", "ext4-inline", "vfat-16"]
    nothing = make(*DEFAULT, kernel=replace(liblkl, config=frozenset()))
    nothing.run(LONG)
    assert nothing.complaint.startswith("no disk images are fuzzed: the kernel's configuration names none")
    assert nothing.images == 0


def test_a_host_without_a_program_is_told(
    make: Callable[..., Background], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session goes on without images."""

    def missing(*_: object, **__: object) -> object:
        raise MissingTool("mkfs.ext4 is missing")

    monkeypatch.setattr(target, "targets", missing)
    images = make("ext4")
    images.run(LONG)
    assert images.complaint == "no disk images are fuzzed: mkfs.ext4 is missing"
    assert not images.findings


def test_a_session_that_ends_while_images_are_made(
    make: Callable[..., Background], ext4: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image that is being made is the last one: the end of a session does not wait for the others."""
    made: list[str] = []

    def slow(recipe: Recipe, *_: object, **__: object) -> Target:
        made.append(recipe.name)
        images.stop.set()
        return replace(ext4, metadata=replace(ext4.metadata, base=Base(ext4.base.path)))

    monkeypatch.setattr(target, "target", slow)
    images = make("ext4", "vfat", "xfs")
    images.run(LONG)
    assert made == ["ext4"]
    assert images.session is None
    assert images.complaint == "no disk images are fuzzed: the session ended before they were made"


@pytest.mark.parametrize(("error", "raised"), [(UsageError("cannot write"), True), (KernelLost("dies"), False)])
def test_a_finding_that_cannot_be_written_is_an_error(
    make: Callable[..., Background], ext4: Target, monkeypatch: pytest.MonkeyPatch, error: LkltestError, *, raised: bool
) -> None:
    """The session must not end as if there were none; kernels that are lost before any image end the images alone."""

    @contextmanager
    def targets(*_: object, **__: object) -> Iterator[tuple[Target, ...]]:
        yield (ext4,)

    def run(*_: object) -> None:
        raise error

    monkeypatch.setattr(target, "targets", targets)
    monkeypatch.setattr(Session, "run", run)
    images = make("ext4")
    with pytest.raises(UsageError, match="cannot write") if raised else nullcontext():
        images.run(LONG)
    assert images.complaint == ("" if raised else "no disk images are fuzzed: dies")


def test_images_are_mounted_until_they_are_stopped(
    make: Callable[..., Background], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Kernels of a lower priority mount them, from the corpus as well; with the stop, the thread ends."""
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.image").write_text("nothing\n\ngetpid()\n")
    configs: list[KernelConfig] = []
    make_session = Session.__init__

    def init(self: Session, targets: list[Target], *more: object, **named: object) -> None:
        configs.extend(one.config for one in targets)
        make_session(self, targets, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "__init__", init)
    images = make("ext4")
    thread = threading.Thread(target=images.run, args=(LONG,), daemon=True)
    thread.start()
    pause = threading.Event()
    while thread.is_alive() and not images.images:
        pause.wait(0.05)
    images.stop.set()
    images.hurry.set()
    thread.join(LONG)
    assert not thread.is_alive()
    assert images.complaint == ""
    assert images.images > 0
    assert [config.nice for config in configs] == [NICE]
    assert [line.partition(" is left out")[0] for line in images.left_out] == [str(tmp_path / "corpus" / "a.image")]


def test_findings_stand_in_a_directory_of_their_own(
    make: Callable[..., Background], settings: Settings, ext4: Target, tmp_path: Path
) -> None:
    """A finding on an image may have the name of one without: the place tells them apart."""
    images = make("ext4")
    finding = Finding("crash-here", ReportType.CRASH, "a crash", (), "lkl", "4.9.0", 1, 1, reproducer=False)
    with Session([ext4], settings, tmp_path, seed=1, workers=1) as session:
        session.findings["crash-here"] = finding
        images.session = session
        assert images.findings == {f"{DIRECTORY}/crash-here": replace(finding, name=f"{DIRECTORY}/crash-here")}


def test_a_guided_session_alone_has_images(
    config: KernelConfig, description: Description, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blind one has none, whatever the kernel tells."""
    monkeypatch.setattr("lkltest.fuzz.fuzzer.is_instrumented", lambda _: True)
    for guided in (True, False):
        fuzzer = Fuzzer(config, description, settings, tmp_path, seed=1, workers=1, guided=guided, images=("ext4",))
        assert (fuzzer.images is not None) is guided
        fuzzer.close()
