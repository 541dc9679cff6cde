"""The build of a UML with KUnit from a vanilla tree, in the cache; the tree itself is only read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import BuildError, Exit, UsageError
from lkltest.host import programs
from lkltest.host.cache import key, locked, owner
from lkltest.host.progress import Progress
from lkltest.kunit import config, shadow
from lkltest.kunit.fingerprint import fingerprint, keep, kept
from lkltest.liblkl.build_default import plain
from lkltest.settings import Settings
from lkltest.uml import build as uml_build
from lkltest.uml.tree import demand_tree

OBJECTS, ALL_OBJECTS = 700, 1300  # compiled for 6.12's default and --alltests: for the progress bar only
RECORD = "built.json"


class LostOptions(UsageError):
    """Kconfig has dropped or changed options that were asked for."""


@dataclass(frozen=True)
class Request:
    """The kernel to build."""

    tree: Path  # the root of the sources
    kunitconfigs: tuple[str, ...] = ()  # files, or directories with a .kunitconfig
    added: tuple[str, ...] = ()  # single options: "CONFIG_KASAN=y"
    everything: bool = False  # as many tests as a UML can have: the tree's all_tests.config


@dataclass(frozen=True)
class Built:
    """A UML with KUnit, and where it is kept."""

    linux: Path
    place: Path  # a directory of the cache: what is known of its cases is kept there, too
    configs: tuple[Path, ...]  # that its configuration was merged from


def build(request: Request, settings: Settings, progress: Progress) -> Built:
    """Build the kernel, unless nothing has changed since it was built.

    Raises UsageError where the tree or the host lacks something or the configuration cannot be had, and BuildError
    with the exit status that `git bisect run` skips where make fails.
    """
    tree = request.tree
    demand_tree(tree)
    paths = config.chosen(tree, request.kunitconfigs, everything=request.everything)
    wanted = config.merge(tree, paths, request.added)
    home = settings.cache / "kunit" / f"{tree.resolve().name}-{key(str(tree.resolve()))}"
    place = home / key(config.write(wanted))
    built = Built(place / "build" / "linux", place, tuple(paths))
    if not plain(home):
        raise UsageError(f"cannot build in {home}: make cannot live with blanks or colons in a path; name another "
                         "cache with --lkl-cache, or LKLTEST_CACHE")  # fmt: skip
    if is_fresh(built, tree, progress):
        return built
    programs.demand(uml_build.NEEDED, f"building {tree}", "--uml PATH")
    try:
        place.mkdir(parents=True, exist_ok=True)
        with locked(home / "sources", lambda: progress.say(waiting(home))):
            make(built, tree, home, wanted, settings, progress)
    except OSError as error:
        raise UsageError(f"cannot write the cache {home}: {error.strerror}; free some room, mend its permissions, or "
                         "name another cache with LKLTEST_CACHE") from None  # fmt: skip
    return built


def waiting(home: Path) -> str:
    """The sentence on who builds this tree now."""
    try:
        who = f" (pid {int(owner(home / 'sources').read_text(encoding='utf-8'))})"
    except (OSError, ValueError):
        who = ""
    return f"another run{who} is building this tree; waiting for it"


def is_fresh(built: Built, tree: Path, progress: Progress) -> bool:
    """Whether the kernel was built from the present state of the sources."""
    before = kept(built.place / RECORD, built.linux)
    fresh = bool(before) and before == fingerprint(tree)
    if before and not fresh:
        progress.say(f"{tree} has changed since its kernel was built")
    return fresh


def make(
    built: Built, tree: Path, home: Path, wanted: config.Options, settings: Settings, progress: Progress
) -> None:
    """Configure and build, under the lock of the tree; what has been built before is kept."""
    record, output = built.place / RECORD, built.linux.parent
    state = fingerprint(tree)  # before the build: what changes meanwhile is built next time
    record.unlink(missing_ok=True)
    root, log = tree, built.place / "build.log"
    if shadow.needed(tree):
        root = home / "sources"
        root.mkdir(exist_ok=True)
        progress.say(f"{tree} is not clean: building from links to its sources")
        clean = lambda: uml_build.make([["mrproper"]], root, built.place / "clean.log", progress, None)  # noqa: E731
        shadow.update(tree, root, clean)
    output.mkdir(exist_ok=True)
    configure(output, root, wanted, built, progress)
    run = [f"O={output}", uml_build.jobs(settings), "all"]
    try:
        expected = ALL_OBJECTS if tree / config.ALL in built.configs else OBJECTS
        uml_build.make([run], root, log, progress, expected, "UML with KUnit")
    except BuildError as error:
        error.exit_code = Exit.DOES_NOT_BUILD
        raise
    prove(output, wanted, built)
    if not built.linux.is_file():
        raise BuildError(f"make ended well, but left no {built.linux} (log: {log})", exit_code=Exit.DOES_NOT_BUILD)
    keep(record, state, built.linux)


def configure(output: Path, root: Path, wanted: config.Options, built: Built, progress: Progress) -> None:
    """Bring the .config up to date; where it has lost options, from nothing. Raises UsageError where they are lost."""
    dot = output / ".config"
    for fresh in (False, True):
        if fresh or not dot.is_file():
            dot.write_text(config.write(wanted), encoding="utf-8")
        command = [f"O={output}", "olddefconfig"]
        uml_build.make([command], root, built.place / "configure.log", progress, None)
        if not config.lost(wanted, config.read(dot)):
            return
    prove(output, wanted, built)


def prove(output: Path, wanted: config.Options, built: Built) -> None:
    """Raise UsageError unless all options that were asked for are in the kernel's configuration."""
    lost = config.lost(wanted, config.read(output / ".config"))
    if lost:
        files = ", ".join(map(str, built.configs))
        raise LostOptions(f"UML does not get the configuration of {files}: kconfig dropped {', '.join(lost)}; their "
                          "dependencies are missing, or UML has them not: add those, or leave these out")  # fmt: skip
