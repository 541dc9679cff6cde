"""Recipe files (images/*.toml), every key of which is understood before the first image is made."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lkltest.errors import UsageError
from lkltest.image import tools
from lkltest.image.recipe import LACKS, Check, Part, Recipe, Volume, holds, size

TABLES = ("mbr", "gpt")


def shipped() -> Path:
    """The directory of the recipes that come with lkltest: beside the package in a checkout, else inside it."""
    package = Path(__file__).parents[1]
    inside = package / "images"
    return inside if inside.is_dir() else package.parent / "images"


def load(directories: Sequence[Path]) -> tuple[Recipe, ...]:
    """All recipes of some directories, sorted by name; a later directory's replace earlier ones of the same name.

    Raises UsageError naming the file that cannot be read or understood.
    """
    drafts: dict[str, _Draft] = {}
    for directory in directories:
        if not directory.is_dir():
            raise UsageError(f"no directory of image recipes {directory}: mend the path, or leave --lkl-images out")
        paths = sorted(directory.glob("*.toml"))
        if not paths:
            raise UsageError(f"no image recipe in {directory}: their names end in .toml")
        for path in paths:
            with _naming(path):
                drafts[path.stem] = _draft(path)
    recipes = []
    for name, draft in sorted(drafts.items()):
        with _naming(draft.path):
            parts = tuple(_whole(_follow(keys, drafts, (name,))) for keys in draft.parts)
            recipes.append(Recipe(name, draft.path, draft.table, parts))
    return tuple(recipes)


def volume(raw: Mapping[str, Any]) -> Volume:
    """A file system by the keys of a recipe, the same for all kernels; raises ValueError where one is wrong."""
    return _whole(_keys(raw, KEYS)).settle("0")


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in the errors that the block raises."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None


@dataclass(frozen=True)
class _Draft:
    """A recipe file of which every key was understood, before "like" is followed."""

    path: Path
    table: str
    parts: tuple[Mapping[str, Any], ...]


def _draft(path: Path) -> _Draft:
    with path.open("rb") as file:
        raw = tomllib.load(file)
    if raw.keys().isdisjoint({"table", "partition"}):
        return _Draft(path, "", (_keys(raw, OWN_KEYS),))
    whole = _keys(raw, {"table": _one_of(*TABLES), "partition": _tables(OWN_KEYS)})
    parts = whole.get("partition", ())
    if "table" not in whole or not 1 <= len(parts) <= 4:
        raise ValueError('table = "gpt" or "mbr" needs one to four [[partition]], and they need it')
    return _Draft(path, whole["table"], parts)


def _follow(keys: Mapping[str, Any], drafts: Mapping[str, _Draft], seen: tuple[str, ...]) -> dict[str, Any]:
    """The keys of a part, on top of those of the recipe that it is like."""
    own = dict(keys)
    base = own.pop("like", None)
    if base is None:
        return own
    if base not in drafts or base in seen or drafts[base].table:
        why = "is like itself" if base in seen else "is no recipe of a bare file system"
        known = sorted(name for name, draft in drafts.items() if not draft.table and name not in seen)
        raise ValueError(f"like: {base!r} {why}; known: {', '.join(known)}")
    return _follow(drafts[base].parts[0], drafts, (*seen, base)) | own


def _whole(keys: Mapping[str, Any]) -> Part:
    """A part of the recipe, checked to be complete for every kernel."""
    for key in ("type", "size", "mkfs"):
        if key not in keys:
            raise ValueError(f'{key!r} is missing: give it, or like = "ext4" to take it from there')
    part = Part({key: value for key, value in keys.items() if key != "when"}, keys.get("when", ()))
    for case in ({}, *(case for _, case in part.cases)):
        _agree(Volume(**{**part.keys, **case}))
    return part


def _agree(settled: Volume) -> None:
    """Raise ValueError where one key does not fit to another, or to this machine."""
    for key in ("options", "pack"):
        if getattr(settled, key) and f"{{{key}}}" not in settled.mkfs:
            raise ValueError(f"mkfs: {list(settled.mkfs)} has no {{{key}}}, the place of the key {key!r}")
    for command in (settled.mkfs, settled.fill, settled.read, *(check.command for check in settled.check)):
        if command and not tools.known(command[0], settled.packages):
            raise ValueError(f"{command[0]!r} is no program that is known here: mend its name, install it, or say "
                             f'which Debian package has it: packages = {{ "{command[0]}" = "..." }}')


# ---- what a key may hold: each reader takes a value as TOML has it, and raises ValueError ----

Reader = Callable[[Any], Any]


def _keys(raw: Mapping[str, Any], known: Mapping[str, Reader]) -> dict[str, Any]:
    """Read all keys of one table of a file."""
    keys = {}
    for key, value in raw.items():
        if key not in known:
            raise ValueError(f"unknown key {key!r}; known: {', '.join(sorted(known))}")
        try:
            keys[key] = known[key](value)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    return keys


def _a(kind: type, what: str) -> Reader:
    def read(value: Any) -> Any:  # noqa: ANN401
        if type(value) is not kind:
            raise ValueError(f"{value!r} is not {what}")
        return value

    return read


_text = _a(str, "a text in quotes")


def _one_of(*words: str) -> Reader:
    def read(value: Any) -> Any:  # noqa: ANN401
        if value not in words:
            raise ValueError(f"{value!r} is not one of {', '.join(words)}")
        return value

    return read


def _list(element: Reader) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:  # noqa: ANN401
        return tuple(element(item) for item in _a(list, "a list in brackets")(value))

    return read


def _command(*places: str, optional: bool = False) -> Reader:
    """A program and its arguments, which name each of `places`; an `optional` one may be left out: []."""

    def read(value: Any) -> tuple[Any, ...]:  # noqa: ANN401
        words: tuple[str, ...] = _list(_text)(value)
        missing = [place for place in places if not any(place in word for word in words[1:])]
        if missing and (words or not optional):
            raise ValueError(f"{value} has no {missing[0]}")
        return words

    return read


def _size(value: Any) -> int:  # noqa: ANN401
    return size(_a(str, 'a size such as "192M"')(value))


def _expression(value: Any) -> str:  # noqa: ANN401
    try:
        re.compile(_text(value))
        return str(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from None


def _packages(value: Any) -> dict[str, str]:  # noqa: ANN401
    table = _a(dict, 'a table such as { "mkfs.f2fs" = "f2fs-tools" }')(value)
    return {program: _text(package) for program, package in table.items()}


def _tables(known: Mapping[str, Reader], needed: str = "") -> Reader:
    """Any number of tables of the file, [[...]], each with these keys."""

    def read(value: Any) -> tuple[dict[str, Any], ...]:  # noqa: ANN401
        what = "a table with its head in double brackets, [[...]]"
        tables = tuple(_keys(_a(dict, what)(table), known) for table in _a(list, what)(value))
        if any(needed and needed not in table for table in tables):
            raise ValueError(f"{needed!r} is missing")
        return tables

    return read


def _checks(value: Any) -> tuple[Check, ...]:  # noqa: ANN401
    known = {"command": _command("{image}"), "quiet": _list(_expression), "never": _list(_expression),
             "status": _list(_a(int, "an exit status"))}
    return tuple(Check(**keys) for keys in _tables(known, needed="command")(value))


def _condition(value: Any) -> str:  # noqa: ANN401
    holds(_text(value), "0")
    return str(value)


def _cases(value: Any) -> tuple[tuple[str, dict[str, Any]], ...]:  # noqa: ANN401
    return tuple((keys.pop("kernel"), keys) for keys in _tables({**KEYS, "kernel": _condition}, needed="kernel")(value))


KEYS: Mapping[str, Reader] = {  # the fields of Volume
    "type": _text, "size": _size, "config": _text, "mount": _text,
    "mkfs": _command("{image}"), "options": _list(_text), "pack": _list(_text),
    "fill": _command("{image}", "{tree}", optional=True), "read": _command("{image}", "{path}", optional=True),
    "check": _checks,
    "lacks": _list(_one_of(*LACKS)), "cuts": _a(bool, "true or false"), "packages": _packages,
}
OWN_KEYS: Mapping[str, Reader] = {**KEYS, "like": _text, "when": _cases}
