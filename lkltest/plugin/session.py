"""The state that a pytest session has once: its settings, its kernels, its notes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkltest.errors import LkltestError
from lkltest.plugin import parts
from lkltest.settings import Settings, ini_name, options_of

if TYPE_CHECKING:
    from lkltest.program.results import Result


@dataclass(frozen=True)
class Choice:
    """A kernel that a session runs against, named before anything is built or booted."""

    name: str  # part of the ids of test items
    path: Path | None  # what the user named; None: the default liblkl
    uml: bool = False


LAST = pytest.StashKey[bool]()  # whether an item is the last one of its run that is selected
IMAGES = pytest.StashKey[list[Path]]()  # of a suite: the directories of the images that its run is given
SELECTED = pytest.StashKey[dict[tuple[str, str], set[str]]]()  # by run: the names of its items that are selected
RESULT: pytest.StashKey[Result] = pytest.StashKey()  # what an item's point gave, for its report
STANDS_FOR = pytest.StashKey[str | None]()  # the point whose failure an item shows beside its own, or "": the end
INEXCUSABLE = pytest.StashKey[bool]()  # whether an item fails in a way that no list of known failures excuses
TRACE = "trace"  # the property of an item whose run writes one: its path

REFUSED = pytest.StashKey[Exception]()  # what the user has to mend before anything can run

_NOTES = pytest.StashKey[list[str]]()  # what the end of the session has to say, and no report has taken yet
_SETTINGS = pytest.StashKey[Settings]()


def settings_of(config: pytest.Config) -> Settings:
    """The settings of this session: options, then environment, then ini and settings file, then defaults.

    A session that asks for them has to do with LKL: it gets all parts of the plugin.

    Raises pytest.UsageError where one of them cannot be read.
    """
    if _SETTINGS not in config.stash:
        parts.load(config)
        from lkltest.settings import file as settings_file

        options = {item.name: config.getoption(f"lkltest_{item.name}") for item in options_of(Settings)}
        ini = {item.name: config.getini(ini_name(item.metadata["option"])) for item in options_of(Settings)}
        if ini["known"] and config.inipath is not None:  # a relative path is relative to the file that names it
            ini["known"] = str(config.inipath.parent / Path(ini["known"]).expanduser())
        try:
            config.stash[_SETTINGS] = Settings.load(options, settings_file.read(config.rootpath), ini=ini)
        except LkltestError as error:
            config.stash[REFUSED] = error
            raise pytest.UsageError(str(error)) from None
    return config.stash[_SETTINGS]


def note(config: pytest.Config, text: str, about: str = "artifacts") -> None:
    """Let the end of the session say something that belongs to no item's result."""
    config.stash.setdefault(_NOTES, []).append(f"{about}: {text}")


def take_notes(config: pytest.Config) -> list[str]:
    """The notes since the last call; a report carries them to the process that prints the session's end."""
    notes = config.stash.get(_NOTES, [])
    config.stash[_NOTES] = []
    return notes


@contextlib.contextmanager
def refusing(config: pytest.Config) -> Iterator[None]:
    """Turn a mistake of the user's into an error of the collection, which ends the session (see `fixtures.Refusal`)."""
    try:
        yield
    except (LkltestError, pytest.UsageError) as error:
        config.stash.setdefault(REFUSED, error)
        raise pytest.Collector.CollectError(str(error)) from None
