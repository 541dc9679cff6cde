"""The command that runs a program of any kind that prints TAP, and the names of its points."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.host.load import slowdown
from lkltest.program.command import Launch
from lkltest.program.declaration import Call
from lkltest.program.naming import numbered
from lkltest.program.tap_program import TapProgram, Word

# The interpreters of scripts that are not executable and name none themselves, as `prove` chooses them.
INTERPRETERS = {".t": "perl", ".pl": "perl"}

# Lines of a listing that are none of its names.
NO_NAME = re.compile(r"#|K?TAP version \d+$|1\.\.\d+$")


def prepare(program: TapProgram, directory: Path, call: Call) -> Launch:
    """The command of a program that was declared in a file of `directory`, with more arguments.

    Raises UsageError where there is no such program, or no such directory.
    """
    cwd = directory / program.cwd if program.cwd is not None else directory
    if not cwd.is_dir():
        raise UsageError(f"cannot run {program.argv[0]} in {cwd}: there is no such directory; mend cwd=")
    wrapper = _words([*call.wrapper, *program.wrapper])
    first, *rest = _words(program.argv)
    argv: Sequence[str]
    if wrapper:
        argv = [*resolve(wrapper, directory, cwd), _located(first, directory, cwd), *rest]
    else:
        argv = resolve([first, *rest], directory, cwd)
    return Launch(
        argv=(*argv, *call.arguments),
        program=Path(argv[0]),
        env={name: str(value) for name, value in program.env.items()},
        cwd=cwd,
        foreign=True,
        excuse_skips=program.excuse_skips,
    )


def list_names(program: TapProgram, directory: Path, timeout: float) -> tuple[str, ...]:
    """The names of the points that a program's `list` command prints, or `names` has; none without either.

    Raises UsageError where the command fails, or the file cannot be read.
    """
    if program.list is not None:
        cwd = directory / program.cwd if program.cwd is not None else directory
        argv = resolve(_words(program.list), directory, cwd)
        done = process.run(argv, cwd=cwd, env=dict(program.env), timeout=timeout * slowdown())
        if not done.ok:
            said = (done.errors or done.output).decode(errors="backslashreplace").strip()
            raise UsageError(f"list={process.command(argv)}: {done.describe()}{': ' * bool(said)}{said[-2000:]}")
        return _names(done.output, f"list={process.command(argv)} printed")
    if isinstance(program.names, Sequence) and not isinstance(program.names, str):
        return tuple(numbered(program.names))
    if program.names is not None:
        try:
            return _names((directory / program.names).read_bytes(), f"names={program.names} has")
        except OSError as error:
            raise UsageError(f"names={program.names}: cannot read {error.filename}: {error.strerror}") from None
    return ()


def resolve(argv: Sequence[str], directory: Path, cwd: Path) -> Sequence[str]:
    """A command whose first word can be executed from anywhere.

    Raises UsageError where there is no such program, or it is a script that nobody says how to run.
    """
    first = _located(argv[0], directory, cwd)
    if "/" not in first:
        if (found := shutil.which(first)) is None:
            raise UsageError(f"no {first} found in PATH: install it, or write ./{first} for a file beside the suite")
        return [found, *argv[1:]]
    path = Path(first)
    if path.is_dir():
        raise UsageError(f"{first} is a directory: name a program, or several by TapPrograms('{argv[0]}/*')")
    if not path.is_file():
        raise UsageError(f"no program {first}: mend the path")
    if os.access(path, os.X_OK):
        return [first, *argv[1:]]
    return [*_interpreter(path), first, *argv[1:]]


def _interpreter(script: Path) -> Sequence[str]:
    """The command that runs a script which is not executable."""
    with script.open("rb") as file:
        line = file.readline(1000)
    if line.startswith(b"#!") and line[2:].strip():
        return os.fsdecode(line[2:]).strip().split(None, 1)  # as the kernel does: one argument at most
    if script.suffix in INTERPRETERS:
        return [INTERPRETERS[script.suffix]]
    raise UsageError(f"{script} is not executable: chmod +x {script}, or name its interpreter: wrapper=['python3']")


def _located(word: str, directory: Path, cwd: Path) -> str:
    """A path of the suite's directory, or else of the one that the program runs in, made absolute; others stay."""
    if "/" not in word:
        return word
    places = [Path(os.path.normpath(base / word)) for base in (directory, cwd)]
    return str(next((place for place in places if place.exists()), places[0]))


def _names(data: bytes, origin: str) -> tuple[str, ...]:
    """The names in a listing, a line each; names that come twice are numbered as their results will be.

    GLib and KUnit print theirs among comments, behind a version and a plan.
    """
    lines = (line.strip() for line in data.decode(errors="backslashreplace").splitlines())
    names = tuple(numbered(line for line in lines if line and not NO_NAME.match(line)))
    if not names:
        raise UsageError(f"{origin} no names of points")
    return names


def _words(given: Sequence[Word]) -> Sequence[str]:
    return [os.fspath(word) for word in given]
