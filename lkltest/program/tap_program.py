"""Programs of any kind that print TAP, as a suite declares them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lkltest.errors import UsageError
from lkltest.program.declaration import Case, no_arguments, read_timeout

Word = str | os.PathLike[str]

@dataclass(frozen=True)
class TapProgram:
    """Any command that prints TAP; the plugin makes one pytest item of each of its test points.

    ```
    check = TapProgram(["./t/check.sh", "--fast"])
    named = TapProgram(["./check"], list=["./check", "--list"], env={"LANG": "C"}, cwd="t")

    @TapProgram(["prove", "-v"])
    def prove(tmp_path):
        return [str(tmp_path)]
    ```

    Nothing is compiled, and no kernel is needed. Relative paths are relative to the suite's own file, and so is the
    program's first word where there is a slash in it; others are looked for in PATH.
    """

    argv: Sequence[Word]
    list: Sequence[Word] | None = None  # the command that prints the names of the points, one a line
    names: Word | Sequence[str] | None = None  # the file that has them, or a list of them
    cwd: Word | None = None  # the directory to run in; None: that of the suite's file
    env: Mapping[str, str] = field(default_factory=dict)  # added to pytest's own
    wrapper: Sequence[Word] = ()  # the command in front of it, such as an interpreter with its options
    timeout: float | None = None  # seconds for the whole program; None: the setting
    point_timeout: float | None = None  # seconds from one point to the next; None: the setting
    excuse_skips: bool = False  # `not ok 1 # SKIP` is a skip: bats (-F tap13) and cmocka print it
    case: Case = field(default=no_arguments, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no such declaration where it stands; raises TypeError or ValueError."""
        _require_words("the first argument is the program's command", self.argv)
        if not self.argv:
            raise ValueError(f"{type(self).__name__}([]): the command has no words")
        _require_words("wrapper", self.wrapper)
        if self.list is not None:
            _require_words("list", self.list)
        _require_names(self.names)
        for name in ("timeout", "point_timeout"):
            if (value := getattr(self, name)) is not None:
                read_timeout(name, value)

    def __call__(self, case: Case) -> TapProgram:
        """Declare further arguments by a function of fixtures; for use as a decorator."""
        return replace(self, case=case)

    def __get__(self, instance: Any, owner: type) -> TapProgram:  # noqa: ANN401 -- any class may hold a declaration
        """Stay a plain value where a class holds the declaration."""
        return self


@dataclass(frozen=True)
class TapPrograms:
    """All programs whose paths match a pattern, such as "t/*.t"; each is run as a `TapProgram` of its own."""

    pattern: str  # relative to the suite's own file; `**` is any directory
    arguments: Sequence[Word] = ()  # of each of them
    list: Sequence[Word] | None = None  # added to each: the arguments by which it prints the names of its points
    cwd: Word | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    wrapper: Sequence[Word] = ()
    timeout: float | None = None
    point_timeout: float | None = None
    excuse_skips: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no such declaration where it stands; raises TypeError or ValueError."""
        if not isinstance(self.pattern, (str, os.PathLike)):
            raise TypeError(f"TapPrograms({self.pattern!r}): its first argument is a pattern of paths, such as 't/*.t'")
        self.declare("example")

    def __get__(self, instance: Any, owner: type) -> TapPrograms:  # noqa: ANN401 -- any class may hold a declaration
        """Stay a plain value where a class holds the declaration."""
        return self

    def declare(self, path: str) -> TapProgram:
        """The declaration of one of the programs."""
        _require_words("arguments", self.arguments)
        asked = None
        if self.list is not None:
            _require_words("list", self.list)
            asked = [*self.wrapper, path, *self.list]
        return TapProgram(
            [path, *self.arguments], list=asked, cwd=self.cwd, env=self.env, wrapper=self.wrapper,
            timeout=self.timeout, point_timeout=self.point_timeout, excuse_skips=self.excuse_skips,
        )  # fmt: skip

    def find(self, directory: Path) -> Sequence[tuple[str, TapProgram]]:
        """The programs below `directory`, each with its path from there; raises UsageError where there is none."""
        import glob

        pattern = os.fspath(self.pattern)
        paths = sorted(path for path in glob.glob(pattern, root_dir=directory, recursive=True)  # noqa: PTH207 -- root_dir
                       if (directory / path).is_file())
        if not paths:
            raise UsageError(f"no file matches {pattern} in {directory}: mend the pattern")
        return [(path, self.declare(os.path.join(".", path))) for path in paths]  # noqa: PTH118 -- keeps the dot


def _require_names(given: object) -> None:
    """Raise TypeError or ValueError for what is neither a file of names nor a list of them."""
    if given is None or isinstance(given, (str, os.PathLike)):
        return
    if isinstance(given, bytes) or not isinstance(given, Sequence):
        raise TypeError(f"names is a file, such as 'points.txt', or a list, such as ['one', 'two'], and not {given!r}")
    if not given:
        raise ValueError("names=[] has no names of points: leave it out where they are not known")
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"names is a list of names, such as ['one', 'two']: {name!r} in it is none")


def _require_words(what: str, given: object) -> None:
    """Raise TypeError for what is no list of words."""
    if isinstance(given, (str, bytes, os.PathLike)) or not isinstance(given, Sequence):
        raise TypeError(f"{what}, a list of words such as ['./check.sh', '--fast'], and not {given!r}")
    for word in given:
        if not isinstance(word, (str, os.PathLike)):
            raise TypeError(f"{what}, a list of words: {word!r} in it is none")
