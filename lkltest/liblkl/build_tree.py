"""Build a tree of the user's own, and keep its configuration."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lkltest.errors import Exit, UsageError
from lkltest.host import cache, process, programs
from lkltest.host.progress import Progress
from lkltest.liblkl import build_default, cmdfiles, job, kconfig, layout, library_mode, proof, set_aside
from lkltest.liblkl.build_default import LITTLE_ENDIAN, Log
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

KCONFIG = ("scripts/kconfig/Makefile", "Makefile")  # which of them has the target that takes .config over

# The suffix of a mark beside the log of a tree's last build: the build made a shared library, but no static one.
SHARED_ONLY = ".shared-only"

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
    log = log_of(root, output, settings)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with alone(log.with_suffix(".lock"), root, progress):
            library = build(root, output, settings, Log(log, progress, None))
            if library.name in layout.STATIC:
                log.with_suffix(SHARED_ONLY).unlink(missing_ok=True)
            else:
                log.with_suffix(SHARED_ONLY).touch()
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or log}: {error.strerror}; free some room, mend its "
                         "permissions, or name another cache with --lkl-cache") from None


def log_of(root: Path, output: Path, settings: Settings) -> Path:
    """The log of a tree's builds, in the cache."""
    return settings.cache / "logs" / f"{root.name}-{cache.key(str(output))}.log"


def lost_static(liblkl: Liblkl, settings: Settings) -> bool:
    """Whether a build could give a tree the static library that it lacks.

    Not where the tree cannot be built here, nor where the build that made the shared library has made no static one.
    """
    root, output = liblkl.root, liblkl.output
    if liblkl.static is not None or root is None or output is None or not os.access(output, os.W_OK):
        return False
    mark = log_of(root, output, settings).with_suffix(SHARED_ONLY)
    return not (mark.is_file() and mark.stat().st_mtime >= liblkl.built)


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


@dataclass(frozen=True)
class Plan:
    """The commands that build a tree: first the kernel, then the library made from it and the host's part."""

    tools: Path  # tools/lkl or tools/um, where it is built
    kernel: tuple[tuple[str, ...], ...]
    libraries: tuple[str, ...]
    library: str = "liblkl.a"  # in `tools`: without it, nothing was built
    installed: Path | None = None  # what the last command for the kernel has to leave


def build(root: Path, output: Path, settings: Settings, log: Log) -> Path:
    """Build a tree, and prove that it was built: its library. The old library stays until there is a new one."""
    log.progress.say(f"building {root} (log: {log.path})")
    with log.file:
        began = log.path.stat().st_mtime
        plan = planned(root, output, settings.jobs or len(os.sched_getaffinity(0)))
        cmdfiles.remove_unreadable(output / "tools")
        for words in plan.kernel:
            run(words, root, log)
        if plan.installed is not None and not plan.installed.is_file():
            raise unproved(root, f"there is no {plan.installed} after the installation", log)
        names = (*layout.STATIC, *layout.SHARED)
        with set_aside.unless_made(plan.tools, names) as before:
            with kconfig.kept(output / ".config"):
                made = attempt(with_old_kernel(plan), root, log)
            library = layout.first(plan.tools, names)
            lost = [file for file in before or (plan.tools / plan.library,) if not file.is_file()]
            if library is None or (lost and not made.ended.ok):
                raise made.failure()
            require_proof(proof.Built(root, output, plan.tools, library, began), log)
        if not made.ended.ok:
            log.progress.say(f"{library} is built; something else in {plan.tools} is not{first(log)} (log: {log.path})")
        return library


def first(log: Log) -> str:
    """The first line of the output that says why something was not built."""
    return f": {log.wrong[0]}" if log.wrong else ""


def require_proof(built: proof.Built, log: Log) -> None:
    """Raise UsageError unless the files prove that the library is made from the present sources."""
    doubt = proof.doubt(built)
    if doubt:
        raise unproved(built.root, doubt, log)


def unproved(root: Path, doubt: str, log: Log) -> UsageError:
    """The error for a build that succeeded, but did not rebuild everything."""
    return UsageError(
        f"make ended well in {root} and did not rebuild everything: {doubt}; the library of before is kept. Clean the "
        f"tree (make ARCH=lkl clean), or build it yourself and leave out --lkl-build (log: {log.path})"
    )


