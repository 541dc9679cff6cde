"""The directory in which a UML keeps its memory, as a file of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# The least memory of a kernel, in bytes. A kernel limits its threads by its memory: Debian's 6.1 to 312 with 64 MB, to
# 884 with 128 MB. While it boots, it starts some 680 threads that soon end. If too many of them run at once, as happens
# on a busy host, it cannot start the self test of a cipher (EAGAIN), and warns of that in crypto_wait_for_test.
LEAST = 128 << 20

AT_ONCE = 2  # kernels of this session and others, for which a directory must have room
OWN = Path("/dev/shm")
VARIABLES = ("TMPDIR", "TMP", "TEMP")  # in the order in which a UML looks at them; the first that it can use counts


def environment(size: int) -> tuple[str, ...]:
    """The beginning of a command that has a UML keep `size` bytes of memory elsewhere; empty where it finds room.

    A UML ends, or dies of SIGBUS later, where its directory cannot be written or executed from, or is too small: in a
    container, /dev/shm has 64 MB or is not there. Empty, too, where no directory will do: see `lacking`.
    """
    for path in directories():
        if not trouble(path, size):
            return () if path == chosen() else ("/usr/bin/env", f"{VARIABLES[0]}={path}")
    return ()


def memory_elsewhere() -> str:
    """A note for the user, where a UML's memory is not kept where it would be; empty where it is."""
    words = environment(LEAST)
    return f"memory in {words[1].partition('=')[2]}: {chosen()} {trouble(chosen(), LEAST)}" if words else ""


def lacking(size: int) -> str:
    """Why no directory of this host takes the memory of a UML; empty where one does."""
    troubles = [f"{path} {why}" for path in directories() if (why := trouble(path, size))]
    if len(troubles) < len(list(directories())):
        return ""
    return (f"no directory takes its memory: {', '.join(troubles)}; name one in {VARIABLES[0]}, or give the container "
            "more (docker run --shm-size=1g)")  # fmt: skip


def chosen() -> Path:
    """The directory that a UML takes by itself."""
    for name in VARIABLES:
        path = os.environ.get(name)
        if path and os.access(path, os.R_OK | os.W_OK | os.X_OK):
            return Path(path)
    return OWN


def directories() -> Iterator[Path]:
    """The directories that may take the memory, the first ones first."""
    yield from dict.fromkeys([chosen(), OWN, Path(tempfile.gettempdir()), Path("/var/tmp")])


def trouble(path: Path, size: int) -> str:
    """Why a directory cannot take a file of memory, after its name; empty where it can."""
    try:
        system = os.statvfs(path)
    except OSError as error:
        return f"cannot be used ({error.strerror})"
    if system.f_flag & os.ST_RDONLY:
        return "is read-only"
    if not os.access(path, os.W_OK | os.X_OK):
        return "cannot be written"
    if system.f_flag & os.ST_NOEXEC:
        return "is mounted noexec"
    free = system.f_bavail * system.f_frsize
    return f"has {free >> 20} of {AT_ONCE * size >> 20} MB" if free < AT_ONCE * size else ""
