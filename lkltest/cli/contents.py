"""Read files in pieces, unpacked where they are compressed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

CHUNK = 1 << 18  # bytes read at once

_GZIP, _XZ = b"\x1f\x8b\x08", b"\xfd7zXZ\x00"  # what such files begin with


class _Rest:
    """A file of which the beginning has been read, as decompressors want it."""

    def __init__(self, head: bytes, descriptor: int) -> None:
        self._head = head
        self._descriptor = descriptor

    def read(self, size: int) -> bytes:
        """Read what is there, the beginning first."""
        head, self._head = self._head[:size], self._head[size:]
        return head or os.read(self._descriptor, size)


def read(descriptor: int) -> Iterator[bytes]:
    """Yield the contents of a file in pieces as they come; those of gzip and xz unpacked.

    Raises OSError where it cannot be read, or is damaged.
    """
    head = b""
    while any(magic.startswith(head) for magic in (_GZIP, _XZ)):  # the first bytes may come one by one
        data = os.read(descriptor, CHUNK)
        if not data:
            break
        head += data
    if head.startswith((_GZIP, _XZ)):
        yield from _unpacked(_Rest(head, descriptor), packed_by_gzip=head.startswith(_GZIP))
        return
    yield head
    while data := os.read(descriptor, CHUNK):
        yield data


def _unpacked(file: _Rest, *, packed_by_gzip: bool) -> Iterator[bytes]:
    import gzip
    import lzma
    import zlib

    source: Any = file  # of the methods of a file they need this one only
    try:
        with gzip.GzipFile(fileobj=source) if packed_by_gzip else lzma.LZMAFile(source) as unpacked:
            while data := unpacked.read1(CHUNK):
                yield data
    except EOFError:
        raise OSError(0, "its compressed data ends early: fetch the file again") from None
    except (gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise OSError(0, f"its compressed data is damaged ({error}): fetch the file again") from None
