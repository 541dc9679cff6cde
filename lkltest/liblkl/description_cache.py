"""Descriptions of libraries that were looked at before: reading one back takes a millisecond."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from lkltest.host.cache import discard
from lkltest.host.cache import recall as read
from lkltest.host.stamp import stamp
from lkltest.liblkl.model import Generation, Liblkl

FORMAT = 2  # of the files; another one is not read

PATHS = frozenset({"path", "static", "shared", "root", "tests", "output"})
SETS = frozenset({"symbols", "config", "host", "inlines", "undefined"})


def file(path: Path, cache: Path) -> Path:
    """The file that describes what `path` names. Two paths of one checksum only take turns: each file says its own."""
    return cache / "known" / f"{zlib.crc32(os.fsencode(path)):08x}-{FORMAT}.json"


def recall(path: Path, cache: Path) -> Liblkl | None:
    """The description of what `path` names, if it is known and no file of it has changed since."""
    def take(saved: Any) -> Liblkl | None:  # noqa: ANN401 -- a file's content
        if saved["path"] != os.fspath(path) or any(stamp(name) != mark for name, mark in saved["watched"].items()):
            return None
        return decode(saved["liblkl"])

    return read(file(path, cache), take)


def remember(path: Path, cache: Path, liblkl: Liblkl, watched: dict[str, Any]) -> None:
    """Keep a description; `watched` has the stamps that its files had before they were read.

    A cache that cannot be written costs time, and nothing else.
    """
    target = file(path, cache)
    saved = {"path": os.fspath(path), "watched": watched, "liblkl": encode(liblkl)}
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(saved), encoding="utf-8")
        temporary.replace(target)
    except (OSError, UnicodeError):
        discard(temporary)


def stamps(files: Sequence[Path]) -> dict[str, Any]:
    """The stamp of each file, by its path."""
    return {os.fspath(name): stamp(name) for name in files}


def encode(liblkl: Liblkl) -> dict[str, Any]:
    """A description as JSON has it."""
    values = {item.name: getattr(liblkl, item.name) for item in fields(liblkl)}
    for name, value in values.items():
        if isinstance(value, frozenset):
            values[name] = sorted(value)
        elif isinstance(value, Path):
            values[name] = os.fspath(value)
    include = [os.fspath(folder) for folder in liblkl.include]
    return {**values, "generation": liblkl.generation.value, "include": include}


def decode(saved: dict[str, Any]) -> Liblkl:
    """The inverse of `encode`."""
    values: dict[str, Any] = {}
    for name, value in saved.items():
        if name in PATHS and value is not None:
            values[name] = Path(value)
        elif name in SETS:
            values[name] = frozenset(value)
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    values["generation"] = Generation(saved["generation"])
    values["include"] = tuple(Path(folder) for folder in saved["include"])
    return Liblkl(**values)
