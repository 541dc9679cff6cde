"""Output streams whose loss does not end a long run, and the directory that a run writes to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TextIO

from lkltest.errors import UsageError


def mute(stream: TextIO) -> None:
    """Discard everything that is written to a stream, also the content of its buffer."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


class Lasting:
    """A stream that discards its output once nobody can read it: a terminal or a pipe whose other end is gone."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """As of any stream."""
        try:
            return self.stream.write(text)
        except OSError:
            mute(self.stream)
            return len(text)

    def flush(self) -> None:
        """As of any stream."""
        try:
            self.stream.flush()
        except OSError:
            mute(self.stream)

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


def prepare(output: Path) -> None:
    """Make the output directory; raises UsageError where nothing can be written there."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}; name another with --output") from None
