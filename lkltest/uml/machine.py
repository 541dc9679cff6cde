"""Boot a UML: fill its root directory, make its command line. guard.py runs it, and ends with its exit status."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.uml import memory
from lkltest.uml.console import Console
from lkltest.uml.fpstate import Workaround, demand_ptrace, usable
from lkltest.uml.model import Uml

GUARD = Path(__file__).with_name("guard.py")
MEMORY = memory.LEAST
MOUNT_POINTS = ("dev", "proc", "sys", "tmp", "mnt")

# The guard changes into the UML's directory, so that the kernel's command line contains no path of the user: blanks,
# commas and colons are separators there, and it is short.
HERE = "/proc/self/cwd"

# One console on standard input and output; /dev/console is the same.
TERMINAL = ("console=tty0", "con=null", "con0=fd:0,fd:1")
# Results on standard output, by the terminal that LKLTEST_RESULTS names; the kernel's messages on standard error.
STREAMS = ("console=tty1", "con=null", "con0=null,fd:1", "con1=null,fd:2", "LKLTEST_RESULTS=/dev/tty0")


def command(
    uml: Uml,
    init: Path,
    workdir: Path,
    *,
    mem: int = MEMORY,
    args: Sequence[str] = (),
    disk: Path | None = None,
    second_disk: Path | None = None,
    cmdline: str = "",
    consoles: Sequence[str] = STREAMS,
) -> list[str]:
    """Fill the empty directory `workdir`, and return the command that boots the UML there.

    `init`, a static executable, becomes /init of a root directory on hostfs, and gets `args`; `disk`, an image,
    becomes /dev/ubda, `second_disk` /dev/ubdb; `mem` is in bytes, at least MEMORY is used. The caller removes
    `workdir` afterwards; if the caller is killed, the guard kills all that runs in it and removes it. Raises
    UsageError for an argument that the kernel's command line cannot carry, UnusableKernel where this host cannot run
    the UML.
    """
    root = workdir / "root"
    for name in MOUNT_POINTS:
        (root / name).mkdir(parents=True)
    shutil.copyfile(init, root / "init")
    (root / "init").chmod(0o755)
    hostfs = ("root=/dev/root", "rootfstype=hostfs", f"rootflags={HERE}/root", "rw")
    words = [*hostfs, "init=/init", *consoles, *disk_words([disk, second_disk], workdir), *cmdline.split()]
    return guarded(uml, workdir, [*words, *init_words(args)], mem=mem)


def by_hand(
    uml: Uml, disks: Sequence[Path | None], args: Sequence[str], cmdline: str, mem: int, directory: Path, init: str
) -> list[str]:
    """Return the command that boots the UML at a terminal, by hand, with the file `init` of `directory` as init.

    The command prepares nothing and removes nothing: it is for the files that are kept of a failed run.
    """
    hostfs = ("root=/dev/root", "rootfstype=hostfs", f"rootflags={directory}", "rw", f"init=/{init}")
    images = [f"ubd{number}={disk.absolute()}" for number, disk in enumerate(disks) if disk is not None]
    words = [*hostfs, *TERMINAL, *images, *cmdline.split(), *init_words(args)]
    around = usable(uml)
    private = [mem_word(mem), f"uml_dir={directory}", "umid=uml"]
    room = memory.environment(max(mem, MEMORY))
    return [*room, *around.prefix, str(uml.path.absolute()), *private, *around.words, *words]


def guarded(
    uml: Uml, workdir: Path, words: Sequence[str], *, mem: int = MEMORY, processes: bool = True
) -> list[str]:
    """Return the command that boots the UML in `workdir` with `words` on the kernel's command line.

    Raises UnusableKernel where this host cannot run the UML. A kernel that runs no `processes` needs no workaround
    for their registers, but ptrace() like any other.
    """
    guard = [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), str(workdir.absolute())]
    around = Workaround()
    if processes:
        around = usable(uml)
    else:
        demand_ptrace(uml)
    private = [mem_word(mem), f"uml_dir={HERE}", "umid=uml"]
    room = memory.environment(max(mem, MEMORY))
    return [*guard, *room, *around.prefix, str(uml.path.absolute()), *private, *around.words, *words]


def mem_word(mem: int) -> str:
    """Return the word that gives the kernel `mem` bytes of memory, at least MEMORY."""
    return f"mem={max(mem, MEMORY) >> 10}K"


def disk_words(disks: Sequence[Path | None], workdir: Path) -> list[str]:
    """Return the words that give the kernel its disks.

    Each gets a name in `workdir` without colons and commas, which separate the files of a COW pair.
    """
    words = []
    for number, disk in enumerate(disks):
        if disk is not None:
            (workdir / f"disk{number}").symlink_to(disk.absolute())
            words.append(f"ubd{number}={HERE}/disk{number}")
    return words


def init_words(args: Sequence[str]) -> list[str]:
    """Quote the arguments of init.

    The quotes also hide them from UML, which takes any word that begins like one of its options, such as `mem=`,
    `con` or `quiet`, for that option, wherever it stands.
    """
    for arg in args:
        if '"' in arg or not arg.isprintable():
            raise UsageError(f"cannot give {arg!r} to a UML's init: leave out quotes and control characters")
    return ["--", *(f'"{arg}"' for arg in args)] if args else []


@contextlib.contextmanager
def booted(
    uml: Uml,
    init: Path,
    *,
    mem: int = MEMORY,
    args: Sequence[str] = (),
    disk: Path | None = None,
    cmdline: str = "",
) -> Iterator[Console]:
    """Boot a UML on a pseudo-terminal; see `command`. It is killed, and its files are removed, at the block's end."""
    with directory() as workdir:
        argv = command(uml, init, workdir, mem=mem, args=args, disk=disk, cmdline=cmdline, consoles=TERMINAL)
        with Console(argv, guarded=True) as console:
            yield console


@contextlib.contextmanager
def booted_on_host(uml: Uml) -> Iterator[Console]:
    """Boot a UML into /bin/sh on the host's own files, which it can only read; see `booted`."""
    root = ("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "init=/bin/sh")
    with directory() as workdir, Console(guarded(uml, workdir, [*root, *TERMINAL]), guarded=True) as console:
        yield console


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """Make a directory for a UML to run in, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="lkltest-uml-", ignore_cleanup_errors=True) as path:
        yield Path(path)
