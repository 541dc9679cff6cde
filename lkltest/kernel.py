"""The protocol of a kernel that test programs run on: a liblkl, or a User Mode Linux."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Kernel(Protocol):
    """A built kernel, found and described."""

    @property
    def name(self) -> str:
        """Part of the ids of test items: "lkl-4.9.0"."""

    @property
    def path(self) -> Path:
        """The path that the user named, or that the cache has."""

    @property
    def version(self) -> str:
        """The kernel's version: "4.9.0+"."""

    @property
    def linked(self) -> bool:
        """Whether a program is linked with it; otherwise the program is the kernel's init."""

    @property
    def file(self) -> Path:
        """The file that it consists of: another one, or a changed one, is another kernel."""

    @property
    def kind(self) -> str:
        """The kind of kernel, for people: "G1", "UML"."""

    @property
    def origin(self) -> str:
        """The place that it is from, for people: "npm lkl@1.0.3"."""

    @property
    def built(self) -> float:
        """The time when `file` was written, in seconds since the epoch."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that its user should know."""

    @property
    def root(self) -> Path | None:
        """The root of its tree; None where it has none."""

    @property
    def tests(self) -> Path | None:
        """The directory of the tree's own tests; None where it has none."""
