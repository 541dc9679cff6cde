"""Packages whose names are imported when they are used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping


def attach(
    package: str, names: Mapping[str, str], modules: Mapping[str, str] | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the functions __getattr__ and __dir__ of a package.

    `names` has the names that the package offers, separated by blanks, by the module that each is imported from;
    `modules` has the modules that it offers, by the name that each has in the package.
    """
    homes = {name: home for home, text in names.items() for name in text.split()}
    whole = dict(modules or {})

    def get(name: str) -> object:
        """Import what the name is for; pytest loads this package in every run of its users."""
        if name in whole:
            value: object = importlib.import_module(whole[name])
        elif name in homes:
            value = getattr(importlib.import_module(homes[name]), name)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {', '.join(known())}")
        setattr(sys.modules[package], name, value)
        return value

    def known() -> list[str]:
        """The public names, in order."""
        return sorted(sys.modules[package].__all__)

    return get, known
