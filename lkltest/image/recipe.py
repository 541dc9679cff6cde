"""Recipes for disk images: what one is made of, how it is checked."""

from __future__ import annotations

import operator
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lkltest.errors import UsageError

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
TABLES = ("mbr", "gpt")
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq,
}


@dataclass(frozen=True)
class Check:
    """A program of the host that judges a file system, and how it is known to be content."""

    command: tuple[str, ...]  # with {image}
    quiet: tuple[str, ...] = ()  # where given, every line that it prints must match one of these expressions
    never: tuple[str, ...] = ()  # no line may match one of these
    status: tuple[int, ...] = (0,)  # good exit statuses


@dataclass(frozen=True)
class Volume:
    """One file system as a recipe describes it, settled for one kernel."""

    type: str  # as mount is told
    size: int  # bytes
    mkfs: tuple[str, ...]  # command, with {image}, {options}, {pack}
    config: str = ""  # the kernel's option that brings it: part of a skip's reason
    options: tuple[str, ...] = ()  # in the place of {options}
    pack: tuple[str, ...] = ()  # in the place of {pack}: takes the directory {tree}, or the {protofile}
    fill: tuple[str, ...] = ()  # command after mkfs that copies {tree}/packed, where mkfs cannot
    checks: tuple[Check, ...] = ()
    read: tuple[str, ...] = ()  # command that prints the file {path} of {image}
    mount: str = ""  # mount options
    lacks: tuple[str, ...] = ()  # what the file system cannot do; disk.c demands that it says so
    cuts: bool = False  # whether it promises to survive a power cut
    packages: Mapping[str, str] | None = None  # program to Debian package, where tools.PACKAGES does not tell


@dataclass(frozen=True)
class Recipe:
    """A recipe file: one file system on a bare disk, or a partition table with several."""

    name: str  # the file's, without ".toml": part of the ids of test items
    path: Path
    table: str  # "mbr", "gpt"; "" for a bare disk
    parts: tuple[Mapping[str, Any], ...]  # each volume as the file has it, "like" followed, "when" not yet settled

    def volumes(self, version: str) -> tuple[Volume, ...]:
        """The file systems as a kernel of this version ("4.9.0+") needs them."""
        return tuple(volume(part, self.path, version) for part in self.parts)

    @property
    def cuts(self) -> bool:
        """Whether power cuts can be tried on it: a bare disk whose file system promises to survive them."""
        return not self.table and bool(self.parts[0].get("cuts"))


def shipped() -> Path:
    """The directory of the recipes that come with lkltest: beside the package in a checkout, else inside it."""
    package = Path(__file__).parents[1]
    inside = package / "images"
    return inside if inside.is_dir() else package.parent / "images"


