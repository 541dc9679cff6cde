"""What is known once in a pytest session."""

from __future__ import annotations

import pytest

from lkltest import settingsfile
from lkltest.errors import LkltestError
from lkltest.plugin import ini_name
from lkltest.settings import Settings, options_of

_SETTINGS = pytest.StashKey[Settings]()


def settings_of(config: pytest.Config) -> Settings:
    """The settings of this session: options, then environment, then ini and settings file, then defaults.

    Raises pytest.UsageError where one of them cannot be read.
    """
    if _SETTINGS not in config.stash:
        options = {item.name: config.getoption(f"lkltest_{item.name}") for item in options_of(Settings)}
        ini = {item.name: config.getini(ini_name(item.metadata["option"])) for item in options_of(Settings)}
        try:
            file = settingsfile.read(config.rootpath)
            file.update((name, value) for name, value in ini.items() if value)
            config.stash[_SETTINGS] = Settings.load(options, file)
        except LkltestError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[_SETTINGS]
