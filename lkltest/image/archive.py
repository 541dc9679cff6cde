"""Archives of disk images, which hold only an image's data and which any tool copies safely."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.image import sparse, tools


@dataclass(frozen=True)
class Compressor:
    """A program that compresses a tar."""

    program: str
    suffix: str  # of the archives


ZSTD = Compressor("zstd", ".tar.zst")
GZIP = Compressor("gzip", ".tar.gz")  # on every Debian; four times as large and eight times as slow
COMPRESSORS = (ZSTD, GZIP)


def compressor() -> Compressor:
    """The best compressor that is installed; raises MissingTool where there is none."""
    try:
        tools.find(ZSTD.program)
    except tools.MissingTool:
        tools.find(GZIP.program)
        return GZIP
    return ZSTD


def save(image: Path, directory: Path, limit: int) -> Path:
    """Pack an image into an archive in `directory`, a tar that knows sparse files; return its path.

    Raises UsageError where the image has more than `limit` bytes of data, where a program is missing and where there
    is no room; there is no half-written archive then.
    """
    data = data_of(image, limit)
    if data > limit:
        raise UsageError(f"{image.name} is not kept: it has more than {mebibytes(limit)} of data "
                         "(--lkl-artifacts-size)")
    chosen = compressor()
    archive = directory / f"{image.name}{chosen.suffix}"
    partial = directory / f".{archive.name}.partial"
    try:
        # A name with a colon is no remote host.
        told = _tar("--create", "--sparse", "--force-local", f"--use-compress-program={chosen.program}",
                    f"--file={partial}", f"--directory={image.parent}", "--", image.name)
        if not told.ok:
            raise UsageError(f"{image.name} is not kept: {_reason(told)}; free some room in {directory}, or name "
                             "another directory (--lkl-artifacts)")
        partial.replace(archive)
    finally:
        partial.unlink(missing_ok=True)
    return archive


def restore(archive: Path, directory: Path) -> Path:
    """Unpack an archive into `directory`, as sparse as it was; return the image, which replaces one of its name.

    Raises UsageError where it is no archive of an image and where there is no room, MissingTool where a program is
    missing; no half-written image is left.
    """
    chosen = next((one for one in COMPRESSORS if archive.name.endswith(one.suffix)), None)
    if chosen is None or not archive.is_file():
        raise UsageError(f"{archive} is no image that lkltest has packed: name a file {' or '.join(_patterns())}, or "
                         "a directory that has some")
    tools.find(chosen.program)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpack-", dir=directory) as temporary:
            told = _tar("--extract", "--sparse", "--force-local", "--no-same-owner",
                        f"--use-compress-program={chosen.program}", f"--file={archive.absolute()}",
                        f"--directory={temporary}")
            found = list(Path(temporary).iterdir())
            if not told.ok or len(found) != 1 or found[0].is_symlink() or not found[0].is_file():
                raise UsageError(f"cannot unpack {archive} into {directory}: {_reason(told)}")
            return found[0].replace(directory / found[0].name)
    except OSError as error:
        raise UsageError(f"cannot unpack {archive} into {directory}: {error.strerror}; name another directory")\
            from None


def archives(directory: Path) -> list[Path]:
    """The archives in a directory and below it."""
    return sorted(path for pattern in _patterns() for path in directory.rglob(pattern) if path.is_file())


def find(image: Path) -> Path | None:
    """The archive that stands for an image, beside the place of the image itself; None where there is none."""
    beside = (image.with_name(image.name + one.suffix) for one in COMPRESSORS)
    return next(filter(Path.is_file, beside), None)


def data_of(image: Path, limit: int) -> int:
    """The bytes of an image that are no hole, counted until they are more than `limit`."""
    total = 0
    with image.open("rb") as file:
        for first, last in sparse.extents(file.fileno(), 0, os.fstat(file.fileno()).st_size):
            total += last - first
            if total > limit:
                break
    return total


def mebibytes(size: int) -> str:
    """A size for people."""
    return f"{size / (1 << 20):.0f} MiB"


def _patterns() -> Iterator[str]:
    return (f"*{one.suffix}" for one in COMPRESSORS)


def _tar(*arguments: str) -> process.Completed:
    """Run tar, for as long as it takes: the data that it reads is bounded, and a busy host is slow."""
    return process.run([tools.find("tar"), *arguments], env=tools.ENVIRONMENT)


def _reason(told: process.Completed) -> str:
    """The first line that tar has printed, or how it ended."""
    lines = tools.said(told).strip().splitlines()
    return lines[0] if lines else f"no image in it ({told.describe()})"
