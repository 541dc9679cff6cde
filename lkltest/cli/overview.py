"""The command without a subcommand: what one can do next on this machine; and `--version` with the kernels'."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import lkltest
from lkltest import liblkl, uml
from lkltest.doctor import own_suites
from lkltest.errors import Exit, LkltestError
from lkltest.settings import Settings
from lkltest.settings import file as settings_file

STEPS = (
    ("lkltest doctor", "examine this machine: kernels, suites, what is missing"),
    ("lkltest init DIR", "write a test directory of your own, which passes at once"),
    ("lkltest fuzz --time 60", "fuzz the system calls of the default kernel for a minute"),
    ("lkltest kunit --tree DIR", "run the KUnit tests of a kernel tree"),
    ("pytest --tap-program ./t.sh", "run any program that prints TAP, its points as tests"),
    ("lkltest tap FILE", "read any TAP stream: a log, or what a test printed"),
    ("lkltest --help", "list all commands"),
)


def run(arguments: argparse.Namespace) -> int:
    """Print the versions, or the next steps."""
    if arguments.version:
        print("\n".join(versions()))
    else:
        show(settings_file.load({}))
    return Exit.PASSED


def show(settings: Settings) -> None:
    """Print the next steps, in about ten lines."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 500
    about = "tests for the Linux kernel as a library, User Mode Linux, and TAP programs"
    print(textwrap.fill(f"lkltest {lkltest.__version__}: {about}", columns))
    steps = [first(settings), *STEPS]
    wide = max(len(command) for command, _ in steps)
    beside = wide + 4 + max(len(purpose) for _, purpose in steps) <= columns
    for command, purpose in steps:
        if beside:
            print(f"  {command:<{wide}}  {purpose}")
        else:
            print(f"  {command}", *(f"      {line}" for line in textwrap.wrap(purpose, columns - 6)), sep="\n")


def first(settings: Settings) -> tuple[str, str]:
    """The first step: run the suites on the kernels that are here, else build one."""
    if settings.lkl or liblkl.is_built(settings):
        names = [settings.names.get(path, str(path)) for path in settings.lkl] or [liblkl.default_name(settings)]
        return f"pytest {own_suites()}", f"run the suites on {', '.join(names)}"
    if installed := shutil.which(uml.DEBIAN):
        return f"pytest {own_suites()}uml --uml={installed}", "run a suite on the UML that is installed"
    return "lkltest build", "fetch and build the default kernel, once (5 minutes)"


def versions() -> Iterator[str]:
    """The package's version, then the kernels: those of the project's settings, else the default and the installed."""
    yield f"lkltest {lkltest.__version__}"
    try:
        settings = settings_file.load({})
    except LkltestError:
        return  # the commands tell of it; a version can be asked for anyway
    for path in settings.lkl or ([None] if liblkl.is_built(settings) else []):
        try:
            kernel = liblkl.describe(path, settings) if path else liblkl.default(settings)
            yield f"{settings.names.get(kernel.path, kernel.name)}: Linux {kernel.version} ({kernel.origin})"
        except LkltestError:
            yield f"{path}: not usable (see lkltest doctor)"
    installed = shutil.which(uml.DEBIAN)
    for executable in settings.uml or ([Path(installed)] if installed else []):
        try:
            yield f"{uml.find(executable, settings).name}: {executable}"
        except LkltestError:
            yield f"{executable}: not usable (see lkltest doctor)"
