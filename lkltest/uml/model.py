"""What is known of one User Mode Linux executable."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

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
