"""The command that runs a test program on a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lkltest import cc, process
from lkltest.liblkl.model import Liblkl
from lkltest.program.declaration import Program
from lkltest.settings import Settings

GROW = 20  # how much longer deadlines are where a tool slows the program down this much, as memcheck does


@dataclass(frozen=True)
class Launch:
    """A command that runs a test program, ready to start."""

    argv: tuple[str, ...]
    program: Path  # the executable
    env: Mapping[str, str] = field(default_factory=dict)  # added to our own environment
    foreground: bool = False  # at the user's terminal, for a debugger
    patience: float | None = 1.0  # by how much deadlines grow; None: there are none

    @property
    def command(self) -> str:
        """The command to run it by hand."""
        return process.command(self.argv)


def prepare(
    program: Program, source: Path, liblkl: Liblkl, arguments: Sequence[str], settings: Settings
) -> Launch:
    """Compile a program against `liblkl`; return how to run it with `arguments`.

    Raises BuildError where it does not compile, UsageError where something that it takes is missing.
    """
    executable = cc.compile(source, liblkl, settings, flags=program.flags)
    kernel = [f"--mem={settings.mem}"]
    if settings.cmdline:
        kernel.append(f"--cmdline={settings.cmdline}")
    # A runner that is killed outright must not leave its program behind.
    env = {"LKLTEST_PDEATHSIG": "1"}
    return Launch((*settings.wrapper, str(executable), *kernel, *arguments), executable, env)
