"""The script by which a shell completes commands, options, paths and names."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import shtab

from lkltest.liblkl.recipe import VARIANTS
from lkltest.tap.dialect import Dialect

# The values of arguments, by the words for them in the help.
DIRECTORIES = {"DIR"}
FILES = {"DATA", "FILE", "FILE...", "FINDING", "OTHER", "PACKED", "PATH"}  # or directories
NAMES = {"--dialect": [dialect.value for dialect in Dialect], "--variant": list(VARIANTS)}


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for a shell; `parser` is good for nothing else afterwards."""
    for action in actions(parser):
        if action.metavar in DIRECTORIES:
            action.complete = shtab.DIRECTORY
        elif action.metavar in FILES:
            action.complete = shtab.FILE
        action.choices = next((NAMES[name] for name in action.option_strings if name in NAMES), action.choices)
    return str(shtab.complete(parser, shell))


def actions(parser: argparse.ArgumentParser) -> Iterator[Any]:
    """The arguments of a command, and of the commands below it."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from actions(below)
