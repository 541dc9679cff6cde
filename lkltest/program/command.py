"""A command that runs a test program."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from lkltest.host import process
from lkltest.tap.dialect import Dialect


@dataclass(frozen=True)
class Launch:
    """A command that runs a test program, ready to start."""

    argv: tuple[str, ...]
    program: Path  # the executable
    env: Mapping[str, str] = field(default_factory=dict)  # added to our own environment
    cwd: Path | None = None  # the directory that it runs in; None: our own
    foreground: bool = False  # at the user's terminal, for a debugger
    timeout_factor: float | None = 1.0  # by how much timeouts grow; None: there are none
    memcheck: bool = False  # valgrind's errors are in its output
    trace: Path | None = None  # what a tool writes, kept whatever the result
    native: bool = False  # it is an init, whose exit status the output alone tells
    boot: Callable[[Path, str], Sequence[str]] | None = None  # how a person boots an init: its directory, its name
    foreign: bool = False  # a program of any kind that prints TAP, not one that includes our harness
    by_status: bool = False  # a kselftest in a UML: its exit status decides, which its init tells on the console
    excuse_skips: bool = False  # `not ok 1 # SKIP` is a skip in every dialect
    dialect: Dialect | None = None  # of its output, whatever version it declares; None: the output tells

    @property
    def command(self) -> str:
        """The command to run it by hand."""
        command = process.command(self.argv)
        if not self.foreign:
            return command
        given = "".join(f"{name}={shlex.quote(value)} " for name, value in self.env.items())
        return f"cd {shlex.quote(str(self.cwd))} && {given}{command}" if self.cwd else given + command

    def start(self) -> process.Child:
        """Start it; what it prints waits in its pipes."""
        return process.Child(
            self.argv,
            cwd=self.cwd,
            env=self.env,
            stderr=process.PIPE,
            stdin=process.INHERIT if self.foreground else process.NOTHING,
            foreground=self.foreground,
            die_with_parent=True,
        )

    def by_hand(self, kept: Path, moved: Mapping[Path, Path] = MappingProxyType({})) -> str:
        """The command to run it by hand after the run, when `kept` is its executable.

        `moved` are directories that it was given files of, each with the one where they are by then.
        """
        if self.foreign:
            return self.command
        words = list(self.boot(kept.parent, kept.name)) if self.boot else list(self.argv)
        for old, new in moved.items():
            words = [word.replace(str(old), str(new)) for word in words]
        return process.command(words)
