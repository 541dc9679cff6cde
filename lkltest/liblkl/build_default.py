"""Build a kernel from a recipe; only a complete one is moved into the cache."""

from __future__ import annotations

import glob
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lkltest.errors import BuildError, Exit, UsageError
from lkltest.host import cache, process, programs
from lkltest.host.progress import Progress
from lkltest.liblkl import download, job, resume, store
from lkltest.liblkl.recipe import Recipe

ROOM = 900 << 20  # bytes free at the start of a build: its objects and four links of the whole kernel
MACHINES = ("x86_64", "i686", "i586", "armv7l", "armv6l")  # hosts that the makefile of 4.9's tools/lkl knows
COMPILED = re.compile(rb"  CC +\S")
WRONG = re.compile(
    rb"\berror: |\*\*\* (?!Default configuration|Waiting for unfinished)|undefined reference|No space left"
    rb"|hunk FAILED|malformed patch|can't find file"
)

# 4.9's headers_install.py asks for a program `python`, which Debian 12 lacks, and needs the start method "fork" for
# its pool of workers, which Python 3.14 no longer takes by itself.
PYTHON = """#!/bin/sh
exec "{python}" -W ignore -c '
import multiprocessing, runpy, sys
multiprocessing.set_start_method("fork")
sys.argv = sys.argv[1:]
sys.path[0] = ""
runpy.run_path(sys.argv[0], run_name="__main__")
' "$@"
"""


# In CFLAGS of the environment, to which tools/lkl of 4.9 adds its own: virtio_net_raw.c includes the host's
# little_endian.h and LKL's, and does not compile.
LITTLE_ENDIAN = "-D_LINUX_BYTEORDER_LITTLE_ENDIAN_H"


class Log:
    """The log of one build: it writes every line to a file, counts objects, and finds the lines on a failure."""

    def __init__(self, path: Path, progress: Progress, expected: int | None) -> None:
        """Start the file at `path` anew, its directory included."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.file = path.open("wb", buffering=0)
        self.progress = progress
        self.total = expected
        self.begin(0)

    def line(self, text: bytes) -> None:
        """Take one line of the build's output."""
        self.file.write(text + b"\n")
        if COMPILED.match(text):
            self.done += 1
            self.progress.step(self.done, self.expected)
        elif WRONG.search(text):
            self.wrong.append(text.decode(errors="replace").strip())

    def begin(self, there: int) -> None:
        """Count anew, and only the objects that are left where `there` are there already."""
        self.expected = None if self.total is None else max(1, self.total - there)
        self.done = 0
        self.wrong: list[str] = []

    def failure(self, what: str, ended: process.Ended, exit_code: Exit = Exit.FAILED) -> Exception:
        """The error for a build that ended badly."""
        if any("No space left on device" in text for text in self.wrong):
            return UsageError(
                f"{what} ran out of disk space (log: {self.path}): free about {ROOM >> 20} MB there or in TMPDIR, "
                "or name another directory with --lkl-cache"
            )
        first = "\n".join(f"  {text}" for text in self.wrong[:5]) or "  (no line of its output says why)"
        return BuildError(
            f"{what} failed with {ended.describe()}; its first errors:\n{first}\nThe whole log is {self.path}",
            output=self.path.read_text(encoding="utf-8", errors="replace")[-20_000:],
            exit_code=exit_code,
        )


def build(recipe: Recipe, base: Path, jobs: int, progress: Progress) -> Path:
    """The directory of the recipe's kernel under `base`, built first where it is not there; its tree is `linux`.

    Raises UsageError where the host lacks something, BuildError where the kernel does not build.
    """
    place = store.directory(recipe, base)
    if store.whole(place):
        return place
    if os.uname().machine not in MACHINES:
        raise UsageError(
            f"{recipe.name} does not build on {os.uname().machine} (only on {', '.join(MACHINES)}): "
            "build a newer LKL tree and pass it with --lkl PATH"
        )
    downloads = base / "downloads"
    fetch = () if download.place(recipe, downloads).is_dir() else programs.FETCH
    programs.demand((*fetch, *programs.BUILD, *(programs.PATCH if recipe.patches else ())), f"building {recipe.name}")

    def make(temporary: Path) -> None:
        archive = download.tarball(recipe, downloads, progress)
        log = Log(base / "logs" / f"{place.name}.log", progress, recipe.objects)
        with log.file, workplace(temporary, place.name) as work:
            # The tree moves once it is built, but debuggers must find its sources where they end up.
            home = str(place / "linux") if plain(place) else "."
            build_in(work, archive, Tree(work / "linux", recipe, jobs, log, home))
            if work != temporary:
                shutil.move(work / "linux", temporary / "linux")
        store.seal(temporary, recipe)

    if place.is_dir():
        progress.say(f"{place} is damaged: building it again")
    waiting = lambda: progress.say(cache.held(place, f"building {recipe.name}"))  # noqa: E731
    cache.discard_unfinished(place, f"{glob.escape(recipe.name)}-{'[0-9a-f]' * 20}")
    return cache.make_once(place, make, waiting=waiting, whole=store.whole, resumes=True)


