"""The trial boots of a session's kernels, before the first item that needs them."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lkltest import liblkl
from lkltest.errors import LkltestError, UnusableKernel
from lkltest.kernel import Kernel
from lkltest.plugin.artifacts import Artifacts
from lkltest.plugin.causes import Cause, NotReached, first_line
from lkltest.plugin.kernels import obtain, obtain_usable
from lkltest.plugin.session import Choice, note, settings_of
from lkltest.program import trial
from lkltest.program.results import Kind
from lkltest.program.trial import Failure, Memory, Trial
from lkltest.settings import Settings

MORE_STARTS = 3  # of a library that a signal kills in its trial

_TRIALS: pytest.StashKey[Trials] = pytest.StashKey()


@dataclass
class Booting:
    """A trial boot on its way."""

    name: str  # its identity
    kernel: Kernel
    trial: Trial
    artifacts: Artifacts


class Trials:
    """The trial boots of one process of a session, and what came out of them."""

    def __init__(self, config: pytest.Config) -> None:
        """Start with none."""
        self.config = config
        self.settings: Settings = trial.untooled(settings_of(config))
        worker = getattr(config, "workerinput", {})
        self.memory = Memory(self.settings, str(worker.get("testrunuid", "")))
        self.booting: dict[Path | None, Booting] = {}  # by a kernel's path; None is the default one's
        self.verdicts: dict[Path | None, Cause | None] = {}  # None: nothing speaks against running items on it
        self.told: set[Path | None] = set()  # those whose first item has had the whole text
        self.died: dict[Path | None, Cause] = {}  # starts that ended by a signal, where a later one was good

    def begin(self, choice: Choice) -> None:
        """Boot a kernel beside what the session does next, unless that is known to go well, or it has to be built."""
        if choice.path in self.verdicts or choice.path in self.booting or self.memory.session:
            return  # one of several processes waits until it is its turn
        if choice.path is None and not choice.uml and not liblkl.is_built(self.settings):
            return
        self._start(choice)

    def demand(self, choice: Choice) -> None:
        """Wait for the kernel's verdict; raises NotReached or UnusableKernel where no item can run on it.

        A kernel that dies in its first start, where a later one was good, fails the first item that asks.
        """
        if choice.path not in self.verdicts:
            if choice.path not in self.booting and self.memory.session:
                self._take_turn(choice)
            elif choice.path in self.booting or self._start(choice):
                self._finish(choice)
        if (died := self.died.pop(choice.path, None)) is not None:
            raise NotReached(died, f"not reached: {died.line}\n\n{died.text}")
        cause = self.verdicts[choice.path]
        if cause is None:
            return
        if cause.unusable:
            raise UnusableKernel(cause.text)
        message = f"not reached: {cause.line}" + ("" if choice.path in self.told else f"\n\n{cause.text}")
        self.told.add(choice.path)
        raise NotReached(cause, message)

    def close(self) -> None:
        """End what is still booting."""
        for booting in self.booting.values():
            booting.trial.close()
            booting.artifacts.close()
        self.booting.clear()

    def _start(self, choice: Choice) -> bool:
        """Start a trial; False where there is a verdict without one."""
        self.verdicts[choice.path] = None
        try:
            kernel, _ = obtain_usable(choice, self.settings)
            name = trial.identity(kernel, self.settings)
            if self.memory.passed(name):
                return False
        except UnusableKernel as error:
            return self._refuse(choice, error)
        except (LkltestError, OSError):
            return False  # each item asks for the kernel in the same way, and tells the reason
        try:
            self.booting[choice.path] = self._boot(choice, kernel, name)
        except UnusableKernel as error:
            return self._refuse(choice, error)
        except (LkltestError, OSError, pytest.fail.Exception) as error:
            note(self.config, f"not tried before its tests: {error}", f"kernel {choice.name}")
            return False
        del self.verdicts[choice.path]
        return True

    def _refuse(self, choice: Choice, error: UnusableKernel) -> bool:
        """Let no item run on a kernel that this host cannot run; False: there is no trial."""
        self.verdicts[choice.path] = Cause(choice.name, first_line(str(error)), str(error), unusable=True)
        return False

    def _boot(self, choice: Choice, kernel: Kernel, name: str) -> Booting:
        artifacts = Artifacts(self.config, self.settings, f"trial-{choice.name}")
        try:
            return Booting(name, kernel, Trial(kernel, self.settings, artifacts.path), artifacts)
        except BaseException:  # Ctrl-C as well
            artifacts.close()
            raise

    def _finish(self, choice: Choice) -> Failure | None:
        """Wait for the end of a trial."""
        booting = self.booting.pop(choice.path)
        kept = booting.artifacts
        try:
            with booting.trial:
                failure = booting.trial.wait()
            again = failure is not None and self._is_good_now(failure, booting)
            shutil.rmtree(kept.path / "root", ignore_errors=True)
            if failure is not None:
                failure = replace(failure, text=self._describe(failure, booting))
            kept.wanted = failure is not None
        finally:
            kept.close()
        if failure is not None and again:  # remembered neither as good nor as bad: the next session tries it, too
            text = f"{failure.text}\na later start was good: only this item is given up for the first one"
            self.died[choice.path] = Cause(choice.name, failure.line, text, lost=failure.lost)
            failure = None
        else:
            self.memory.note(booting.name, failure)
        self._judge(choice, failure)
        return failure

    def _is_good_now(self, failure: Failure, booting: Booting) -> bool:
        """Whether a later trial passes where a signal ended one: some libraries crash in some starts."""
        now: Failure | None = failure
        for number in range(1, MORE_STARTS + 1):
            if now is None or now.lost != Kind.SIGNAL.value or not booting.kernel.linked:
                break
            place = booting.artifacts.path / f"again-{number}"
            place.mkdir()
            with Trial(booting.kernel, self.settings, place) as later:
                now = later.wait()
        return now is None

    def _take_turn(self, choice: Choice) -> None:
        """Find out the verdict while no other process of the session does."""
        try:
            name = trial.identity(obtain(choice, self.settings), self.settings)
        except (LkltestError, OSError):
            name = ""
        if not name or self.memory.passed(name):
            self.verdicts[choice.path] = None
            return
        with self.memory.alone(name):
            failure = self.memory.failure(name)
            if failure is not None:
                self._judge(choice, failure)
            elif self._start(choice):
                self._finish(choice)

    def _judge(self, choice: Choice, failure: Failure | None) -> None:
        self.verdicts[choice.path] = (
            Cause(choice.name, failure.line, failure.text, lost=failure.lost) if failure else None
        )

    @staticmethod
    def _describe(failure: Failure, booting: Booting) -> str:
        """All that is known of a failed trial; what a terminal has no room for is in a file."""
        kept, launch = booting.artifacts, booting.trial.launch
        kept.keep(launch.program, "program")
        text = f"{failure.text}\n\nby hand:   {launch.by_hand(kept.path / 'program')}\nartifacts: {kept.path}"
        text = f"the kernel cannot run the smallest program, tried before its tests:\n{text}"
        with contextlib.suppress(OSError):
            (kept.path / "report.txt").write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        return text


def trials_of(config: pytest.Config) -> Trials:
    """The trials of this process."""
    if _TRIALS not in config.stash:
        config.stash[_TRIALS] = trials = Trials(config)
        config.add_cleanup(trials.close)
    return config.stash[_TRIALS]


def wanted(config: pytest.Config) -> bool:
    """Whether kernels are tried: not for mere collection, nor where someone looks into a program by a tool.

    A kernel that crashes while it boots could not be debugged otherwise.
    """
    settings = settings_of(config)
    return not (config.option.collectonly or settings.gdb or settings.valgrind or settings.strace)


def begin(config: pytest.Config, choice: Choice) -> None:
    """Boot a kernel beside the collection, where kernels are tried."""
    if wanted(config):
        trials_of(config).begin(choice)


def demand(config: pytest.Config, choice: Choice) -> None:
    """Let an item run on a kernel only where that has passed its trial; raises NotReached or UnusableKernel."""
    if wanted(config):
        trials_of(config).demand(choice)
