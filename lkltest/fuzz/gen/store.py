"""The directory of a corpus: one file for each program, in the text form, named by its contents.

A file is written under a temporary name and renamed, so that none is ever seen half-written; programs of the same text
are one file. So several fuzzers may use one directory at once, and `cp -n` merges two. The first line, a comment, names
the scenario that the program's mutations take their calls from.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.fuzz.gen.generator import Candidate, EncodedCall, EncodedProgram, Scenario
from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.text import parse_program, print_program
from lkltest.fuzz.prog.values import Call, Program
from lkltest.host.cache import discard

SUFFIX = ".prog"
STORED = "programs of the corpus"  # stands for their scenarios where new edges are counted
LOOK = 2.0  # seconds between two looks at the directory
_SCENARIO = re.compile(r"# scenario: (\S+)")


def names(directory: Path, suffix: str = SUFFIX) -> list[str]:
    """The names of all files of programs, or of others with a suffix, sorted; none where there is no directory.

    Raises UsageError where it cannot be read.
    """
    try:
        found = [path.name for path in directory.iterdir()]
    except FileNotFoundError:  # removed while a fuzzer runs, or not made yet
        return []
    except OSError as error:
        raise UsageError(f"cannot use the corpus {directory}: {error.strerror}; name another directory") from None
    return sorted(name for name in found if name.endswith(suffix) and not name.startswith("."))


def prepare(directory: Path) -> None:
    """Make a directory where it is missing; raises UsageError where it cannot be made or read."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot use the corpus {directory}: {error.strerror}; name another directory") from None
    names(directory)


def load(path: Path, complain: Callable[[str], None]) -> str | None:
    """The text of a file; None where there is none, or no call in it: then `complain` is given the reason."""
    try:
        text = path.read_text(encoding="utf-8")
        why = "" if any(line.strip() and not line.startswith("#") for line in text.splitlines()) else "it has no calls"
    except OSError as error:
        why = str(error.strerror)
    except UnicodeDecodeError:
        why = "it is no text"
    if why:
        complain(f"{path} is left out: {why}")
        return None
    return text


def texts(directory: Path, complain: Callable[[str], None], suffix: str = SUFFIX) -> Iterator[tuple[str, str]]:
    """The names and texts of all files with a suffix that can be read."""
    for name in names(directory, suffix):
        text = load(directory / name, complain)
        if text is not None:
            yield name, text


def scenario_of(text: str) -> str:
    """The name of the scenario of a program; empty where it names none."""
    found = _SCENARIO.match(text)
    return found[1] if found else ""


def put(directory: Path, text: str, suffix: str = SUFFIX) -> str:
    """Write a text, such as that of a program; the name of its file. Raises UsageError where it cannot be written."""
    body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    name = hashlib.blake2b(body.encode(), digest_size=10).hexdigest() + suffix
    path, temporary = directory / name, directory / f".{name}.{os.getpid()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write into the corpus {directory}: {error.strerror}; name another one") from None
    finally:
        discard(temporary)
    return name


def remove(directory: Path, name: str) -> None:
    """Remove a file, where it is still there. Raises UsageError where it cannot be removed."""
    try:
        (directory / name).unlink(missing_ok=True)
    except OSError as error:
        raise _not_writable(directory, str(error.strerror)) from None


def require_writable(directory: Path) -> None:
    """Raise UsageError where files of a directory cannot be removed."""
    if not os.access(directory, os.W_OK | os.X_OK):
        raise _not_writable(directory, "it is read-only for you")


def _not_writable(directory: Path, why: str) -> UsageError:
    return UsageError(f"cannot remove programs of the corpus {directory}: {why}; copy it to where you may write")


class Store:
    """The programs of a directory."""

    def __init__(
        self, directory: Path, description: Description, *, complain: Callable[[str], None] = lambda _: None
    ) -> None:
        """The directory is made where it is missing; `complain` is given a line for each file that cannot be read.

        Raises UsageError where the directory cannot be made or read.
        """
        self.directory = directory
        self.description = description
        self.complain = complain
        self.known: set[str] = set()  # names that were read or written
        self.looked = 0.0
        prepare(directory)

    def write(self, candidate: Candidate) -> str:
        """Write a program; the name of its file. Raises UsageError where it cannot be written."""
        program = Program(tuple(encoded.call for encoded in candidate.calls))
        text = f"# scenario: {candidate.scenario.name}\n{print_program(program)}"
        name = put(self.directory, text)
        self.known.add(name)
        return name

    def fresh(self, scenarios: Sequence[Scenario]) -> Iterator[Candidate]:
        """The programs that were not read or written yet; it looks every `LOOK` seconds at most."""
        if not scenarios or (self.looked and time.monotonic() - self.looked < LOOK):
            return
        self.looked = time.monotonic()
        for name in names(self.directory):
            if name not in self.known:
                self.known.add(name)
                candidate = self.read(name, scenarios)
                if candidate is not None:
                    yield candidate

    def programs(self) -> Iterator[tuple[str, Program]]:
        """The names and programs of all files that can be read; `complain` is given the others, with the reason."""
        for name in names(self.directory):
            found = self._load(name)
            if found is not None:
                yield name, found[1]

    def _load(self, name: str) -> tuple[str, Program] | None:
        """The text and the program of a file."""
        text = load(self.directory / name, self.complain)
        if text is None:
            return None
        try:
            return text, self.parse(text)
        except UsageError as error:
            self.complain(f"{self.directory / name} is left out: {error}")
            return None

    def read(self, name: str, scenarios: Sequence[Scenario]) -> Candidate | None:
        """The program of a file; None where it cannot be read.

        A program of another scenario than the given ones belongs to the first of them.
        """
        loaded = self._load(name)
        if loaded is None:
            return None
        by_name = {scenario.name: scenario for scenario in scenarios}
        scenario = by_name.get(scenario_of(loaded[0]), scenarios[0])
        if not scenario.pool:
            scenario.fill(Random(name))
        return Candidate(self.encode(loaded[1]).calls, scenario, name)

    def parse(self, text: str) -> Program:
        """The program of a text; raises UsageError where this kernel cannot be given it."""
        description = self.description

        def check(call: Call) -> None:
            description.encoder.call(call)

        return parse_program(text, description.headers.constants, description.produces, check)

    def encode(self, program: Program) -> EncodedProgram:
        """A program of this kernel, encoded."""
        description = self.description
        return EncodedProgram(tuple(
            EncodedCall.of(call, description.variant(call.name, call.args), description) for call in program.calls
        ))
