"""What is known once in a pytest session."""

from __future__ import annotations

from dataclasses import fields

import pytest

from lkltest.errors import LkltestError
from lkltest.plugin import ini_name
from lkltest.settings import Settings

_SETTINGS = pytest.StashKey[Settings]()


def settings_of(config: pytest.Config) -> Settings:
    """The settings of this session: options, then environment, then ini file, then defaults.

    Raises pytest.UsageError where one of them cannot be read.
    """
    if _SETTINGS not in config.stash:
        options = {item.name: config.getoption(f"lkltest_{item.name}") for item in fields(Settings)}
        files = {
            item.name: value
            for item in fields(Settings)
            if (value := config.getini(ini_name(item.metadata["option"])))
        }
        try:
            config.stash[_SETTINGS] = Settings.load(options, files)
        except LkltestError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[_SETTINGS]
