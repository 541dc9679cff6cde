"""The UML under test, and the proof that nothing of it is left behind."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkltest import cc
from lkltest.errors import KernelLost, UsageError
from lkltest.plugin import trials
from lkltest.plugin.session import Choice, settings_of
from lkltest.settings import Settings
from lkltest.uml import Uml, booted, find
from lkltest.uml.console import Console
from lkltest.uml.executable import CURE, default, read

INIT = Path(__file__).parent / "init.c"
SETTLE = 30.0  # seconds in which what was killed must be gone: on a busy host it takes more than 5
STATE = Path.home() / ".uml"  # where a UML keeps its state if nobody tells it otherwise


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on each UML of the session: those of --uml, or the one that is installed."""
    if "uml_choice" not in metafunc.fixturenames:
        return
    installed = default()
    paths = list(settings_of(metafunc.config).uml) or ([installed.path] if installed else [])
    names = [name_of(path) for path in paths]
    ids = [f"{name}#{names[: at + 1].count(name)}" if names.count(name) > 1 else name for at, name in enumerate(names)]
    choices = [Choice(name, path, uml=True) for name, path in zip(ids, paths, strict=True)]
    for choice in choices:
        trials.begin(metafunc.config, choice)
    metafunc.parametrize("uml_choice", choices or [None], indirect=True, ids=ids or ["uml"], scope="session")


def name_of(path: Path) -> str:
    """The kernel's name for the ids of tests, or the file's where it has none."""
    try:
        return read(path).name
    except UsageError:
        return path.name


@pytest.fixture(scope="session")
def uml_choice(request: pytest.FixtureRequest) -> Choice:
    """A file that should be a UML, with its name."""
    choice = request.param
    if choice is None:
        pytest.skip(f"no linux.uml on the PATH: {CURE}")
    assert isinstance(choice, Choice)
    return choice


@pytest.fixture(scope="session")
def uml_path(uml_choice: Choice) -> Path:
    """A file that should be a UML."""
    assert uml_choice.path is not None
    return uml_choice.path


@pytest.fixture(scope="session")
def uml(uml_choice: Choice, lkltest_settings: Settings, pytestconfig: pytest.Config) -> Uml:
    """The UML under test, which has booted once; where it did not, its tests are not reached."""
    found = find(uml_choice.path, lkltest_settings)
    trials.demand(pytestconfig, uml_choice)
    return found


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
