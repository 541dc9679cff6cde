"""The directory where a run keeps what a failure needs."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

from lkltest.settings import Settings


class Artifacts:
    """A directory of one run, which no other session writes to while this one lasts."""

    def __init__(self, config: pytest.Config, settings: Settings, name: str) -> None:
        """Take the directory of a name, or, where another session is using it, one of a similar name; empty it."""
        root, stem = root_of(config, settings), file_name(name)
        names = itertools.chain([stem], (f"{stem}-{count}" for count in itertools.count(2)))
        self.path, self.lock = next(filter(None, (_claim(root / name) for name in names)))
        for old in self.path.iterdir():
            _remove(old)

    def keep(self, file: Path, name: str) -> None:
        """Keep a file under another name; not where there is no room for it."""
        copy = self.path / name
        if copy.exists():
            return
        try:
            copy.hardlink_to(file)
        except OSError:
            try:
                shutil.copy2(file, copy)
            except OSError:
                copy.unlink(missing_ok=True)

    def close(self, *, keep: bool) -> None:
        """Let go of the directory, and remove it if it is not to be kept, or empty."""
        if not keep:
            shutil.rmtree(self.path, ignore_errors=True)
        for unused in (self.path, self.path.parent):
            with contextlib.suppress(OSError):  # in use, or another run's are in it
                unused.rmdir()
        os.close(self.lock)


def root_of(config: pytest.Config, settings: Settings) -> Path:
    """Where all runs keep theirs: a temporary directory where the usual one cannot be written to.

    Fails the item where the user has named one that cannot be used.
    """
    root = settings.artifacts or config.invocation_params.dir / "lkltest-artifacts"
    try:
        root.mkdir(parents=True, exist_ok=True)
        if os.access(root, os.W_OK):
            return root
        problem = "it cannot be written to"
    except OSError as error:
        problem = error.strerror or str(error)
    if settings.artifacts:
        pytest.fail(f"cannot keep artifacts in {root}: {problem}; name another directory (--lkl-artifacts)",
                    pytrace=False)
    return Path(tempfile.mkdtemp(prefix="lkltest-artifacts-"))


def file_name(text: str) -> str:
    """A file's name made of the id of an item."""
    return re.sub(r"[^\w.+#-]+", "-", text).strip("-")[-200:]


def _claim(path: Path) -> tuple[Path, int] | None:
    """Lock a directory, made if need be; None where another session has it."""
    while True:
        path.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # the session that has it has removed it
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(lock).st_ino == path.stat().st_ino:
                    return path, lock
            except BlockingIOError:
                os.close(lock)
                return None
            os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
