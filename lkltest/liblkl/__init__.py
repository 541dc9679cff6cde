"""Built Linux kernel libraries: finding one, or fetching and building the default one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host.progress import Progress, Silent
from lkltest.liblkl import description_cache, store
from lkltest.liblkl.model import Generation, Liblkl
from lkltest.liblkl.recipe import DEFAULT, FAST, Recipe, chosen
from lkltest.settings import Settings

# Everything else is imported where it is wanted: a kernel that is known takes a millisecond, and no more modules.

__all__ = [
    "DEFAULT", "FAST", "Generation", "Liblkl", "Progress", "Recipe", "Silent", "default", "default_name", "describe",
    "find", "is_built", "kernels", "prepare", "rebuild", "stale",
]  # fmt: skip

# The ELF machines of the libraries that a host runs, by `uname -m`.
NATIVE = {"x86_64": {"x86-64", "i386"}, "i686": {"i386"}, "i586": {"i386"}, "armv7l": {"arm"}, "armv6l": {"arm"}}


def find(path: Path, settings: Settings | None = None) -> Liblkl:
    """The built liblkl that a user named: a tree, its tools/lkl or tools/um, an O= directory, a prefix, a library.

    Raises UsageError that names the missing file, the place and the next step (NotBuilt, a subclass, for a tree that
    could be built), or that says that this host cannot run the library and that `settings` name nothing that can.
    """
    settings = settings or Settings.load({})
    liblkl = describe(path, settings)
    require_runnable(liblkl, settings)
    return liblkl


def describe(path: Path, settings: Settings) -> Liblkl:
    """As `find`, for a library of any machine."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 -- keeps symbolic links as given
    liblkl = description_cache.recall(path, settings.cache)
    if liblkl is None:
        from lkltest.liblkl import description, layout

        where = layout.locate(path)
        watched = description_cache.stamps(where.watched)
        liblkl = description.describe(path, where, settings)
        description_cache.remember(path, settings.cache, liblkl, watched)
    return liblkl


def require_runnable(liblkl: Liblkl, settings: Settings) -> None:
    """Raise UsageError where this host's compiler and processor are not for the library, and no others are named."""
    host = os.uname().machine
    if liblkl.machine in NATIVE.get(host, {host}) or settings.wrapper or settings.cc != ("gcc",):
        return
    raise UsageError(
        f"{liblkl.library} is for {liblkl.machine}, this host is {host}: name a compiler for it and what runs its "
        f"programs, such as --lkl-cc {liblkl.machine}-linux-gnu-gcc --lkl-wrapper qemu-{liblkl.machine}-static"
    )


def default_name(settings: Settings) -> str:
    """The name of the default kernel, known before it is built: "lkl-4.9.0"."""
    return chosen(settings).name


def is_built(settings: Settings) -> bool:
    """Whether the default kernel is in the cache, so that `default` neither fetches nor builds."""
    return store.whole(store.directory(chosen(settings), settings.cache))


def default(
    settings: Settings, *, recipe: Recipe | None = None, patch: Path | None = None, progress: Progress | None = None
) -> Liblkl:
    """The default kernel (the user's variant of it, or `recipe`, with `patch` applied), built first if need be.

    Raises UsageError where the host lacks something (programs, network, room), BuildError where it does not build.
    """
    recipe = recipe or chosen(settings)
    if patch is not None:
        recipe = recipe.patched(patch)
    place = store.directory(recipe, settings.cache)
    if not store.whole(place):
        from lkltest.liblkl import build_default

        build_default.build(recipe, settings.cache, settings.jobs, progress or Silent())
    return replace(describe(place / "linux", settings), name=recipe.name, origin=f"npm {recipe.spec}")


def prepare(path: Path, settings: Settings, progress: Progress | None = None) -> Liblkl:
    """As `find`; with --lkl-build, a tree whose library is missing, broken or older than its sources is built first.

    So is a tree that has lost its static library, though it has a shared one, unless its last build made none.

    Raises BuildError with exit status 125 where the kernel does not build.
    """
    if not settings.build:
        return find(path, settings)
    from lkltest.liblkl import build_tree, layout

    try:
        liblkl = find(path, settings)
    except layout.NotBuilt as error:
        build_tree.make(error.root, error.output, settings, progress or Silent())
        return find(path, settings)
    lost = path.is_dir() and build_tree.lost_static(liblkl, settings)
    return rebuild(liblkl, settings, progress) if lost or stale(liblkl) else liblkl


def kernels(settings: Settings, progress: Progress | None = None) -> tuple[Liblkl, ...]:
    """All kernels of a run: those that the user named, or else the default one; their names are distinct."""
    if not settings.lkl:
        return (default(settings, progress=progress),)
    found = [prepare(path, settings, progress) for path in dict.fromkeys(settings.lkl)]
    names = distinct([kernel.name for kernel in found], [kernel.path for kernel in found])
    return tuple(replace(kernel, name=name) for kernel, name in zip(found, names, strict=True))


def distinct(names: list[str], paths: list[Path]) -> list[str]:
    """Distinct names: kernels of one version get the part of their path in which they differ."""
    result = []
    for name, path in zip(names, paths, strict=True):
        others = [other for twin, other in zip(names, paths, strict=True) if twin == name and other != path]
        result.append(f"{name}@{own_part(path, others)}" if others else name)
    return result


def own_part(path: Path, others: list[Path]) -> str:
    """The last part of a path that no other path has at the same place from the end or the start."""
    ours = [part for part in path.parts if all(part not in other.parts for other in others)]
    return ours[-1] if ours else "-".join(path.parts[1:])


def stale(liblkl: Liblkl) -> str | None:
    """The source that is newer than the library, and its time; None where none is, or there are no sources."""
    from lkltest.liblkl import staleness

    return staleness.newer(liblkl)


def rebuild(liblkl: Liblkl, settings: Settings, progress: Progress | None = None) -> Liblkl:
    """Build the kernel's tree again and describe it anew; raises BuildError with exit status 125 where it fails."""
    from lkltest.liblkl import build_tree

    if liblkl.output is None:
        raise UsageError(f"{liblkl.path} is not in a kernel tree: build its tree where it is, and pass --lkl that")
    build_tree.make(liblkl.root or liblkl.output, liblkl.output, settings, progress or Silent())
    return find(liblkl.path, settings)


