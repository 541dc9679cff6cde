"""Directories that are made once, and are whole or not there."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from lkltest.errors import UsageError

T = TypeVar("T")


def key(*parts: str | bytes) -> str:
    """A short name for a content: 20 hexadecimal digits over all the parts, their borders included."""
    try:
        from _blake2 import blake2b  # hashlib loads OpenSSL besides: 4 ms of every run
    except ImportError:
        from hashlib import blake2b

    digest = blake2b(digest_size=10)
    for part in parts:
        data = part.encode(errors="surrogateescape") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def owner(directory: Path) -> Path:
    """The file that names the process which makes `directory` now: opening a lock file empties it."""
    return directory.with_name(directory.name + ".pid")


def held(directory: Path, what: str) -> str:
    """A sentence on who makes `directory` now: "another run (pid 77) is building it; waiting"."""
    try:
        who = f"another run (pid {int(owner(directory).read_text(encoding='utf-8'))})"
    except (OSError, ValueError):
        who = "another run"
    return f"{who} is {what}; waiting for it"


def make_once(
    directory: Path,
    make: Callable[[Path], None],
    *,
    waiting: Callable[[], None] = lambda: None,
    whole: Callable[[Path], bool] = Path.is_dir,
    resumes: bool = False,
) -> Path:
    """Return `directory`, after `make` has filled it if it was not there yet, or not `whole` any more.

    `make` gets a temporary directory beside it, which is renamed only when `make` has returned; whatever a
    killed run left there is removed by the next, unless `make` goes on with it (`resumes`: the directory is then the
    same in every run, and only an error empties it). A lock lets one of several runs make it while the others wait:
    `waiting` is called once before that wait (see `held`). Raises UsageError where the directory cannot be written.
    """
    if whole(directory):
        return directory
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with locked(directory, waiting):
            if not whole(directory):
                fill(directory, make, resumes=resumes)
    except OSError as error:
        raise UsageError(
            f"cannot write the cache {directory.parent}: {error.strerror or error}; "
            "free some room, mend its permissions, or name another directory with --lkl-cache"
        ) from None
    return directory


@contextlib.contextmanager
def locked(directory: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a directory; its holder is known to others meanwhile. The kernel frees it if we are killed."""
    from filelock import FileLock, Timeout

    lock = FileLock(directory.with_name(directory.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire()
    try:
        owner(directory).write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        owner(directory).unlink(missing_ok=True)
        lock.release()


def unfinished(directory: Path) -> Path:
    """The temporary directory of a `make` that goes on with what an interrupted run has left."""
    return directory.with_name(f".{directory.name}.unfinished")


def fill(directory: Path, make: Callable[[Path], None], *, resumes: bool = False) -> None:
    """Make a directory, under its lock."""
    for stale in directory.parent.glob(f".{glob.escape(directory.name)}.*"):
        if not (resumes and stale == unfinished(directory)):
            shutil.rmtree(stale, ignore_errors=True)
    if resumes:
        temporary = unfinished(directory)
    else:
        temporary = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        made = temporary / "made"
        made.mkdir(parents=True, exist_ok=True)
        make(made)
        if directory.exists():
            directory.rename(temporary / "damaged")
        made.rename(directory)
    except BaseException as error:
        if isinstance(error, Exception) or not resumes:  # an interruption leaves what the next run goes on with
            shutil.rmtree(temporary, ignore_errors=True)
        raise
    shutil.rmtree(temporary, ignore_errors=True)


def discard_unfinished(directory: Path, pattern: str) -> None:
    """Remove what interrupted runs have left of the other directories that a pattern names, such as older versions."""
    from filelock import FileLock, Timeout

    for stale in directory.parent.glob(f".{pattern}.unfinished"):
        other = stale.with_name(stale.name.removeprefix(".").removesuffix(".unfinished"))
        if other != directory:
            with contextlib.suppress(OSError, Timeout), FileLock(other.with_name(other.name + ".lock"), timeout=0):
                shutil.rmtree(stale, ignore_errors=True)
                owner(other).unlink(missing_ok=True)


def recall(path: Path, take: Callable[[Any], T]) -> T | None:
    """Return what `take` makes of a JSON file of the cache; None where there is none, or one that it cannot take.

    Another version of lkltest, a power cut or a program that cleans caches may have left anything there.
    """
    try:
        return take(json.loads(path.read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def holds(directory: Path, name: str) -> bool:
    """Whether a file is in a directory of the cache, and not empty."""
    try:
        return (directory / name).stat().st_size > 0
    except OSError:
        return False


def discard(path: Path) -> None:
    """Remove a half-written file; where its directory is gone, or is no directory, there is none."""
    with contextlib.suppress(OSError):
        path.unlink()
