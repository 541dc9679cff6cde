"""The file systems that are fuzzed: each has a base image, its metadata, and a kernel that mounts it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lkltest import liblkl
from lkltest.coverage.collect import is_instrumented, require_instrumented
from lkltest.errors import BuildError, UsageError
from lkltest.fuzz.exec.kernel import SLAB_CHECKS, Disk, KernelConfig
from lkltest.fuzz.images import journal
from lkltest.fuzz.lang.describe import Description, describe
from lkltest.fuzz.target import FAST, GUIDED
from lkltest.host.progress import Bar
from lkltest.image import Recipe, load, make, scratch_directory, shipped
from lkltest.image.metadata import FORMATS, Base, Metadata, Overlay, read
from lkltest.image.tools import MissingTool
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

STUCK_AFTER = 5.0  # seconds of the worker's own: a mount, or another call, that takes longer is a finding
DEFAULT = ("ext4", "btrfs", "xfs", "vfat", "ext4-inline", "btrfs-compress", "xfs-v4", "vfat-16")
COVERAGE = "coverage"  # the variant of the default kernel with all of its file systems that tells the edges
CONFIGS = {"vfat": "CONFIG_VFAT_FS", "xfs": "CONFIG_XFS_FS", "btrfs": "CONFIG_BTRFS_FS"}  # all others: ext4's
CHUNK = 1 << 22  # bytes
RECIPES = Path(__file__).with_name("recipes")  # of images that are only fuzzed: other features of the same file systems


class NotMade(BuildError):
    """A program of the host fails to make an image, such as one that is too old for the options of its recipe."""


@dataclass(frozen=True)
class Target:
    """A recipe's file system on a kernel."""

    recipe: str
    type: str  # of the file system
    options: str  # of its mount
    metadata: Metadata
    sha256: str  # of the base
    config: KernelConfig
    description: Description

    @property
    def instrumented(self) -> bool:
        """Whether its kernel tells the edges that it reaches."""
        return is_instrumented(self.config.liblkl)

    @property
    def base(self) -> Base:
        """The base image."""
        return self.metadata.base

    def overlay(self, changes: Sequence[tuple[int, bytes]] = ()) -> Overlay:
        """An image with these changes."""
        image = Overlay(self.base)
        for offset, data in changes:
            image.write(offset, data)
        return image


@contextmanager
def targets(
    names: Sequence[str], settings: Settings, *, guided: bool = False, complain: Callable[[str], None] | None = None
) -> Iterator[tuple[Target, ...]]:
    """The targets of recipes, as `making` has them, when the last one is made."""
    with making(names, settings, guided=guided, complain=complain) as found:
        yield tuple(found)


@contextmanager
def making(
    names: Sequence[str], settings: Settings, *, guided: bool = False, stop: threading.Event | None = None,
    complain: Callable[[str], None] | None = None,
) -> Iterator[Iterator[Target]]:
    """The targets of recipes, each as soon as it is made; the images stay for as long as the block runs.

    `guided` is as for `with_kernel`. When `stop` is set, no more images are made. An image that this host cannot make
    is an error, as for recipes that the user has named; with `complain`, which is given a sentence for each reason,
    only where none can be made. Raises UsageError for a recipe that does not exist, or whose format is not known, and
    where no kernel will do.
    """
    chosen = recipes(names)
    with scratch_directory() as directory, ExitStack() as bases:

        def made() -> Iterator[Target]:
            failed: dict[str, list[str]] = {}  # recipes by the reason
            any_made = False
            for recipe in chosen:
                if stop is not None and stop.is_set():
                    break
                try:
                    found = target(recipe, settings, directory, guided=guided)
                except (MissingTool, NotMade) as error:
                    if complain is None:
                        raise
                    failed.setdefault(str(error), []).append(recipe.name)
                    continue
                bases.callback(found.base.close)
                any_made = True
                yield found
            tell(failed, complain, others=any_made)

        yield made()


def tell(failed: Mapping[str, Sequence[str]], complain: Callable[[str], None] | None, *, others: bool) -> None:
    """Give `complain` the reasons why there are no images of some recipes; raises UsageError if there are no others."""
    if failed and not others:
        raise UsageError("; ".join(failed))
    for reason, names in failed.items():
        if complain is not None:
            complain(f"no disk images of {', '.join(names)} are fuzzed: {reason}")


