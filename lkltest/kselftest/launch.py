"""The command that runs one kselftest in a UML, whose root it fills."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from lkltest import cc, uml
from lkltest.kselftest.sources import Sources
from lkltest.kselftest.tests import Selftest
from lkltest.program.command import Launch
from lkltest.settings import Settings
from lkltest.tap.dialect import Dialect
from lkltest.uml import Uml

INIT = Path(__file__).with_name("init.c")
HOME = "kselftest"  # the directory of the tests in the UML's root
MEMORY = 512 << 20  # bytes
# Read-only from the host: interpreters of scripts, and what they call.
HOST = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
SHARED = ("kselftest", "lib")  # directories beside a target, or above it, that its scripts read
NOT_NEEDED = (".c", ".h", ".S", ".o", ".mk")
ETC = {
    "passwd": "root:x:0:0:root:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


def prepare(test: Selftest, program: Path, sources: Sources, kernel: Uml, settings: Settings, scratch: Path) -> Launch:
    """Fill a root for the test below the directory `scratch`, which the caller removes; return how to run it.

    Raises UnusableKernel where this host cannot run the UML.
    """
    init = cc.compile_native(INIT, settings)
    scratch.mkdir(parents=True)
    inside = f"/{HOME}/{test.target}"
    mounted = [name for name in HOST if Path("/", name).is_dir() and not Path("/", name).is_symlink()]
    words = [f"dir={inside}", *(f"mount=/{name}" for name in mounted), *_command(program)]
    cmdline = f"{settings.cmdline} printk.time=1".strip()
    mem = max(settings.mem, MEMORY)
    argv = uml.command(kernel, init, scratch, mem=mem, args=words, cmdline=cmdline)
    _fill(scratch / "root", sources, test)
    return Launch(
        argv=tuple(argv), program=program, native=True, foreign=True, by_status=True, dialect=Dialect.KTAP,
    )  # fmt: skip


def _command(program: Path) -> Sequence[str]:
    """The words that run it in its directory: a script that is not executable by its interpreter."""
    name = f"./{program.name}"
    if os.access(program, os.X_OK):
        return [name]
    with program.open("rb") as file:
        line = file.readline(1000)
    if line.startswith(b"#!") and line[2:].strip():
        return [*os.fsdecode(line[2:]).split(None, 1), name]
    return [name]


def _fill(root: Path, sources: Sources, test: Selftest) -> None:
    """Copy the test's directory into a root, and what its scripts read beside and above it."""
    for name in HOST:
        host = Path("/", name)
        if host.is_symlink():
            (root / name).symlink_to(host.readlink())
    (root / "etc").mkdir()
    for name, text in ETC.items():
        (root / "etc" / name).write_text(text, encoding="utf-8")
    place = root / HOME
    source = sources.selftests
    for directory in [*reversed((source / test.target).relative_to(source).parents), Path(test.target)]:
        _copy_files(source / directory, place / directory)
        for name in SHARED:
            if (source / directory / name).is_dir():
                shutil.copytree(source / directory / name, place / directory / name, symlinks=True,
                                ignore=_leave_out, dirs_exist_ok=True)  # fmt: skip
    for folder in _parts(source / test.target):
        shutil.copytree(folder, place / test.target / folder.name, symlinks=True, ignore=_leave_out, dirs_exist_ok=True)


def _parts(directory: Path) -> Iterator[Path]:
    """The directories of a target that are no targets of their own."""
    made = (directory / "Makefile").read_text(encoding="utf-8", errors="replace")
    for path in sorted(directory.iterdir()):
        if path.is_dir() and not path.is_symlink() and ("SUBDIRS" in made or not (path / "Makefile").is_file()):
            yield path


def _copy_files(source: Path, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.suffix not in NOT_NEEDED and (path.is_file() or path.is_symlink()):
            shutil.copy2(path, place / path.name, follow_symlinks=False)


def _leave_out(_: str, names: list[str]) -> set[str]:
    return {name for name in names if name.endswith(NOT_NEEDED)}
