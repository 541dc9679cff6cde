"""The host's verdict on an image: its own checkers, its own readers."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from lkltest.image import sparse, tools, tree
from lkltest.image.make import Image, Place
from lkltest.image.recipe import Check, Volume
from lkltest.image.tools import MissingTool

Judge = Callable[[], list[str]]  # says what is wrong


def check(image: Image) -> list[str]:
    """The complaints of the host's checkers, each with the checker's name; empty where all is clean.

    Raises MissingTool where one is not installed and the others are content.
    """
    judges: list[Judge] = [partial(_check_table, image)] if image.table else []
    judges += [partial(_check_place, image, place) for place in image.places]
    return all_of(*judges)


def all_of(*judges: Judge) -> list[str]:
    """The complaints of all these judges.

    MissingTool is raised for a missing one only where the others find nothing: it never hides a complaint.
    """
    problems, missing = [], []
    for judge in judges:
        try:
            problems += judge()
        except MissingTool as tool:
            missing.append(str(tool))
    if missing and not problems:
        raise MissingTool("; ".join(dict.fromkeys(missing)))
    return problems + [f"not judged: {tool}" for tool in missing]


def read(image: Image, files: Mapping[str, int]) -> list[str]:
    """Read known files of the first file system without the kernel under test; say which differ, and where.

    `files` are paths and sizes as in `tree.WRITTEN`. Raises MissingTool where the reader is not installed. Nothing is
    read where the recipe has no `read`.
    """
    place = image.places[0]
    problems: list[str] = []
    if not place.volume.read:
        return problems
    with alone(image, place) as path:
        for name, size in files.items():
            actual, complaint = cat(place.volume, path, name)
            different = tree.difference(tree.content(name, size), actual)
            if different is not None:
                why = complaint if len(actual) < size else ""
                problems.append(f"{_where(place)}{_short(name)}: read on the host, {different}{why}")
    return problems


def cat(volume: Volume, path: Path, name: str) -> tuple[bytes, str]:
    """The bytes of one file of a bare file system's image, with the last complaint of the program that read it."""
    command = [word.replace("{image}", str(path)).replace("{path}", name) for word in volume.read]
    told = tools.run(command, package=volume.packages.get(command[0]))
    complaint = told.errors.decode(errors="backslashreplace").strip().splitlines()
    return told.output, f" ({command[0]}: {complaint[-1]})" if complaint else ""


@contextlib.contextmanager
def alone(image: Image, place: Place) -> Iterator[Path]:
    """A file that holds nothing but one file system: the image itself, or for a while a copy of its partition."""
    if not place.number:
        yield image.path
        return
    with tempfile.NamedTemporaryFile(prefix=f"{image.path.stem}-{place.number}-", dir=image.path.parent) as file:
        path = Path(file.name)
        sparse.extract(image.path, path, place.offset, place.size)
        yield path


def _where(place: Place) -> str:
    return f"partition {place.number}: " if place.number else ""


def _short(name: str) -> str:
    return name if len(name) < 60 else f"{name[:40]}...{name[-10:]}"


def _check_table(image: Image) -> list[str]:
    # It says "No errors detected" of a table that it then complains of: every line that it prints is judged.
    quiet = (
        re.escape(f"{image.path}:"), r"No errors detected\.", r"Header version: .*",
        r"Using \d+ out of \d+ partitions\.", r"A total of \d+ free sectors .*", r"Remaining \d+ unallocated .*",
    )
    volume = image.places[0].volume
    return _check(Check(("sfdisk", "--verify", "{image}"), quiet), volume, image.path)


def _check_place(image: Image, place: Place) -> list[str]:
    with alone(image, place) as path:
        found = all_of(*(partial(_check, rule, place.volume, path) for rule in place.volume.check))
    return [_where(place) + problem for problem in found]


def _check(rule: Check, volume: Volume, path: Path) -> list[str]:
    command = [word.replace("{image}", str(path)) for word in rule.command]
    told = tools.run(command, package=volume.packages.get(command[0]))
    lines = [line.rstrip() for line in tools.said(told).splitlines() if line.strip()]
    problems = [line.strip() for line in lines if _complains(rule, line)]
    if told.status not in rule.status and not problems:
        problems = [f"{told.describe()}, after: {lines[-1].strip() if lines else 'no output'}"]
    name = " ".join(rule.command[:-1] if rule.command[-1] == "{image}" else rule.command)
    return [f"{name}: {problem}" for problem in problems]


def _complains(rule: Check, line: str) -> bool:
    if any(re.fullmatch(expression, line) for expression in rule.never):
        return True
    return bool(rule.quiet) and not any(re.fullmatch(expression, line) for expression in rule.quiet)
