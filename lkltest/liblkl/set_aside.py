"""The library of before, set aside while a new one is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".lkltest-before"


@contextmanager
def unless_made(folder: Path, names: Sequence[str]) -> Iterator[list[Path]]:
    """Set libraries aside, because `ar` adds to one that is there; they come back where the block raises an error.

    The block gets the list of them. What a killed run has left aside goes with them.
    """
    files = [folder / name for name in names]
    before = [file for file in files if file.is_file()]
    try:
        for file in before:
            file.replace(_aside(file))
        yield before
    except BaseException:
        for file in files:
            file.unlink(missing_ok=True)
            if _aside(file).is_file():
                _aside(file).replace(file)
        raise
    for file in files:
        _aside(file).unlink(missing_ok=True)


def _aside(file: Path) -> Path:
    return file.with_name(f".{file.name}{SUFFIX}")
