"""A private copy of a tree's kselftests, in the cache: they are built beside their sources, and only there."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host.cache import key, locked
from lkltest.host.progress import Progress
from lkltest.host.stamp import is_copy
from lkltest.kunit import shadow
from lkltest.liblkl.build_default import plain
from lkltest.settings import Settings
from lkltest.uml import build as uml_build

SELFTESTS = Path("tools/testing/selftests")
MADE = re.compile(r".*\.(?:o|a|so|ko|mod|cmd|d)$|^\..*\.cmd$")  # by a build in the tree


@dataclass(frozen=True)
class Sources:
    """The private copy of a tree."""

    tree: Path  # the user's, which is only read
    home: Path  # the directory of the cache for all that is made of this tree

    @property
    def root(self) -> Path:
        """The copy: the tree's own files by links, but for the kselftests."""
        return self.home / "sources"

    @property
    def selftests(self) -> Path:
        """The copy's kselftests."""
        return self.root / SELFTESTS

    @property
    def headers(self) -> Path:
        """The output directory of `make headers`."""
        return self.home / "headers"


def copy(tree: Path, settings: Settings, progress: Progress) -> Sources:
    """Bring the copy up to date; raises UsageError where the tree has no kselftests, or the cache cannot be written."""
    if not (tree / SELFTESTS / "lib.mk").is_file():
        raise UsageError(f"no {SELFTESTS}/lib.mk in {tree}: pass --lkl-kselftest-tree the root of a kernel tree")
    home = settings.cache / "kselftest" / f"{tree.resolve().name}-{key(str(tree.resolve()))}"
    if not plain(home):
        raise UsageError(f"cannot build in {home}: make cannot live with blanks or colons in a path; name another "
                         "cache with --lkl-cache, or LKLTEST_CACHE")  # fmt: skip
    sources = Sources(tree, home)
    try:
        sources.selftests.mkdir(parents=True, exist_ok=True)
        with locked(sources.root, lambda: progress.say(f"another run copies the kselftests of {tree}; waiting for it")):
            _link(tree, sources.root, Path("tools"))
            _link(tree / "tools", sources.root / "tools", Path("testing"))
            _link(tree / "tools/testing", sources.root / "tools/testing", Path("selftests"))
            _mirror(tree / SELFTESTS, sources.selftests, home / "copied")
            headers = sources.root / "usr/include"
            if not headers.is_symlink():
                headers.symlink_to(sources.headers / "usr/include")
    except OSError as error:
        raise UsageError(f"cannot write the cache {home}: {error.strerror}; free some room, mend its permissions, or "
                         "name another cache with LKLTEST_CACHE") from None  # fmt: skip
    return sources


def clean_root(sources: Sources, progress: Progress) -> Path:
    """The tree, for a build elsewhere; where somebody has built in it, links to its sources."""
    tree = sources.tree
    if not shadow.needed(tree):
        return tree
    root = sources.home / "kernel-sources"
    root.mkdir(exist_ok=True)
    log = sources.home / "clean.log"
    shadow.update(tree, root, lambda: uml_build.make([["mrproper"]], root, log, progress, None))
    return root


def _link(tree: Path, copied: Path, beside: Path) -> None:
    """Make links to all entries of a directory but one, and but for the headers that are installed from it."""
    for entry in sorted(tree.iterdir()):
        place = copied / entry.name
        if entry.name in {beside.name, ".git"}:
            continue
        if entry.name == "usr" and (entry / "gen_init_cpio.c").is_file():
            place.mkdir(exist_ok=True)
            _link(entry, place, Path("include"))
        elif not place.is_symlink() or place.readlink() != entry:
            place.unlink(missing_ok=True)
            place.symlink_to(entry)
    (copied / "usr").mkdir(exist_ok=True) if beside == Path("tools") else None


def _mirror(tree: Path, copied: Path, record: Path) -> None:
    """Copy files that are new or changed, with their times, by which make knows them; remove those that are gone."""
    names = set(_files(tree, ""))
    before = set(os.fsdecode(record.read_bytes()).split("\0")) if record.is_file() else set()
    for name in before - names - {""}:
        (copied / name).unlink(missing_ok=True)
    for name in sorted(names):
        source, place = f"{tree}/{name}", f"{copied}/{name}"
        if not is_copy(place, source):
            os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 -- 4,000 names
            Path(place).unlink(missing_ok=True)
            shutil.copy2(source, place, follow_symlinks=False)
    record.write_bytes(os.fsencode("\0".join(sorted(names))))


def _files(directory: str | Path, inside: str) -> Iterator[str]:
    """The names of all files below a directory that no build has left there."""
    with os.scandir(directory) as entries:
        found = list(entries)
    for entry in found:
        name = f"{inside}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path, f"{name}/")
        elif not MADE.match(entry.name) and (entry.is_symlink() or not _is_program(entry)):
            yield name


def _is_program(entry: os.DirEntry[str]) -> bool:
    """Whether a file is an executable that a build in the tree has left: it is without a suffix, and binary."""
    if "." in entry.name or not entry.stat().st_mode & 0o100:
        return False
    with open(entry.path, "rb") as file:  # noqa: PTH123
        return file.read(4) == b"\x7fELF"
