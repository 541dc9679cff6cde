"""A kernel's build that was interrupted, and goes on with the objects that are whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

TOOLS = Path("tools") / "lkl"
KEPT = "tools-lkl"  # beside the tree: its tools/lkl of before the build; its presence says that the tree is configured
REMADE = ("built-in.o", "version.o")  # made again at the end of each build: one that is cut has its command file
MAGIC = b"\x7fELF", b"!<ar"  # the first bytes of whole objects and archives
COMPILER = "compiler"  # beside the tree: the version of the compiler that has made its objects, and the boot


def prepare(tree: Path, compiler: str) -> None:
    """Remember that a tree is patched and configured, for a run that goes on with it."""
    (tree.parent / COMPILER).write_text(compiler + _boot(), encoding="utf-8")
    half = tree.parent / f"{KEPT}.half"
    shutil.copytree(tree / TOOLS, half, symlinks=True)
    half.rename(tree.parent / KEPT)


def take(tree: Path, compiler: str) -> int | None:
    """The number of objects with which the build of a tree can go on; None where it must begin anew.

    make takes whatever is there for whole. Kbuild writes a command file behind each object that is: objects without
    one, or without contents, and all that is linked, are removed. tools/lkl has makefiles of another kind: it is put
    back as it was before. Once the machine has been started anew, perhaps after a power cut, any file may have lost
    its contents: the build begins anew, and nothing of the old one is left beside the tree either.
    """
    kept = tree.parent / KEPT
    try:
        goes_on = kept.is_dir() and (tree.parent / COMPILER).read_text(encoding="utf-8") == compiler + _boot()
    except OSError:
        goes_on = False
    if not goes_on:
        empty(tree.parent)
        return None
    shutil.rmtree(tree / TOOLS, ignore_errors=True)
    shutil.copytree(kept, tree / TOOLS, symlinks=True)
    return sum(clean(Path(folder), set(files)) for folder, _, files in os.walk(tree))


def _boot() -> str:
    """The id of the machine's present boot; empty where the kernel does not tell it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8")
    except OSError:
        return ""


def clean(folder: Path, files: set[str]) -> int:
    """Remove what is linked or may be half written in one directory; return the number of whole compiled objects."""
    whole = 0
    for name in files:
        linked = name.endswith((".a", ".so")) or (name.startswith((".tmp_", "vmlinux", "lkl.o")) and "lds" not in name)
        made = name.endswith(".o") and not linked
        if linked or name in REMADE or (made and not (f".{name}.cmd" in files and _has_contents(folder / name))):
            (folder / name).unlink()
            (folder / f".{name}.cmd").unlink(missing_ok=True)
        elif made:
            whole += f"{name[:-2]}.c" in files
    return whole


def _has_contents(path: Path) -> bool:
    """Whether a file begins as an object or an archive does; a power cut leaves empty files, or such of zeros."""
    with path.open("rb") as file:
        return file.read(4) in MAGIC


def empty(directory: Path) -> None:
    """Remove all that is in a directory."""
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def forget(tree: Path) -> None:
    """Remove what `prepare` has left beside a tree."""
    (tree.parent / COMPILER).unlink(missing_ok=True)
    shutil.rmtree(tree.parent / KEPT, ignore_errors=True)