def size(text: str) -> int:
    """Parse a size such as "192M" or "2T" into bytes; raises ValueError."""
    match = re.fullmatch(r"(\d+)([KMGT]?)", text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a size such as 192M")
    return int(match[1]) * UNITS.get(match[2], 1)


def holds(condition: str, version: str) -> bool:
    """Whether a kernel's version fulfils a condition such as "<5.10"; raises ValueError where it is none."""
    match = re.fullmatch(r"\s*(<=|>=|<|>|==)\s*([\d.]+)\s*", condition)
    if match is None:
        raise ValueError(f"{condition!r} is not a condition such as \"<5.10\"")
    wanted = [int(part) for part in match[2].split(".") if part]
    is_version = re.match(r"[\d.]+", version)
    actual = [int(part) for part in is_version[0].split(".") if part] if is_version else []
    length = max(len(wanted), 1)
    return COMPARE[match[1]]((actual + [0] * length)[:length], wanted)


def load(directories: Sequence[Path]) -> tuple[Recipe, ...]:
    """All recipes of some directories, sorted by name; a later directory's replace earlier ones of the same name.

    Raises UsageError naming the file that cannot be read or understood.
    """
    raws: dict[str, tuple[Path, dict[str, Any]]] = {}
    for directory in directories:
        if not directory.is_dir():
            raise UsageError(f"no directory of image recipes {directory}: mend the path, or leave --lkl-images out")
        for path in sorted(directory.glob("*.toml")):
            raws[path.stem] = (path, _read(path))
    recipes = []
    for name, (path, raw) in sorted(raws.items()):
        recipe = _recipe(name, path, raw, raws)
        recipe.volumes("0")  # what is wrong with a recipe is told when it is read, not when it is used
        recipes.append(recipe)
    return tuple(recipes)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise UsageError(f"cannot read the image recipe {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from None


def _recipe(
    name: str, path: Path, raw: Mapping[str, Any], raws: Mapping[str, tuple[Path, dict[str, Any]]]
) -> Recipe:
    table = raw.get("table", "")
    if table not in ("", *TABLES):
        raise UsageError(f"{path}: unknown partition table {table!r}: one of {', '.join(TABLES)}, or leave it out")
    if not table:
        return Recipe(name, path, "", (_follow(raw, path, raws),))
    unknown = raw.keys() - {"table", "partition"}
    parts = raw.get("partition", [])
    if unknown or not isinstance(parts, list) or not 1 <= len(parts) <= 4:
        what = f"unknown key {min(unknown)!r}" if unknown else "one to four [[partition]] are needed"
        raise UsageError(f"{path}: {what} beside table = {table!r}")
    return Recipe(name, path, table, tuple(_follow(part, path, raws) for part in parts))


def _follow(
    raw: Mapping[str, Any], path: Path, raws: Mapping[str, tuple[Path, dict[str, Any]]], seen: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The keys of a volume, on top of those of the recipe that it is like."""
    base = raw.get("like")
    if base is None:
        return dict(raw)
    if base not in raws or base in seen or "table" in raws[base][1]:
        why = "is like itself" if base in seen else "is no recipe of a bare file system"
        raise UsageError(f"{path}: like = {base!r}: that {why}; known: {', '.join(sorted(raws))}")
    inherited = _follow(raws[base][1], raws[base][0], raws, (*seen, base))
    return {**inherited, **{key: value for key, value in raw.items() if key != "like"}}


def volume(raw: Mapping[str, Any], path: Path, version: str = "0") -> Volume:
    """A volume as the keys of a recipe tell it, for a kernel; raises UsageError naming `path`."""
    settled = {key: value for key, value in raw.items() if key not in {"when", "check"}}
    try:
        for case in raw.get("when", []):
            rest = {key: value for key, value in case.items() if key != "kernel"}
            _known(rest)
            if holds(case["kernel"], version):
                rest["options"] = [*settled.get("options", []), *rest.get("options", [])]
                settled.update(rest)
        _known(settled)
        return Volume(**{key: _value(key, value) for key, value in settled.items()},
                      checks=tuple(_check(check) for check in raw.get("check", [])))
    except KeyError as error:
        raise UsageError(f"{path}: {error.args[0]!r} is missing") from None
    except (TypeError, ValueError, re.error) as error:
        missing = [key for key in ("type", "size", "mkfs") if key not in settled]
        raise UsageError(f"{path}: {f'{missing[0]!r} is missing' if missing else error}") from None


def _known(raw: Mapping[str, Any]) -> None:
    names = {field.name for field in fields(Volume)} - {"checks"}
    for key in raw:
        if key not in names:
            raise ValueError(f"unknown key {key!r}; known: {', '.join(sorted(names | {'check', 'like', 'when'}))}")


def _value(key: str, value: Any) -> Any:  # noqa: ANN401 -- as TOML has it
    """A value of the file as Volume has it."""
    if key == "size":
        return size(str(value))
    if key in {"type", "config", "mount"}:
        if not isinstance(value, str):
            raise ValueError(f"{key} = {value!r}: not a text")
        return value
    if key == "cuts":
        if not isinstance(value, bool):
            raise ValueError(f"cuts = {value!r}: neither true nor false")
        return value
    if key == "packages":
        return dict(value)
    return _texts(key, value)


def _texts(key: str, value: Any) -> tuple[str, ...]:  # noqa: ANN401 -- as TOML has it
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{key} = {value!r}: not a list of texts")
    return tuple(value)


def _check(raw: Mapping[str, Any]) -> Check:
    for key in raw:
        if key not in {"command", "quiet", "never", "status"}:
            raise ValueError(f"unknown key {key!r} in [[check]]; known: command, quiet, never, status")
    quiet, never = (_texts(key, raw.get(key, [])) for key in ("quiet", "never"))
    for expression in (*quiet, *never):
        re.compile(expression)
    return Check(_texts("command", raw["command"]), quiet, never, tuple(raw.get("status", [0])))
