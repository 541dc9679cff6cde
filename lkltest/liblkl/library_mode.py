"""The two forms of UML's library mode: the options that build a tree as one, and the place of its tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LibraryMode:
    """The differences between the RFC's versions."""

    word: str  # on make's command line, beside ARCH=um
    tests: str  # their place in the sources

    def command(self, root: Path, output: Path, *, configure: bool) -> str:
        """The commands that build a tree by hand."""
        make = f"make -C {root} ARCH=um {self.word}" + (f" O={output}" if output != root else "")
        return f"{make} defconfig && {make}" if configure else make


V7 = LibraryMode("UMMODE=library", "tools/um/tests")
V8 = LibraryMode("SUBARCH=lkl", "tools/testing/selftests/um")


def of(root: Path) -> LibraryMode:
    """The form of a tree's library mode, as its makefiles have it: v7's reads UMMODE, v8's is a sub-architecture."""
    try:
        makefile = (root / "arch/um/Makefile").read_text(encoding="utf-8", errors="replace")
    except OSError:
        makefile = ""
    if re.search(r"\bUMMODE\b", makefile):
        return V7
    return V8 if (root / "arch/um/lkl").is_dir() or re.search(r"\$\(SUBARCH\),\s*lkl", makefile) else V7
