"""The console of the UML under test, and the proof that nothing of it is left behind."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkltest import Console, KernelLost, Settings, Uml, booted, cc

INIT = Path(__file__).parent / "init.c"
SETTLE = 30.0  # seconds in which what was killed must be gone: on a busy host it takes more than 5
STATE = Path.home() / ".uml"  # where a UML keeps its state if nobody tells it otherwise


@pytest.fixture(scope="session")
def init(lkltest_settings: Settings) -> Path:
    """Our init, compiled; see init.c for what it answers."""
    return cc.compile_native(INIT, lkltest_settings, flags=["-D_GNU_SOURCE"])


@contextlib.contextmanager
def private_temporaries(directory: Path) -> Iterator[None]:
    """Have temporary files made in `directory`; afterwards, prove that no file is there and no process runs there."""
    before, tempfile.tempdir = tempfile.tempdir, str(directory)
    state = sorted(STATE.rglob("*"))
    try:
        yield
    finally:
        tempfile.tempdir = before
    deadline = time.monotonic() + SETTLE
    while (left := [*directory.iterdir(), *processes_in(directory)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left, f"left behind: {left}"
    assert sorted(STATE.rglob("*")) == state, f"something was left in {STATE}"


def processes_in(directory: Path) -> list[Path]:
    """The processes that were started in a directory below `directory`, by their /proc directories."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(directory):
                found.append(process)
    return found


@pytest.fixture(autouse=True)
def temporaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory for all temporary files of a test, which must be empty at its end."""
    directory = tmp_path_factory.mktemp("uml")
    with private_temporaries(directory):
        yield directory


class Shared:
    """A UML that tests share, booted anew when it has ended or does not answer any more."""

    def __init__(self, uml: Uml, init: Path, directory: Path, stack: contextlib.ExitStack) -> None:
        self.uml, self.init, self.directory, self.stack = uml, init, directory, stack
        self.current: Console | None = None

    def console(self) -> Console:
        """The console of the running UML, at the prompt."""
        if self.current is None or self.current.ended:
            before, tempfile.tempdir = tempfile.tempdir, str(self.directory)
            try:
                boot = booted(self.uml, self.init, cmdline="printk.time=1 printk.devkmsg=on loglevel=8")
                self.current = self.stack.enter_context(boot)
            finally:
                tempfile.tempdir = before
            self.current.expect("^ready$")
        return self.current

    def settle(self) -> None:
        """End the UML if a test has left it in a state in which it does not answer."""
        if self.current and self.current.ended is None:
            try:
                self.current.ask("echo there", timeout=10)
            except KernelLost:
                self.current.close()


@pytest.fixture(scope="module")
def shared(uml: Uml, init: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """The UML that the tests of a module share."""
    directory = tmp_path_factory.mktemp("shared")
    with private_temporaries(directory), contextlib.ExitStack() as stack:
        yield Shared(uml, init, directory, stack)


@pytest.fixture
def console(shared: Shared) -> Iterator[Console]:
    """The console of a running UML, whose init has said that it is ready."""
    yield shared.console()
    shared.settle()