def planned(root: Path, output: Path, jobs: int) -> Plan:
    """The commands that build a tree."""
    common = ["make", "KALLSYMS_EXTRA_PASS=1", *([f"O={output}"] if output != root else [])]
    if (root / "tools" / "um").is_dir() and not (root / "tools" / "lkl").is_dir():
        return of_uml(root, output, common, jobs)
    common.append(f"-j{jobs}")
    tools = output / "tools" / "lkl"
    # -k: a test program that does not link must not keep the library from being made.
    targets = ["static", "shared"] if first_generation(root) else ["all"]
    libraries = (*common, "-k", "-C", "tools/lkl", "KCONFIG=olddefconfig", *targets)
    installed = tools / "lib" / "lkl.o"
    if not (output / ".config").is_file():
        return Plan(tools, (("rm", "-f", str(installed)),), (*common, "-k", "-C", "tools/lkl", *targets))
    # lib/lkl.o has no prerequisites in tools/lkl: it is never made again unless it is gone. And its rule begins with
    # `make defconfig`, which would throw the user's .config away: so kbuild makes it, from that .config.
    make = (*common, "ARCH=lkl")
    # kbuild goes by the time of .config, where it has no target to take it over.
    kernel = [(*make, "olddefconfig"), ("touch", str(output / ".config"))]
    kernel += [(*make, target) for target in before_install(root)]
    kernel += [("rm", "-f", str(installed)), (*make, "install", f"INSTALL_PATH={tools}/")]
    return Plan(tools, tuple(kernel), libraries, installed=installed)


def before_install(root: Path) -> list[str]:
    """The commands before `make install`, which takes no edited .config over and, from 6.6 on, compiles nothing.

    Where it compiles, it does so with fewer of the compiler's options than `make all`: that would compile all anew.
    """
    sync = next((name for name in ("syncconfig", "silentoldconfig") if mentions(root, KCONFIG, rf"\b{name}\b")), None)
    compiles = mentions(root, ("arch/lkl/Makefile", "Makefile"), r"^install\s*:.*\b(lkl\.o|vmlinux)\b")
    builds = mentions(root, ("Makefile",), r"^all\s*:") and not (compiles and sync)
    return [*([sync] if sync else []), *(["all"] if builds else [])]


def mentions(root: Path, makefiles: Sequence[str], pattern: str) -> bool:
    """Whether a line of one of these makefiles matches; those that are not there do not."""
    files = [root / name for name in makefiles if (root / name).is_file()]
    return any(re.search(pattern, file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE) for file in files)


def with_old_kernel(plan: Plan) -> tuple[str, ...]:
    """The command for the libraries, with a kernel that is installed taken as it is: its rule would configure anew."""
    if plan.installed is None:
        return plan.libraries
    return (*plan.libraries, "-o", "lib/lkl.o", "-o", str(plan.installed))


def of_uml(root: Path, output: Path, common: list[str], jobs: int) -> Plan:
    """The commands for UML's library mode, whose top makefile makes the library, too."""
    make = [*common, "ARCH=um", library_mode.of(root).word]
    target = "olddefconfig" if (output / ".config").is_file() else "defconfig"
    tools = output / "tools" / "um"
    # A vmlinux.a that is there is copied over a new vmlinux.
    old = ("rm", "-f", str(output / "vmlinux.a"), str(tools / "lib" / "linux.o"))
    kernel = [(*make, target), ("touch", str(output / ".config")), old, (*make, f"-j{jobs}", "vmlinux")]
    # With several jobs, the library may be made before the kernel's part of it.
    return Plan(tools, tuple(kernel), (*make, "-k", "-j1"), "liblinux.a")


def first_generation(root: Path) -> bool:
    """Whether a tree's makefile is G1's: its `all` needs libfuse and libarchive, so it has targets of its own."""
    makefile = root / "tools" / "lkl" / "Makefile"
    return makefile.is_file() and "\nstatic:" in makefile.read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True)
class Made:
    """The end of one command of a build."""

    root: Path
    log: Log
    ended: process.Ended

    def failure(self) -> Exception:
        """The error for it, with the exit status that `git bisect run` skips."""
        return self.log.failure(f"building {self.root}", self.ended, Exit.DOES_NOT_BUILD)


def run(words: Sequence[str], root: Path, log: Log) -> None:
    """Run one command of a build in the tree's root; raises BuildError where it fails."""
    made = attempt(words, root, log)
    if not made.ended.ok:
        raise made.failure()


def attempt(words: Sequence[str], root: Path, log: Log) -> Made:
    """Run one command of a build in the tree's root, however it ends."""
    unset = [word for name in FOREIGN for word in ("-u", name)]
    own = [LITTLE_ENDIAN] if first_generation(root) else []
    cflags = " ".join([*filter(None, [os.environ.get("CFLAGS")]), *own])
    has_python = contextlib.nullcontext(os.environ.get("PATH", os.defpath))
    with has_python if shutil.which("python") else build_default.python() as path:
        argv = ["env", *unset, "LC_ALL=C", f"PATH={path}", *([f"CFLAGS={cflags}"] if cflags else []), *words]
        log.line(f"$ {process.command(argv)}".encode())
        return Made(root, log, job.run(argv, cwd=root, line=log.line))
