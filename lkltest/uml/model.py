"""The description of one User Mode Linux executable."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from lkltest.settings import Settings


@dataclass(frozen=True)
class Uml:
    """One User Mode Linux (UML): a Linux kernel that is an ordinary executable."""

    name: str  # part of the ids of test items: "uml-6.1.140"
    path: Path  # the executable
    version: str  # the release, as `uname -r` prints it inside: "6.1.140"
    banner: str  # the whole line that the kernel begins with: "Linux version 6.1.140 (...) ... #1 ..."
    machine: str  # ELF machine: "x86-64"
    settings: Settings | None = field(default=None, compare=False, repr=False)  # those that it was found with

    linked: ClassVar[bool] = False
    kind: ClassVar[str] = "UML"
    notes: ClassVar[tuple[str, ...]] = ()
    root: ClassVar[Path | None] = None
    tests: ClassVar[Path | None] = None

    @property
    def file(self) -> Path:
        """The executable."""
        return self.path

    @property
    def origin(self) -> str:
        """The option that names it."""
        return f"--uml {self.path}"

    @property
    def built(self) -> float:
        """The time when the executable was written, in seconds since the epoch."""
        return self.path.stat().st_mtime
