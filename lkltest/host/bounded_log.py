"""Output of any length, kept on disk within bounds."""

from __future__ import annotations

import os
from pathlib import Path

from lkltest.host.closing import Closing


class BoundedLog(Closing):
    """A file that keeps the first and the last bytes of a stream, and says how much it left out between them.

    The first half is on disk as soon as it has come; the last half waits in memory for `close`.
    """

    def __init__(self, path: Path, limit: int = 16 << 20) -> None:
        """Write to `path`, at most about `limit` bytes."""
        self.path = path
        self.problem = ""  # why bytes are missing: a full disk must not end the run
        self.half = limit // 2
        try:
            self.file = path.open("wb", buffering=0)
        except OSError as error:
            self.problem = error.strerror or str(error)
            self.file = Path(os.devnull).open("rb", buffering=0)  # noqa: SIM115 -- takes no byte: they wait in memory
        self.room = self.half  # bytes that may still be written at once
        self.size = 0  # bytes that came
        self.kept = 0  # bytes of them on disk
        self.rest = bytearray()

    def write(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self.size += len(data)
        if self.room > 0:
            first = data[: self.room]
            written = self._put(first)
            self.kept += written
            self.room = self.room - written if written == len(first) else 0
            data = data[written:]
        self.rest += data
        if len(self.rest) > 2 * self.half:
            del self.rest[: -self.half]

    def _put(self, data: bytes | bytearray) -> int:
        """Write to the file; how many bytes of `data` it took."""
        try:
            return self.file.write(data) or 0
        except OSError as error:
            self.problem = self.problem or error.strerror or str(error)
            return 0

    def tail(self, size: int) -> bytes:
        """The last bytes of the stream so far, at most `size`."""
        last = bytes(self.rest[-size:])
        if len(last) < size and self.kept:
            with self.path.open("rb") as file:
                file.seek(max(0, self.kept - (size - len(last))))
                last = file.read(min(self.kept, size - len(last))) + last
        return last

    def close(self) -> None:
        """Write the last bytes."""
        if self.file.closed:
            return
        rest = self.rest[-self.half :]
        left_out = self.size - self.kept - len(rest)
        if left_out:
            self._put(f"\n[lkltest: {left_out} bytes left out here]\n".encode())
        self._put(rest)
        self.file.close()