def recipes(names: Sequence[str]) -> list[Recipe]:
    """The recipes of these names."""
    known = {recipe.name: recipe for recipe in load([shipped(), RECIPES]) if not recipe.table}
    usable = [name for name, recipe in known.items() if recipe.parts[0].keys["type"] in FORMATS]
    for name in names:
        if name not in usable:
            raise UsageError(f"no recipe {name!r} whose images can be mutated: {', '.join(usable)} can")
    return [known[name] for name in dict.fromkeys(names)]


def known(recipe: Recipe, liblkl: Liblkl) -> bool:
    """Whether a kernel is known to have the file system of a recipe."""
    return CONFIGS.get(str(recipe.parts[0].keys["type"]), "CONFIG_EXT4_FS") in liblkl.config


def target(
    recipe: Recipe, settings: Settings, directory: Path, base: Path | None = None, *, guided: bool = False
) -> Target:
    """Make a recipe's image, or take the one of an earlier run, and find the kernel for it.

    Raises UsageError where the kernel cannot guide a `guided` session.
    """
    kernel_settings = with_kernel(settings, str(recipe.parts[0].keys["type"]), guided=guided)
    with Bar() as bar:
        library = liblkl.kernels(kernel_settings, bar)[0]
    liblkl.require_runnable(library, kernel_settings)
    if guided:
        require_instrumented(library)
    description = describe(library, kernel_settings)
    volume = recipe.volumes(library.version)[0]
    path = base or fresh(recipe, library.version, directory)
    sha256 = digest(path)
    if base is None:  # a name of its own: another session's image of the recipe has other UUIDs
        path = path.rename(path.with_name(f"{recipe.name}-{sha256[:12]}.img"))
    config = checked(KernelConfig.make(library, kernel_settings, description.shapes), volume.type)
    return Target(
        recipe=recipe.name, type=volume.type, options=options(volume.type, volume.mount),
        metadata=read(Base(path), volume.type), sha256=sha256, description=description,
        config=replace(config, disk=Disk(path, ""), stuck_after=STUCK_AFTER),
    )


def fresh(recipe: Recipe, version: str, directory: Path) -> Path:
    """A new image of a recipe; one with a journal has something to replay.

    Raises MissingTool where a program of the host is missing, NotMade where one fails.
    """
    try:
        made = make(recipe, version, directory)
        if made.type in journal.JOURNALS:
            with Base(made.path) as base:
                journal.leave(made.path, read(base, made.type))
    except BuildError as error:
        raise NotMade(str(error), error.output, error.exit_code) from error
    return made.path


def checked(config: KernelConfig, type: str) -> KernelConfig:
    """The configuration with the cheap checks of the slab allocator; for btrfs only with those of its own lists.

    The other checks put more into a slab than its objects, and so move them. btrfs_device asks for an alignment
    (____cacheline_aligned) that the compiler then relies on: its faults would be our own.
    """
    some = config.slab_debug_rotation[-1]
    checks = SLAB_CHECKS if type != "btrfs" else "slub_debug=F"
    return replace(some, cmdline=some.cmdline.replace(SLAB_CHECKS, checks))


def with_kernel(settings: Settings, type: str, *, guided: bool = False) -> Settings:
    """The settings that find the kernel: of the default ones the fast one, which has no btrfs.

    For a `guided` session, it is an instrumented one.
    """
    if settings.lkl or settings.variant != "default" or settings.cov is not None:
        return settings
    if type == "btrfs":
        return replace(settings, variant=COVERAGE) if guided else settings
    return replace(settings, variant=GUIDED if guided else FAST)


def options(type: str, mount: str) -> str:
    """The mount options: a superblock must not ask for a panic, which would be no bug of the kernel."""
    words = [*([mount] if mount else []), *(["errors=continue"] if type in ("ext2", "ext3", "ext4") else [])]
    return ",".join(words)


def digest(path: Path) -> str:
    """The SHA-256 of a file, as sha256sum prints it."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            found.update(data)
    return found.hexdigest()