def build_in(work: Path, archive: Path, tree: Tree) -> None:
    """Build the kernel in `work`, going on where an interrupted run has left it; one that then fails begins anew."""
    compiler = process.run(["gcc", "--version"], timeout=60).output.decode(errors="replace")
    done = resume.take(tree.root, compiler)
    if done is not None:
        try:
            tree.go_on(done)
        except BuildError:
            resume.empty(work)
            tree.log.begin(0)
            done = None
    if done is None:
        download.unpack(archive, tree.recipe, work)
        tree.configure()
        resume.prepare(tree.root, compiler)
        tree.build()
    resume.forget(tree.root)


def plain(path: Path) -> bool:
    """Whether make, which has no quoting, takes this path: no blanks, colons or the like."""
    return re.fullmatch(r"[\w./+@=,-]*", str(path), re.ASCII) is not None


@contextmanager
def python(folder: Path | None = None) -> Iterator[str]:
    """A PATH whose first `python` is ours, in a directory made in `folder` (None: where temporary files are)."""
    path = os.environ.get("PATH", os.defpath)
    with tempfile.TemporaryDirectory(prefix=".lkltest-bin-", dir=folder, ignore_cleanup_errors=True) as programs:
        program = Path(programs) / "python"
        program.write_bytes(os.fsencode(PYTHON.format(python=sys.executable)))
        program.chmod(0o755)
        yield f"{programs}{os.pathsep}{path}"


@contextmanager
def workplace(temporary: Path, name: str) -> Iterator[Path]:
    """A directory to build in: `temporary` itself, or one elsewhere where make cannot live with its path."""
    if plain(temporary):
        require_room(temporary, temporary.parent.parent)
        yield temporary
        return
    for base in (Path(tempfile.gettempdir()), Path("/var/tmp")):
        if plain(base) and os.access(base, os.W_OK):
            break
    else:
        raise UsageError(f"make cannot build under {temporary} (blanks or the like in its path): set TMPDIR or "
                         "--lkl-cache to a directory whose path has only letters, digits, and ./_-")
    # We hold the lock of `name`: whatever has our prefix is what a killed run of ours has left.
    prefix = f"lkltest-{os.getuid()}-{name}-"
    for stale in base.glob(f"{prefix}*"):
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=base, ignore_cleanup_errors=True) as elsewhere:
        require_room(Path(elsewhere), base)
        yield Path(elsewhere)


def require_room(place: Path, shown: Path) -> None:
    """Raise UsageError where the file system of `place` has too little room for a build."""
    free = shutil.disk_usage(place).free
    paths = (os.path.join(folder, file) for folder, _, files in os.walk(place) for file in files)  # noqa: PTH118
    there = sum(os.lstat(path).st_blocks << 9 for path in paths)
    if free < ROOM - there:
        raise UsageError(
            f"building the kernel takes {ROOM >> 20} MB in {shown} while it runs, {free >> 20} MB are free: "
            "free some, or name another directory with --lkl-cache"
        )


