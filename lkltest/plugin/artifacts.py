"""The directory where a run keeps the files for looking into a failure."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.host.cache import discard
from lkltest.host.closing import Closing
from lkltest.image import archive
from lkltest.plugin import retention
from lkltest.plugin.session import note
from lkltest.settings import Settings


class Artifacts(Closing):
    """A directory of one run, which no other session writes to while this one lasts."""

    def __init__(self, config: pytest.Config, settings: Settings, name: str) -> None:
        """Take the directory of a name, or, where another session is using it, one of a similar name; empty it."""
        self.config, self.settings = config, settings
        self.wanted = False  # whether what is in it is kept
        stem = file_name(name)
        try:
            self.path, self.lock = _claim_free(root_of(config, settings), stem)
        except OSError:  # a full disk; the temporary directories may be on another one
            self.path, self.lock = _claim_free(_elsewhere(), stem)
        for old in self.path.iterdir():
            _remove(old)
        retention.mark(self.path)

    def keep(self, file: Path, name: str) -> None:
        """Keep a file under another name; where there is no room for it, the report says so."""
        copy = self.path / name
        if copy.exists():
            return
        try:
            copy.hardlink_to(file)
        except OSError:
            try:
                shutil.copy2(file, copy)
            except OSError as error:
                discard(copy)
                note(self.config, f"{copy} is not kept: {error.strerror}")

    def pack(self, image: Path) -> None:
        """Keep the data of a disk image; where that cannot be done, the report says why."""
        try:
            packed = archive.save(image, self.path, self.settings.artifacts_size)
        except (UsageError, OSError) as error:
            note(self.config, str(error))
            return
        if packed.name.endswith(archive.GZIP.suffix):
            note(self.config, "disk images are packed by gzip, which is slower and larger: zstd not found: "
                              "apt-get install zstd")

    def close(self) -> None:
        """Let go of the directory, and remove it if it is not wanted, or empty; remove the oldest beyond the bounds."""
        if not self.wanted:
            shutil.rmtree(self.path, ignore_errors=True)
        retention.unmark(self.path)
        os.close(self.lock)
        if not self.wanted:
            return
        size, runs = self.settings.artifacts_size, self.settings.artifacts_runs
        for name in retention.trim(self.path.parent, size, runs):
            note(self.config, f"{self.path.parent / name} is removed: only the newest {runs} runs and "
                              f"{archive.mebibytes(size)} are kept (--lkl-artifacts-runs, --lkl-artifacts-size)")


def root_of(config: pytest.Config, settings: Settings) -> Path:
    """The directory of all runs: a temporary one where the usual one cannot be written to.

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
    return _elsewhere()


def _elsewhere() -> Path:
    """A directory for artifacts among the temporary ones."""
    return Path(tempfile.mkdtemp(prefix="lkltest-artifacts-"))


def command(*words: str | Path) -> str:
    """An `lkltest` command that a user can paste: by the interpreter's path where PATH has no `lkltest`."""
    start = ["lkltest"] if shutil.which("lkltest") else [sys.executable, "-m", "lkltest"]
    return process.command([*start, *words])


def file_name(text: str) -> str:
    """A file's name made of the id of an item."""
    return re.sub(r"[^\w.+#-]+", "-", text).strip("-")[-200:]


def _claim_free(root: Path, stem: str) -> tuple[Path, int]:
    """Lock the directory of a name, or of the first similar one that no other session has."""
    names = itertools.chain([stem], (f"{stem}-{count}" for count in itertools.count(2)))
    return next(filter(None, (_claim(root / name) for name in names)))


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
