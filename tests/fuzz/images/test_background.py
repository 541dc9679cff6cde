"""Images beside a guided session: which recipes, where findings go, what leaves them out, and their process."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.functions import NewFunctions
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.images.background import DIRECTORY, Background
from lkltest.fuzz.images.messages import ImagesProgress
from lkltest.fuzz.images.mounts import mount
from lkltest.fuzz.images.store import ImageStore
from lkltest.fuzz.images.target import DEFAULT, Target
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.messages import InternalError
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.report import ReportType
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from tests.processes import gone

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


def run_until(images: Background, done: Callable[[], bool]) -> None:
    """Run until something is reached, or the process has ended by itself; raises what the run raises."""
    def watch() -> None:
        until = time.monotonic() + LONG
        while not (over.wait(0.05) or done()) and time.monotonic() < until:
            pass
        images.stop.set()

    over = threading.Event()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        images.run(LONG)
    finally:
        over.set()
        watcher.join()
        assert images.process is not None
        assert gone(images.process.child.pid, timeout=0.1)


@pytest.mark.parametrize(("loops", "workers"), [(1, 1), (2, 1), (8, 2), (64, 4)])
def test_few_workers_mount_images(make: Callable[..., Background], loops: int, workers: int) -> None:
    """One for four loops, but one at least, and never more than threads of one process can serve."""
    assert make("ext4", loops=loops).workers == workers


def test_the_recipes_are_those_of_the_kernel(make: Callable[..., Background], liblkl: Liblkl) -> None:
    """A file system that a kernel lacks is left out; one that has none of them is told of, and is no error."""
    without = replace(liblkl, config=liblkl.config - {"CONFIG_BTRFS_FS", "CONFIG_XFS_FS"})
    assert make(*DEFAULT, kernel=without).recipes == ["ext4", "vfat", "ext4-inline", "vfat-16"]
    nothing = make(*DEFAULT, kernel=replace(liblkl, config=frozenset()))
    nothing.run(LONG)
    assert nothing.complaint.startswith("no disk images are fuzzed: the kernel's configuration names none")
    assert nothing.images == 0
    assert nothing.process is None


@pytest.mark.parametrize("writable", [True, False])
def test_a_process_brings_what_it_finds(
    make: Callable[..., Background], ext4: Target, parse: Callable[[str], Program], tmp_path: Path, *, writable: bool
) -> None:
    """Findings, images and left out files come from it, and the error of a finding that cannot be written.

    The image of the corpus is one at which Linux 4.9 warns (see `test_finding`).
    """
    journal = next(block for block in ext4.metadata.blocks if block.kind == "journal superblock")
    place = next(field.offset for field in journal.fields if field.name == "first_sequence")
    store = ImageStore(tmp_path / "corpus", ext4)
    program = (*mount(ext4), *parse('creat("f0", 0)\nstatfs(".", &out(120))\n').calls)
    store.write(((place, b"\xff\xff\xff\xfe"),), [store.encoded(call) for call in program])
    (tmp_path / "corpus" / "a.image").write_text("nothing\n\ngetpid()\n")
    if not writable:
        (tmp_path / DIRECTORY).write_text("")
    images = make("ext4")
    images.hurry.set()  # nothing is reproduced
    with nullcontext() if writable else pytest.raises(UsageError, match=f"cannot write .*{DIRECTORY}"):
        run_until(images, lambda: bool(images.findings))
    assert images.complaint == ""
    assert [line.partition(" is left out")[0] for line in images.left_out] == [str(tmp_path / "corpus" / "a.image")]
    if writable:
        directory, finding = next(iter(images.findings.items()))
        assert finding.image == "ext4"
        assert (tmp_path / directory / "image.txt").is_file()
        assert images.images > 0
        assert images.edges == {"ext4": 0}  # this kernel tells none


def test_a_process_ends_while_images_are_made(make: Callable[..., Background]) -> None:
    """A session that ends at once has no images, and says so."""
    images = make("ext4")
    run_until(images, lambda: True)
    assert images.complaint == "no disk images are fuzzed: the session ended before one was mounted"


def test_a_lost_process_is_told(make: Callable[..., Background]) -> None:
    """The session goes on without images; what the process had sent counts, but for what waited in it."""
    images = make("ext4")
    images.state = ImagesProgress(images=7, waiting=2)

    def kill() -> bool:
        if images.process is not None:
            os.kill(images.process.child.pid, signal.SIGKILL)
        return images.process is not None

    run_until(images, kill)
    assert images.complaint == (
        "no more disk images are fuzzed: their process was lost (killed by SIGKILL), and 2 failures that were not "
        "reproduced yet with it"
    )
    assert (images.images, images.waiting) == (7, 0)


def test_an_internal_error_of_the_process_is_raised(make: Callable[..., Background]) -> None:
    """It is not taken for a reason to go on without images; its traceback is that of the process."""
    images = make("ext4")
    images.settings = None  # type: ignore[assignment]
    with pytest.raises(InternalError, match="AttributeError") as caught:
        run_until(images, lambda: False)
    assert "background_process.py" in caught.value.traceback
    assert images.complaint == ""


def test_findings_stand_in_a_directory_of_their_own(make: Callable[..., Background]) -> None:
    """A finding on an image may have the name of one without: the place tells them apart."""
    images = make("ext4")
    finding = Finding("crash-here", ReportType.CRASH, "a crash", (), "lkl", "4.9.0", 1, 1, reproducer=False)
    images.state = ImagesProgress(findings={"crash-here": finding})
    assert images.findings == {f"{DIRECTORY}/crash-here": replace(finding, name=f"{DIRECTORY}/crash-here")}


def test_a_session_does_not_load_what_mounts_images() -> None:
    """The session's own process mounts none, so that its share of a processor stays small."""
    code = "import lkltest.fuzz.fuzzer, sys; print(*sys.modules, sep='\\n')"
    loaded = process.run([sys.executable, "-c", code], timeout=LONG).output.decode().split()
    assert "lkltest.fuzz.images.background" in loaded
    for module in ("session", "maker", "background_process"):
        assert f"lkltest.fuzz.images.{module}" not in loaded


def test_a_guided_session_alone_has_images(
    config: KernelConfig, description: Description, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blind one has none, whatever the kernel tells; their kernels have the environment of the others (--cov)."""
    monkeypatch.setattr("lkltest.fuzz.fuzzer.is_instrumented", lambda _: True)
    config = replace(config, env={"NAME": "value"})
    for guided in (True, False):
        fuzzer = Fuzzer(config, description, settings, tmp_path, seed=1, workers=1, guided=guided, images=("ext4",))
        assert (fuzzer.images is not None) is guided
        assert fuzzer.images is None or fuzzer.images.env == config.env
        fuzzer.close()


def test_functions_of_stored_images_are_not_first(
    config: KernelConfig, description: Description, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inputs with images that were in the corpus before count as its programs do, but not as programs."""
    monkeypatch.setattr("lkltest.fuzz.fuzzer.is_instrumented", lambda _: True)
    (tmp_path / "a.prog").write_text("getpid()\n")
    (tmp_path / "b.image").touch()
    with closing(Fuzzer(
        config, description, settings, tmp_path, seed=1, workers=1, corpus=tmp_path, images=("ext4",)
    )) as fuzzer:
        for name, file in (("old", "b.image"), ("new", "")):
            fuzzer.reach(NewFunctions(((name, 0),), "ext4", None, file))
        assert list(fuzzer.first_reached.sources) == ["new"]
        assert fuzzer.corpus_size == 1
