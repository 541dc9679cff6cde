"""The UMLs of the fixtures `uml` and `uml_path`."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest import liblkl, uml
from lkltest.errors import UsageError
from lkltest.plugin import trials
from lkltest.plugin.session import Choice, settings_of
from lkltest.settings import Settings
from lkltest.uml.executable import CURE, read


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Run a test on each UML of the session: those of --uml, or the one that is installed."""
    installed = uml.default()
    paths = list(dict.fromkeys(settings_of(metafunc.config).uml)) or ([installed.path] if installed else [])
    names = liblkl.distinct([_name_of(path) for path in paths], paths)
    choices = [Choice(name, path, uml=True) for name, path in zip(names, paths, strict=True)]
    for choice in choices:
        trials.begin(metafunc.config, choice)
    metafunc.parametrize("_uml_choice", choices or [None], indirect=True, ids=names or ["uml"], scope="session")


def _name_of(path: Path) -> str:
    """The kernel's name for the ids of tests, or the file's where it has none."""
    try:
        return read(path).name
    except UsageError:
        return path.name


def require(choice: object) -> Choice:
    """The UML that a test is for; skips the test where none is named and none is installed."""
    if not isinstance(choice, Choice):
        pytest.skip(f"no {uml.DEBIAN} on the PATH: {CURE}")
    return choice


def obtain(config: pytest.Config, choice: Choice, settings: Settings) -> uml.Uml:
    """Return a UML that has booted once; its tests are not reached where it did not."""
    found = uml.find(choice.path, settings)
    trials.demand(config, choice)
    return found
