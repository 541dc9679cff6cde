"""The kselftests of a tree: their names, their timeouts, the kernel options that they ask for."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.host.cache import recall
from lkltest.host.stamp import stamp
from lkltest.kselftest.sources import Sources
from lkltest.kunit import config
from lkltest.liblkl.build_tree import FOREIGN

TIMEOUT = 45.0  # seconds, where no settings file says another: kselftest_default_timeout of its runner
UNLIMITED = 3600.0  # seconds, where a settings file sets no timeout ("timeout=0"): a hang has to end some time
LISTING = 120.0  # seconds


@dataclass(frozen=True)
class Selftest:
    """One test program or script."""

    target: str  # its directory: "timers"
    name: str  # "nanosleep"

    @property
    def full(self) -> str:
        """Its name as kselftest's runner has it."""
        return f"{self.target}:{self.name}"


def target_of(chosen: str) -> str:
    """The directory of a choice, which may name some of its tests: "net" of "net:reuse*"."""
    return chosen.partition(":")[0]


def selected(sources: Sources, chosen: str) -> tuple[Selftest, ...]:
    """The tests of a choice: a target, or some of its tests by a pattern."""
    target, _, pattern = chosen.partition(":")
    return tuple(test for test in listed(sources, target) if fnmatch.fnmatchcase(test.name, pattern or "*"))


def listed(sources: Sources, target: str) -> tuple[Selftest, ...]:
    """The tests of a target, as its makefile tells them; nothing is built.

    Raises UsageError where there is no such target.
    """
    directory = sources.selftests / target
    if not (directory / "Makefile").is_file():
        raise UsageError(f"no kselftests {target} in {sources.tree}: see the directories of tools/testing/selftests")
    state = _state(sources, directory)
    record = sources.home / "lists" / f"{target.replace('/', '+')}.json"
    names = _recall(record, state)
    if names is None:
        names = _ask(directory, target)
        record.parent.mkdir(exist_ok=True)
        temporary = record.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps({"state": state, "names": names}), encoding="utf-8")
        temporary.replace(record)
    return tuple(Selftest(target, name) for name in names)


def _state(sources: Sources, directory: Path) -> list[object]:
    """All that a makefile may tell the tests by: itself, what it includes, the names beside it (by `wildcard`)."""
    read = [directory / "Makefile", *sorted(directory.glob("*.mk")), sources.selftests / "lib.mk"]
    return [*([path.name, stamp(path)] for path in read), sorted(path.name for path in directory.iterdir())]


def _recall(record: Path, state: object) -> list[str] | None:
    """The names that were listed before, where the makefiles are in the same state."""
    known = recall(record, lambda found: (found["state"], list(map(str, found["names"]))))
    return known[1] if known is not None and known[0] == state else None


def _ask(directory: Path, target: str) -> list[str]:
    words = ["-s", "--no-print-directory", "-C", str(directory), f"OUTPUT={directory}", f"COLLECTION={target}"]
    unset = [word for name in FOREIGN for word in ("-u", name)]
    done = process.run(["env", *unset, "LC_ALL=C", "make", *words, "emit_tests"], timeout=LISTING)
    if not done.ok:
        said = done.errors.decode(errors="backslashreplace").strip()
        raise UsageError(f"the makefile of the kselftests {target} does not list its tests: {done.describe()}: "
                         f"{said[-2000:]}")  # fmt: skip
    lines = done.output.decode(errors="backslashreplace").splitlines()
    found = (line.removeprefix(f"{target}:").strip() for line in lines if line.startswith(f"{target}:"))
    return list(dict.fromkeys(filter(None, found)))


def timeout_of(sources: Sources, target: str) -> float:
    """The seconds that each test of a target may take, by its settings file."""
    path = sources.selftests / target / "settings"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    told = [line.partition("=")[2].strip() for line in lines if line.strip().startswith("timeout=")]
    try:
        seconds = float(told[-1]) if told else TIMEOUT
    except ValueError:
        raise UsageError(f"{path}: timeout={told[-1]} is no number of seconds") from None
    return seconds if 0 < seconds < UNLIMITED else UNLIMITED


def options_of(sources: Sources, target: str) -> dict[str, str]:
    """The kernel options that a target asks for, by its `config` fragment."""
    path = sources.selftests / target / "config"
    return _fragment(path) if path.is_file() else {}


def _fragment(path: Path) -> dict[str, str]:
    """The options of a fragment; lines that are none are left out, as merge_config.sh leaves them out."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if match := config.SET.match(line.strip()):
            found[match[1]] = match[2]
    return found


def lacking(asked: Mapping[str, str], has: Mapping[str, str]) -> list[str]:
    """The options that a kernel does not have as they are asked for, in words.

    A module is not enough: there are none in the UML's root. An option that is built in does for a module.
    """
    found = []
    for name, value in asked.items():
        got = has.get(name, "n")
        if got == "m" and value in {"y", "m"}:
            found.append(f"CONFIG_{name} (only as a module)")
        elif got != value and not (value == "m" and got == "y") and value != "n":
            found.append(f"CONFIG_{name}" if value in {"y", "m"} else f"CONFIG_{name}={value}")
    return found


def in_words(missing: Sequence[str], target: str, most: int = 5) -> str:
    """The sentence on the options that a kernel lacks."""
    more = f" and {len(missing) - most} more" if len(missing) > most else ""
    return f"the kernel lacks {', '.join(missing[:most])}{more}, which the kselftests {target} ask for"
