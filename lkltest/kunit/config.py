"""The configuration of a kernel with KUnit, merged as the tree's own kunit.py merges it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lkltest.errors import UsageError

NAME = ".kunitconfig"  # in a directory that is given, and in the build directory of kunit.py
FOUND = Path(".kunit", NAME)  # where kunit.py keeps the user's own
CONFIGS = Path("tools/testing/kunit/configs")
DEFAULT, ALL, UML = (CONFIGS / name for name in ("default.config", "all_tests.config", "arch_uml.config"))

SET = re.compile(r'CONFIG_(\w+)=(\S+|".*")')
UNSET = re.compile(r"# CONFIG_(\w+) is not set")

Options = Mapping[str, str]  # the names without CONFIG_; "n" is for one that is not set


def parse(text: str, origin: str) -> dict[str, str]:
    """The options of a Kconfig fragment or a .config; raises UsageError, which names `origin`, for any other line."""
    options = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if found := SET.fullmatch(line):
            options[found[1]] = found[2]
        elif found := UNSET.fullmatch(line):
            options[found[1]] = "n"
        elif line and not line.startswith("#"):
            raise UsageError(f"{origin}, line {number}: cannot read {line!r}: write CONFIG_X=y, "
                             "or # CONFIG_X is not set")  # fmt: skip
    return options


def read(path: Path) -> dict[str, str]:
    """The options of a file."""
    try:
        return parse(path.read_text(encoding="utf-8", errors="replace"), str(path))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def chosen(tree: Path, given: Sequence[str], *, everything: bool) -> list[Path]:
    """The files that a configuration is merged from: those given, or the one found, or the tree's default."""
    paths = [tree / ALL] if everything else []
    paths += [locate(tree, name) for name in given]
    if paths:
        return paths
    for path in (tree / FOUND, tree / DEFAULT):
        if path.is_file():
            return [path]
    raise UsageError(f"no {DEFAULT} in {tree}: it has no KUnit, or one before Linux 5.14; name a file with "
                     "--kunitconfig")  # fmt: skip


def locate(tree: Path, name: str) -> Path:
    """The file that --kunitconfig names: by itself, or in the tree; in a directory it is .kunitconfig."""
    for path in (Path(name).absolute(), tree / name):
        if path.is_dir():
            path /= NAME  # noqa: PLW2901 -- the file that is meant
        if path.is_file():
            return path
    raise UsageError(f"no kunitconfig {name}, neither here nor in {tree}: name a file, or a directory with {NAME}")


def merge(tree: Path, paths: Sequence[Path], added: Sequence[str]) -> dict[str, str]:
    """The options that are asked for: UML's own, then those of the files, then `added`, as "CONFIG_X=y".

    Raises UsageError where two files want an option to have different values.
    """
    merged: dict[str, str] = {}
    origins: dict[str, Path] = {}
    for path in paths:
        for name, value in read(path).items():
            if merged.setdefault(name, value) != value:
                raise UsageError(f"CONFIG_{name} is {merged[name]} in {origins[name]}, and {value} in {path}: "
                                 "leave one of them out")  # fmt: skip
            origins[name] = path
    base = read(tree / UML) if (tree / UML).is_file() else {}
    return {**base, **merged, **parse("\n".join(added), "--kconfig-add")}


def write(options: Options) -> str:
    """The text of a .config with these options."""
    lines = (f"# CONFIG_{name} is not set" if value == "n" else f"CONFIG_{name}={value}"
             for name, value in options.items())  # fmt: skip
    return "\n".join(lines) + "\n"


def lost(wanted: Options, got: Options) -> list[str]:
    """The options that kconfig has dropped or changed, as it does in silence where a dependency is missing."""
    return [
        f"CONFIG_{name}={value} (became {got[name]})" if name in got else f"CONFIG_{name}={value}"
        for name, value in wanted.items()
        if got.get(name, "n") != value
    ]