class Tree:
    """An unpacked kernel tree that is being built."""

    def __init__(self, root: Path, recipe: Recipe, jobs: int, log: Log, home: str) -> None:
        """`home` is where the tree will be found once it is built, for its debug information."""
        self.root = root
        self.recipe = recipe
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self.log = log
        # -fdebug-prefix-map and not -ffile-prefix-map: gcc before 8 knows only the former, and __FILE__ is relative.
        self.map = f"-fdebug-prefix-map={root}={home}"

    def configure(self) -> None:
        """Patch and configure the tree; raises UsageError or BuildError."""
        self.log.progress.say(f"building {self.recipe.name} (log: {self.log.path})")
        for patch in self.recipe.patches:
            self.run(["patch", "-p1", "--forward", "--batch", "-i", str(patch.resolve())], f"applying {patch}")
        self.edit_defconfig()
        self.make(["ARCH=lkl", "defconfig"], "configuring the kernel")
        self.prove_config()

    def go_on(self, done: int) -> None:
        """Build the rest of a tree of which `done` objects are there; raises UsageError or BuildError."""
        expected = self.log.total
        of = f" of {max(done, expected)}" if expected else ""
        self.log.progress.say(f"going on with the build of {self.recipe.name} that was interrupted: {done}{of} objects "
                              f"are there (log: {self.log.path})")  # fmt: skip
        self.log.begin(done)
        self.build()

    def build(self) -> None:
        """Compile and link a tree that is configured; raises UsageError or BuildError."""
        library = self.root / "tools" / "lkl"
        self.make(["-C", "tools/lkl", "static"], "building the kernel")
        # GNU make 4.3 cannot read these again: "missing separator" in what tools/build wrote for names with a comma.
        for file in library.glob("lib/.*.cmd"):
            file.unlink()
        self.make(["-C", "tools/lkl", "shared"], "linking the shared library")
        self.prove_config()
        self.clean()

    def edit_defconfig(self) -> None:
        """Remove the forbidden options from the defconfig, and add the options of the recipe."""
        defconfig = self.root / "arch" / "lkl" / "defconfig"
        gone = tuple(f"{option}=" for option in self.recipe.forbidden)
        text = defconfig.read_text(encoding="utf-8", errors="surrogateescape")
        lines = [line for line in text.splitlines() if not line.startswith(gone or ("\n",))]
        lines += [f"# {option} is not set" for option in self.recipe.forbidden]
        text = "\n".join([*lines, *self.recipe.added]) + "\n"
        defconfig.write_text(text, encoding="utf-8", errors="surrogateescape")

    def prove_config(self) -> None:
        """Raise BuildError unless the wanted options survived: kconfig silently drops those that it cannot have."""
        lines = set((self.root / ".config").read_text(encoding="utf-8", errors="replace").splitlines())
        lost = [option for option in self.recipe.required if not {f"{option}=y", f"{option}=m"} & lines]
        lost += [line for line in self.recipe.added if line not in lines and not line.startswith("#")]
        kept = [option for option in self.recipe.forbidden if f"{option}=y" in lines]
        if lost or kept:
            raise BuildError(
                f"{self.recipe.name} does not get the configuration that was asked for: lost {', '.join(lost) or '-'}, "
                f"kept {', '.join(kept) or '-'}: their dependencies are missing, or select them (log: {self.log.path})"
            )

    def make(self, words: Sequence[str], what: str) -> None:
        """Run make in the tree."""
        kcflags = " ".join([self.map, *self.recipe.kcflags])
        # KALLSYMS_EXTRA_PASS: one pass ends in "Inconsistent kallsyms data" with binutils of today.
        # LOCALVERSION=: else a cache below somebody's git repository makes the version "4.9.0+".
        self.run(["make", f"-j{self.jobs}", "KALLSYMS_EXTRA_PASS=1", "LOCALVERSION=", f"KCFLAGS={kcflags}", *words],
                 f"{what} ({self.recipe.name})")

    def run(self, words: Sequence[str], what: str) -> None:
        """Run one tool in the tree, in an environment that the user's variables (ARCH, MAKEFLAGS, ...) don't reach."""
        with python(self.root) as path:  # goes with the tree, even where we are killed
            kept = [f"{name}={os.environ[name]}" for name in ("HOME", "TMPDIR", "USER") if name in os.environ]
            flags = f"CFLAGS={LITTLE_ENDIAN} {self.map}"
            argv = ["env", "-i", *kept, "LC_ALL=C", f"PATH={path}", flags, *words]
            self.log.line(f"$ {process.command(argv)}".encode())
            ended = job.run(argv, cwd=self.root, line=self.log.line)
        if not ended.ok:
            raise self.log.failure(what, ended)

    def clean(self) -> None:
        """Remove the files that only a further build would need: 490 of 617 MB."""
        for folder, names, files in os.walk(self.root):
            names[:] = [name for name in names if name != ".tmp_versions"]
            for file in files:
                if file.endswith((".o", ".cmd", ".d", ".ko")) or file.startswith((".tmp_", "vmlinux")):
                    os.unlink(os.path.join(folder, file))  # noqa: PTH108, PTH118 -- 4,000 files: Path objects take longer
