"""Kernels that were built and published in the cache."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from lkltest.host.cache import recall
from lkltest.liblkl.recipe import Recipe

MARKER = "build.json"  # written last: what was built when, and the sizes by which it is known to be whole
WHOLE = ("linux/tools/lkl/liblkl.a", "linux/tools/lkl/liblkl.so", "linux/tools/lkl/include/lkl/asm/syscall_defs.h")


def directory(recipe: Recipe, cache: Path) -> Path:
    """The directory of the recipe's kernel, present or future; its tree is the subdirectory `linux`."""
    return cache / "kernels" / f"{recipe.name}-{recipe.key()}"


def whole(place: Path) -> bool:
    """Whether a kernel is there and complete: a program that cleans caches may have removed some of its files."""
    def same(about: Any) -> bool:  # noqa: ANN401 -- a file's content
        return all((place / name).stat().st_size == size for name, size in about["sizes"].items())

    return recall(place / MARKER, same) or False


def seal(place: Path, recipe: Recipe) -> None:
    """Write the marker of a whole kernel."""
    sizes = {name: (place / name).stat().st_size for name in WHOLE}
    about = {"name": recipe.name, "origin": f"npm {recipe.spec}", "built": time.time(), "sizes": sizes}
    (place / MARKER).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
