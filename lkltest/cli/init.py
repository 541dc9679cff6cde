"""The `lkltest init` command."""

from __future__ import annotations

import argparse
import shlex
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from lkltest import uml
from lkltest.errors import Exit, UsageError

PROGRAM, SUITE, WORKFLOW = "first.c", "test_first.py", "workflow.yml"  # the templates
SETTINGS = "lkltest.toml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", nargs="?", default=Path("lkltests"),
                        help="where to write them (default: lkltests)")


def run(arguments: argparse.Namespace) -> int:
    """Write a test program, its suite file and a CI workflow; print the commands that run them."""
    directory: Path = arguments.directory.absolute()
    files = dict(contents(directory))
    if there := [path.name for path in files if path.exists()]:
        raise UsageError(f"{directory} has a {', '.join(there)} already; nothing was written: name another directory")
    for path, text in [*files.items(), workflow(directory)]:
        if path.exists():
            print(f"kept  {path}")
        else:
            write(path, text)
            print(f"wrote {path}")
    print(f"\nNow:\n  cd {shlex.quote(str(arguments.directory))}\n  pytest")
    if installed := shutil.which(uml.DEBIAN):
        print(f"  pytest --uml={installed}")
    return int(Exit.PASSED)


def contents(directory: Path) -> Iterator[tuple[Path, str]]:
    """The files to write, with their texts; settings only where the directory lies in an LKL tree."""
    for name in (PROGRAM, SUITE):
        yield directory / name, template(name)
    if tree := above(directory, "tools/lkl/Makefile"):
        upwards = "/".join([".."] * len(directory.relative_to(tree).parts))
        yield directory / SETTINGS, f'# The kernel to test: a path from here.\nkernels.{name_of(tree)} = "{upwards}"\n'


def workflow(directory: Path) -> tuple[Path, str]:
    """The workflow's file, at the top of the repository, where the CI service looks for it; and its text."""
    top = above(directory, ".git") or directory
    inside = directory.relative_to(top).as_posix()
    return top / ".github" / "workflows" / "lkltest.yml", template(WORKFLOW).replace("@DIRECTORY@", inside)


def name_of(tree: Path) -> str:
    """A name for the tree that a settings file takes as a key without quotes."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in tree.name) or "tree"


def above(directory: Path, name: str) -> Path | None:
    """The nearest directory, from this one upwards, that has a file or directory of this name."""
    return next((parent for parent in (directory, *directory.parents) if (parent / name).exists()), None)


def template(name: str) -> str:
    """The text of a template that lkltest carries."""
    return (resources.files("lkltest") / "templates" / name).read_text(encoding="utf-8")


def write(path: Path, text: str) -> None:
    """Write a new file; raises UsageError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; name another directory") from None
