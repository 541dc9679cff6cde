"""A directory of links to the sources of a tree that somebody has built in.

A kernel cannot be built elsewhere (make O=DIR) from sources among which a build has left its files, nor from a path
with blanks. The links stand for the sources alone.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host.cache import recall
from lkltest.liblkl.build_default import plain
from lkltest.uml.tree import files, has_git

RECORD = "links.json"  # beside the directory
# By these the kernel's makefile knows that a tree is not clean; the last are of UML's two halves.
LEFT = (".config", "include/config", "arch/um/include/generated", "arch/x86/include/generated")


def needed(tree: Path) -> bool:
    """Whether make cannot take the tree itself for a build elsewhere."""
    return not plain(tree) or any((tree / name).exists() for name in LEFT)


def update(tree: Path, place: Path, clean: Callable[[], None]) -> None:
    """Make `place` a tree of links to all sources of `tree`.

    Where git does not tell what is built, `clean` is called to remove it (`make mrproper`): it sees links only.
    """
    record = place.with_name(RECORD)
    known = recall(record, lambda found: (set(found["links"]), set(found["built"]))) if place.is_dir() else None
    if known is None and place.is_dir() and any(place.iterdir()):
        shutil.rmtree(place, ignore_errors=True)  # of a state that is not known: links of removed files would stay
        place.mkdir(exist_ok=True)
    before, built = known or (set(), set())
    names = set(files(tree)) - built
    record.unlink(missing_ok=True)
    remove(place, before - names)
    try:
        add(tree, place, names - before)
    except OSError as error:
        raise UsageError(f"cannot link the sources of {tree} in {place}: {error.strerror}; free some room, or name "
                         "another cache with --lkl-cache") from None  # fmt: skip
    if names - before and not has_git(tree):
        clean()
        gone = {name for name in names if not os.path.lexists(place / name)}
        names, built = names - gone, built | gone
    record.write_text(json.dumps({"links": sorted(names), "built": sorted(built)}), encoding="utf-8")


def add(tree: Path, place: Path, names: Iterable[str]) -> None:
    """Make a link for each name."""
    made: set[str] = set()
    for name in sorted(names):
        folder = os.path.dirname(name)  # noqa: PTH120 -- 80,000 names: Path objects take longer
        if folder not in made:
            (place / folder).mkdir(parents=True, exist_ok=True)
            made.add(folder)
        link = f"{place}/{name}"
        if os.path.lexists(link):
            os.unlink(link)  # noqa: PTH108
        os.symlink(f"{tree}/{name}", link)  # noqa: PTH211


def remove(place: Path, names: Iterable[str]) -> None:
    """Remove the links of these names."""
    for name in names:
        (place / name).unlink(missing_ok=True)
