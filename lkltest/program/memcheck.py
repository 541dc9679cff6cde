"""Read the errors of valgrind's memcheck in the middle of a program's output."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lkltest.program.results import Result, State

_LINE = re.compile(rb"(?:==|--|\*\*)\d+(?:==|--|\*\*) ?(.*)")
_FRAME = re.compile(r"^ +(?:at|by) 0x[0-9A-F]+: ", re.MULTILINE)


class Memcheck:
    """Parts a stream into the program's own bytes and memcheck's errors, in their order.

    Valgrind writes to the same pipe as the program, and runs one thread at a time: what it says between two
    results of the program came about between them.
    """

    def __init__(self) -> None:
        """Start at a line's beginning."""
        self.rest = b""  # an unfinished line
        self.block: list[str] = []  # lines of an unfinished error

    def feed(self, data: bytes) -> Iterator[bytes | str]:
        """Take the next bytes; yield the program's as bytes, each error that is complete as text."""
        own = bytearray()
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            said = _LINE.match(line)
            if said and said[1].strip():
                self.block.append(said[1].decode(errors="backslashreplace").rstrip())
                continue
            # The end of an error: a blank line of memcheck's, or the program goes on.
            if error := self._error():
                if own:
                    yield bytes(own)
                own.clear()
                yield error
            if not said:
                own += line + b"\n"
        if own:
            yield bytes(own)

    def close(self) -> Iterator[bytes | str]:
        """Yield what is left at the end of the stream: a last line of the program's that has no end stays without."""
        if self.rest:
            for piece in self.feed(b"\n"):
                yield piece.removesuffix(b"\n") if isinstance(piece, bytes) else piece
        if error := self._error():
            yield error

    def _error(self) -> str:
        """The error whose lines have come; empty where they are only notices, which have no stack."""
        text = "\n".join(self.block)
        self.block = []
        return text if _FRAME.search(text) else ""


def blame(result: Result, errors: Sequence[str]) -> Result:
    """The result of a point during which memcheck found errors: a failure, whatever the point itself says."""
    if not errors:
        return result
    count = f"memcheck found {len(errors)} error{'s' * (len(errors) > 1)} during this point"
    message = "\n\n".join(part for part in (result.message, count, *errors) if part)
    return replace(result, state=State.FAILED, message=message)
