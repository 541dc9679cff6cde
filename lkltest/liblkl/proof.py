"""The proof that a library was built from the sources and the configuration that are there now.

A makefile may succeed and have compiled nothing. So only the files count as proof: their times, the kernel's banner,
kbuild's records of the sources of each object (`.X.o.cmd`), and its copy of the configuration.
"""

from __future__ import annotations

import itertools
import mmap
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lkltest.liblkl import kconfig, staleness
from lkltest.liblkl.binary import BANNER

PASSED_OVER = frozenset({".git", "scripts", "tools", "Documentation", "samples", "usr", "include", "debian"})
_FILE = re.compile(r"[^\s()$:\\]+")  # a word of a record; `$(wildcard include/config/net)` gives its file
_KNOWN = b"init/main.c\0"  # in every kernel with debug information


@dataclass(frozen=True)
class Built:
    """A tree behind its build."""

    root: Path  # its sources
    output: Path  # where it was built
    tools: Path  # tools/lkl or tools/um in `output`
    library: Path
    started: float  # when the build began, in seconds since the epoch

    @property
    def kernel(self) -> Path:
        """The kernel as it was linked, the library's part without the host's."""
        places = (self.output / "lkl.o", self.output / "vmlinux", self.tools / "lib/lkl.o", self.tools / "lib/linux.o")
        return next((place for place in places if place.is_file()), self.library)

    def older(self, made: Path, source: Path) -> bool:
        """Whether `made` was not made again after a change of `source`.

        A source from the future, as another machine's clock has it, counts as of the build's beginning.
        """
        return time_of(made) < min(time_of(source), self.started)


def doubt(built: Built) -> str:
    """The parts that were not rebuilt, as one sentence; empty where the files prove that all were."""
    return (
        configuration(built) or chain(built) or banners(built) or next(records(built), "") or next(sources(built), "")
    )


def configuration(built: Built) -> str:
    """Whether kbuild has not taken over an option of .config."""
    names = kconfig.not_taken_over(built.output)
    return f"{kconfig.TAKEN_OVER} does not have {names} as .config has" if names else ""


def chain(built: Built) -> str:
    """Whether a file is older than the one that it is made from, on the way from the kernel to the library."""
    if built.tools.name == "um":
        files = [built.tools / "lib/linux.o", built.library]
    else:
        files = [built.output / "vmlinux", built.output / "lkl.o", built.tools / "lib/lkl.o", built.library]
    present = [file for file in files if file.is_file()]
    for source, made in itertools.pairwise(present):
        if time_of(made) < time_of(source):
            return f"{made} is older than {source}, from which it is made"
    return ""


def banners(built: Built) -> str:
    """Whether the library has another kernel in it than the one that was linked."""
    linked, inside = _banners(built.kernel), _banners(built.library)
    lost = sorted(linked - inside)
    if not lost:
        return ""
    other = sorted(inside)[0].decode(errors="replace") if inside else "none"
    return f"{built.library} has the banner {other!r}, {built.kernel} has {lost[0].decode(errors='replace')!r}"


def records(built: Built) -> Iterator[str]:
    """Each object of the kernel that is older than a file from which kbuild made it."""
    times: dict[str, float] = {}
    for record in _records(built.output):
        made = record.with_name(record.name[1:].removesuffix(".cmd"))
        if not _filled(made) or time_of(made) >= built.started:
            continue
        limit = time_of(made)
        for word in set(_FILE.findall(record.read_text(encoding="utf-8", errors="replace"))):
            if word not in times:
                times[word] = time_of(built.output / word)
            if min(times[word], built.started) > limit and "/" in word and not _left_over(built, made):
                yield _told(made, built.output / word)
                break


def sources(built: Built) -> Iterator[str]:
    """Each source whose object, or else the whole kernel, is older; and each object that is newer than the kernel."""
    recorded = next(_records(built.output), None) is not None
    generation = "UML" if built.tools.name == "um" else "G2"  # which of the two tools/ is read
    for _, name in staleness.sources(built.root, built.output, generation):
        source = Path(name)
        relative = source.relative_to(built.root)
        made = (built.output / relative).with_suffix(".o")
        if source.suffix in {".c", ".S"} and _filled(made):
            whole = built.library if relative.parts[0] == "tools" else built.kernel
            if built.older(made, source) and not _left_over(built, made):
                yield _told(made, source)
            elif built.older(whole, made) and not _left_over(built, made):
                yield _told(whole, made)
        elif not recorded and not relative.is_relative_to("tools") and built.older(built.kernel, source):
            yield _told(built.kernel, source)


def _told(made: Path, source: Path) -> str:
    return f"{made} is older than {source}"


def _records(output: Path) -> Iterator[Path]:
    """Kbuild's records of the kernel's objects; those of the programs that it builds on the way are passed over."""
    for folder, names, files in os.walk(output):
        if Path(folder) == output:
            names[:] = [name for name in names if name not in PASSED_OVER]
        yield from (Path(folder, file) for file in files if file.startswith(".") and file.endswith(".o.cmd"))


def _left_over(built: Built, made: Path) -> bool:
    """Whether an object is of an option that is off now: nothing of the kernel is from its source."""
    relative = made.relative_to(built.output)
    where = built.library if relative.parts[0] == "tools" else built.kernel
    names = [relative.with_suffix(suffix) for suffix in (".c", ".S")]
    with where.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if any(data.find(os.fsencode(name) + b"\0") >= 0 for name in names):
            return False
        if data.find(_KNOWN) >= 0:  # paths are there, and this one is not
            return True
        return all(data.find(name.name.encode() + b"\0") < 0 for name in names)


def _banners(file: Path) -> set[bytes]:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return {match[0] for match in BANNER.finditer(data)}


def _filled(made: Path) -> bool:
    return made.is_file() and made.stat().st_size > 0


def time_of(file: Path) -> float:
    """When a file was changed last; 0 where there is none (a directory is none)."""
    try:
        about = file.stat()
    except (OSError, ValueError):
        return 0.0
    return about.st_mtime if stat.S_ISREG(about.st_mode) else 0.0
