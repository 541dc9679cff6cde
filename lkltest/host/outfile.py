"""Files of results that the user has named."""

from __future__ import annotations

import os
from pathlib import Path

from lkltest.errors import UsageError


def put(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror}; name another file") from None


def require_writable(path: Path) -> None:
    """Refuse a file that could not be written before anything is built."""
    folder = path.absolute().parent
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(f"cannot write {path}: name a file in a directory that is there and may be written")
