"""The declaration of a C program in a suite: its source, its arguments, its timeouts."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from lkltest.program.results import Result
from lkltest.settings import seconds


@dataclass(frozen=True)
class Call:
    """The arguments of a program's run, with further settings."""

    arguments: Sequence[str] = ()
    wrapper: Sequence[str] = ()  # the command in front of it, such as one that enters a network namespace

    @classmethod
    def of(cls, arguments: Arguments) -> Call:
        """The call that a suite's function means."""
        return arguments if isinstance(arguments, Call) else Call(arguments)


Arguments = Sequence[str] | Call


@dataclass(frozen=True)
class Timeouts:
    """The timeouts of a program, in seconds; None: no limit."""

    program: float | None
    point: float | None


def read_timeout(name: str, value: object) -> float:
    """A number of seconds as given for the timeout `name`; raises ValueError where it is none."""
    try:
        return seconds(str(value))
    except ValueError as error:
        raise ValueError(f"{name}={value!r}: {error}") from None


# The function of a suite: it takes pytest fixtures by name and returns the program's arguments, or yields
# them once and then judges what the program left behind: the yield's value is the results of its points, by name.
Case = Callable[..., Arguments | Generator[Arguments, Mapping[str, Result], None]]


def no_arguments() -> Arguments:
    """The case of a program that takes no arguments: one run for each kernel."""
    return []


# The message for users with another kind of program.
OTHERS = "; for a script, or any other program that prints TAP, there is TapProgram(['./check.sh'])"


@dataclass(frozen=True)
class Program:
    """A C test program as a suite declares it; the plugin makes one pytest item of each of its test points.

    ```
    boot = Program("boot.c")

    @Program("disk.c", timeout=300)
    def disk(kernel, image):
        yield [f"disk={image.path}"]
        image.check()
    ```

    The path is relative to the suite's own file.
    """

    source: str
    timeout: float | None = None  # seconds for the whole program; None: the setting
    point_timeout: float | None = None  # seconds for each point; None: the setting
    flags: Sequence[str] = ()  # for the compiler, a word each
    native: bool = True  # whether it can also run as an init under UML
    case: Case = field(default=no_arguments, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no such declaration where it stands; raises TypeError or ValueError."""
        if not isinstance(self.source, (str, os.PathLike)):
            raise TypeError(f"Program({self.source!r}): its first argument is the path of a C source{OTHERS}")
        if self._is_foreign():
            raise ValueError(f"Program({str(self.source)!r}): this is no C source (.c){OTHERS}")
        if isinstance(self.flags, str):
            raise TypeError(f"flags={self.flags!r}: the compiler's flags are a tuple of words: ({self.flags!r},)")
        for name in ("timeout", "point_timeout"):
            if (value := getattr(self, name)) is not None:
                read_timeout(name, value)

    def _is_foreign(self) -> bool:
        """Whether the source is the path of something that no C compiler takes."""
        return PurePath(self.source).suffix not in {".c", ".C", ".i"}

    def __call__(self, case: Case) -> Program:
        """Declare the program's arguments by a function of fixtures; for use as a decorator."""
        return replace(self, case=case)

    def __get__(self, instance: Any, owner: type) -> Program:  # noqa: ANN401 -- any class may hold a declaration
        """Stay a plain value where a class holds the declaration."""
        return self


@dataclass(frozen=True)
class TreeProgram(Program):
    """A test program of the kernel tree's own: each kernel's, from its tools/lkl/tests, unmodified.

    `source` is its name in the tree's makefile, such as "net-test".
    """

    native: bool = False
    told: bool = True  # whether a tree without it shows that by a skip

    def _is_foreign(self) -> bool:
        """Whether it is none of the tree's own programs: the tree decides."""
        return False


@dataclass(frozen=True)
class OtherTreePrograms:
    """All the test programs of the kernel trees' own but the known ones, each run without arguments."""

    known: tuple[str, ...]  # by their names in the tree's makefile
