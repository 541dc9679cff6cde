"""Find the files of a liblkl, in every layout that LKL's makefiles leave."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.liblkl import binary, library_mode

STATIC = ("liblkl.a", "liblinux.a")
SHARED = ("liblkl.so", "lib/liblkl.so", "liblkl.dll", "lib/liblkl.dll")
TOOLS = ("tools/lkl", "tools/um")


@dataclass(frozen=True)
class Layout:
    """The files of one liblkl, found by their names only."""

    static: Path | None
    shared: Path | None
    include: tuple[Path, ...]  # what -I gets: lkl.h, lkl_host.h and lkl/ are in one or the other of them
    root: Path | None  # the kernel's sources
    output: Path | None  # where they were built
    tools: Path | None  # tools/lkl or tools/um, where it was built
    watched: tuple[Path, ...]  # files whose coming, going or changing makes this another liblkl

    @property
    def uml(self) -> bool:
        """Whether this is the library mode of UML."""
        return (self.tools is not None and self.tools.name == "um") or (
            self.static is not None and self.static.name == "liblinux.a"
        )


class NotBuilt(UsageError):
    """A tree is there, its library is not (or not whole): `root` and `output` say what to build."""

    def __init__(self, message: str, root: Path, output: Path) -> None:
        super().__init__(message)
        self.root = root
        self.output = output


def locate(path: Path) -> Layout:
    """The liblkl that a user named: a tree, its tools/lkl or tools/um, an O= directory, a prefix, or a library.

    Raises UsageError, or NotBuilt for a tree that could be built; the message names the missing file and the place.
    """
    try:
        if path.is_file():
            return of_library(path)
        if path.is_dir():
            return of_directory(path)
    except PermissionError as error:
        above = reversed(Path(error.filename).parents)
        closed = next((folder for folder in above if not os.access(folder, os.X_OK)), error.filename)
        raise UsageError(f"cannot look into {closed}: {error.strerror}; mend its permissions") from None
    raise UsageError(
        f"{absent(path)}: pass --lkl the root of a built LKL tree, its tools/lkl, an O= directory, an installed "
        "prefix, or a liblkl.a or .so"
    )


def absent(path: Path) -> str:
    """Why nothing can be found at a path that is neither a file nor a directory."""
    if path.exists():
        return f"{path} is neither a file nor a directory"
    if path.is_symlink():
        return f"{path} is a symbolic link to {path.readlink()}, which is not there"
    parent = next(parent for parent in path.parents if parent.exists())
    return f"no such file or directory: {path} ({parent} is there)"


def of_directory(path: Path) -> Layout:
    """The layout of a directory."""
    base = path.parent.parent if path.parent.name == "tools" and path.name in {"lkl", "um"} else path
    tools = [base / name for name in TOOLS if (base / name).is_dir() and (path == base or path == base / name)]
    if tools:
        return of_tree(base, next((t for t in tools if any((t / name).exists() for name in STATIC)), tools[0]))
    if (path / "include" / "lkl.h").is_file():
        return of_prefix(path)
    if path.name == "include" and (path / "lkl.h").is_file():
        return of_directory(path.parent)
    beside = first(path, (*STATIC, *SHARED))
    if beside is not None:
        return of_directory(path.parent) if path.parent.name in {"lkl", "um"} else of_library(beside)
    raise UsageError(f"no liblkl in {path}: {strange(path)}")


def strange(path: Path) -> str:
    """A guess at what a directory without a liblkl is, and the next step."""
    for name in ("linux", "src/linux", "lkl", "linux-lkl"):
        if any((path / name / tools).is_dir() for tools in TOOLS):
            return f"an LKL tree is in {path / name}: pass --lkl that"
    if (path / "Kconfig").is_file() and (path / "arch").is_dir():
        if (path / "arch" / "lkl").is_dir():
            return "it has arch/lkl, but no tools/lkl: check out the whole LKL tree"
        return "a Linux tree without LKL (no arch/lkl, no tools/lkl): check out an LKL tree, or see `lkltest gate`"
    if (path / ".config").is_file():
        return ("built from sources elsewhere, without tools/lkl: "
                "build LKL with `make -C SOURCES/tools/lkl O=DIR`, then pass --lkl DIR")
    looked = "tools/lkl, tools/um, include/lkl.h, liblkl.a, liblkl.so"
    return f"looked for {looked}: pass --lkl the root of a built LKL tree or an installed prefix"


def of_tree(base: Path, tools: Path) -> Layout:
    """The layout of a tree that was built in place, or of its O= directory."""
    source = base if (base / "Kconfig").is_file() else source_of(base)
    own = tools / "include"
    include = [own]
    if not (own / "lkl.h").is_file() and source is not None:
        include.append(source / tools.relative_to(base) / "include")
    static, shared = first(tools, STATIC), first(tools, SHARED)
    layout = Layout(static, shared, tuple(include), source, base, tools, ())
    if static is None and shared is None:
        raise NotBuilt(unbuilt(base, tools), source or base, base)
    return complete(layout)


def unbuilt(base: Path, tools: Path) -> str:
    """The reason why a tree has no library, as far as its files show it, and the next step."""
    looked = f"{tools}/liblkl.a or liblkl.so" if tools.name == "lkl" else f"{tools}/liblinux.a"
    half = first(tools, ("lib/lkl.o", "lib/linux.o"))
    make = f"make -C {tools}"
    if tools.name == "um":
        source = base if (base / "Kconfig").is_file() else source_of(base) or Path("SOURCES")
        mode = library_mode.of(source)
        make = mode.command(source, base, configure=not (base / ".config").is_file())
    if half is not None:
        why = f"a build that is under way or has failed (there is {half}): wait for it, or run `{make}`"
    elif (base / "vmlinux.o").exists() or (base / "init" / "main.o").exists():
        why = f"a build that is under way or has failed (there are objects of the kernel): wait for it, or run `{make}`"
    elif (base / "Kconfig").is_file():
        why = f"not built: run `{make}`, or name its O= directory if you built it in one"
    elif tools.name == "um":
        why = f"not built: run `{make}`"
    else:
        why = f"not built: run `make -C tools/{tools.name} O={base}` in its sources"
    return f"no {looked}: {why} (--lkl-build does it for you)"


def source_of(output: Path) -> Path | None:
    """The sources of an O= directory: kbuild leaves a link, or a makefile that includes theirs."""
    link = output / "source"
    if (link / "Kconfig").is_file():
        return link.resolve()
    try:
        makefile = os.fsdecode((output / "Makefile").read_bytes())
    except OSError:
        return None
    found = re.search(r"^include (.+)/Makefile$|^KERNELSRC\s*:?=\s*(.+)$|^MAKEARGS\s*:=\s*-C (\S+)", makefile, re.M)
    if found is None:
        return None
    source = (output / next(group for group in found.groups() if group)).resolve()
    return source if (source / "Kconfig").is_file() else None


def of_prefix(prefix: Path) -> Layout:
    """The layout that `make install` leaves under a prefix."""
    folders = [prefix / "lib", prefix / "lib64", *sorted((prefix / "lib").glob("*-*-*")), prefix]
    names = [folder / name for folder in folders for name in (*STATIC, "liblkl.so", "liblkl.dll")]
    static = next((name for name in names if name.name in STATIC and name.exists()), None)
    shared = next((name for name in names if name.name not in STATIC and name.exists()), None)
    if static is None and shared is None:
        raise UsageError(
            f"no liblkl.a or liblkl.so in {', '.join(map(str, folders))}, though {prefix}/include has lkl.h: "
            f"run `make -C tools/lkl install PREFIX={prefix}` in a built LKL tree"
        )
    return complete(Layout(static, shared, (prefix / "include",), None, None, None, ()))


def of_library(library: Path) -> Layout:
    """The layout around a library that the user named: that one is taken, and not its sibling of the other kind."""
    if library.name in {"lkl.o", "linux.o", "vmlinux", "vmlinux.o", "linux"}:
        raise UsageError(f"{library} is the kernel without its host's part: name the liblkl.a or .so made from it")
    archive = library.name.endswith(".a")
    for folder in (library.parent, library.parent.parent):
        if folder.parent.name == "tools" and folder.name in {"lkl", "um"}:
            whole = of_tree(folder.parent.parent, folder)
            break
    else:
        places = [library.parent / "include", library.parent, library.parent.parent / "include",
                  library.parent.parent.parent / "include"]
        include = next((place for place in places if (place / "lkl.h").is_file()), None)
        if include is None:
            binary.require_liblkl(binary.read(library))
            raise UsageError(
                f"no lkl.h for {library}: looked in {', '.join(map(str, places))}: put the headers of its build "
                "beside it as include/, or pass --lkl the tree or prefix that it is from"
            )
        sibling = first(library.parent, ("liblkl.so",) if archive else ())
        whole = Layout(None, sibling, (include,), None, None, None, ())
    chosen = replace(whole, static=library) if archive else replace(whole, static=None, shared=library)
    return complete(chosen)


def complete(layout: Layout) -> Layout:
    """The layout with the list of files that it depends on."""
    names = ("lkl.h", "lkl_host.h", "lkl_autoconf.h", "lkl/autoconf.h", "lkl/asm/config.h", "lkl/asm/host_ops.h",
             "lkl/asm/syscall_defs.h")
    watched = [folder / name for folder in layout.include for name in names]
    watched += [library for library in (layout.static, layout.shared) if library is not None]
    if layout.tools is not None:
        watched += [layout.tools / name for name in (*STATIC, *SHARED)]
    if layout.output is not None:
        watched += [layout.output / "include/config/kernel.release", layout.output / ".config"]
    return replace(layout, watched=tuple(dict.fromkeys(watched)))


def first(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The first of these files that is in a directory."""
    return next((folder / name for name in names if (folder / name).is_file()), None)
