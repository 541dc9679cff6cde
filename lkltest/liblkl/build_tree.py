"""The build of a tree of the user's own, with its configuration kept."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lkltest.errors import Exit, UsageError
from lkltest.host import cache, process, programs
from lkltest.host.progress import Progress
from lkltest.liblkl import build_default, job
from lkltest.liblkl.build_default import LITTLE_ENDIAN, Log
from lkltest.settings import Settings

# A makefile of ours around us must not reach the kernel's; CROSS_COMPILE, CC and the like are the user's to set.
FOREIGN = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARCH", "O", "KBUILD_OUTPUT", "INSTALL_PATH")


def make(root: Path, output: Path, settings: Settings, progress: Progress) -> None:
    """Build the tree whose sources are `root` in `output` (`root` itself, or its O= directory).

    One run at a time builds a tree. Raises UsageError where it cannot be built here, and BuildError with the exit
    status that `git bisect run` skips where its makefile fails.
    """
    if not os.access(output, os.W_OK):
        raise UsageError(f"cannot build {root}: {output} is read-only; build it yourself, or leave out --lkl-build")
    if not (root / "Kconfig").is_file():
        raise UsageError(f"cannot build {output}: its sources are not to be found; build it yourself (make -C "
                         "SOURCES/tools/lkl O=...)")
    if re.search(r"[\s:]", f"{root}{output}"):
        raise UsageError(f"cannot build {output}: make cannot live with blanks or colons in a path; move the tree, "
                         "or build it with O= where the path has none")
    programs.demand(programs.BUILD, f"building {root}")
    log = settings.cache / "logs" / f"{root.name}-{cache.key(str(output))}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with alone(log.with_suffix(".lock"), root, progress):
            build(root, output, settings, Log(log, progress, None))
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or log}: {error.strerror}; free some room, mend its "
                         "permissions, or name another cache with --lkl-cache") from None


@contextmanager
def alone(lock: Path, root: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock of a tree's build."""
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        progress.say(f"another run is building {root}; waiting for it")
        held.acquire()
    try:
        yield
    finally:
        held.release()


def build(root: Path, output: Path, settings: Settings, log: Log) -> None:
    """Run the commands of the build."""
    log.progress.say(f"building {root} (log: {log.path})")
    with log.file:
        for words in commands(root, output, settings.jobs or len(os.sched_getaffinity(0))):
            run(words, root, log)


def commands(root: Path, output: Path, jobs: int) -> list[list[str]]:
    """The commands that build a tree, in their order."""
    common = ["make", f"-j{jobs}", "KALLSYMS_EXTRA_PASS=1"]
    if output != root:
        common.append(f"O={output}")
    if (root / "tools" / "um").is_dir() and not (root / "tools" / "lkl").is_dir():
        return of_uml(output, common)
    tools = output / "tools" / "lkl"
    clean = [["rm", "-f", *map(str, [tools / "lib" / "lkl.o", *tools.glob("lib/.*.cmd")])]]
    # ar adds to an archive that is there, and refuses one that a killed build has left.
    old = ["rm", "-f", *(str(tools / name) for name in ("liblkl.a", "liblkl.so", "lib/liblkl.so"))]
    libraries = [*common, "-C", "tools/lkl", *(["static", "shared"] if first_generation(root) else ["all"])]
    if not (output / ".config").is_file():
        return [*clean, old, libraries]
    # lib/lkl.o has no prerequisites in tools/lkl: it is never made again unless it is gone. And its rule begins with
    # `make defconfig`, which would throw the user's .config away: so kbuild makes it, from that .config.
    kernel = [*common, "ARCH=lkl"]
    return [
        *clean,
        [*kernel, "olddefconfig"],
        [*kernel, "install", f"INSTALL_PATH={tools}/"],
        old,
        libraries,
    ]


def of_uml(output: Path, common: list[str]) -> list[list[str]]:
    """The commands for UML's library mode: the RFC up to v7 makes linux.o in tools/um, v8 wants it made before."""
    library = ["ARCH=um", "UMMODE=library"]
    configure = [] if (output / ".config").is_file() else [[*common, *library, "defconfig"]]
    tools = output / "tools" / "um"
    return [
        *configure,
        [*common, *library],
        ["rm", "-f", str(tools / "lib" / "linux.o"), str(tools / "liblinux.a")],
        [*common, "-C", "tools/um", "UMMODE=library", "KCONFIG=olddefconfig"],
    ]


def first_generation(root: Path) -> bool:
    """Whether a tree's makefile is G1's: its `all` needs libfuse and libarchive, so it has targets of its own."""
    makefile = root / "tools" / "lkl" / "Makefile"
    return makefile.is_file() and "\nstatic:" in makefile.read_text(errors="replace")


def run(words: Sequence[str], root: Path, log: Log) -> None:
    """Run one command of the build in the tree's root."""
    unset = [word for name in FOREIGN for word in ("-u", name)]
    own = [LITTLE_ENDIAN] if first_generation(root) else []
    cflags = " ".join([*filter(None, [os.environ.get("CFLAGS")]), *own])
    has_python = contextlib.nullcontext(os.environ.get("PATH", os.defpath))
    with has_python if shutil.which("python") else build_default.python() as path:
        argv = ["env", *unset, "LC_ALL=C", f"PATH={path}", *([f"CFLAGS={cflags}"] if cflags else []), *words]
        log.line(f"$ {process.command(argv)}".encode())
        ended = job.run(argv, cwd=root, line=log.line)
    if not ended.ok:
        raise log.failure(f"building {root}", ended, Exit.DOES_NOT_BUILD)
