"""UML's management console, by which a running kernel is made to print a line.

KUnit prints a result without the end of its line. The kernel keeps such a message back until the next one, in case it
goes on: of a case that prints nothing and never ends, the one before would seem to run.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

MAGIC, VERSION, ROOM = 0xCAFEBABE, 2, 512  # struct mconsole_request of arch/um/drivers/mconsole.h
NUDGE = "lkltest: still there?"


def nudge(directory: Path) -> None:
    """Have the kernel print NUDGE, if it listens; `directory` is the one that it runs in, with the umid "uml"."""
    import socket
    import struct

    text = f"log {NUDGE}\n".encode()
    request = struct.pack("=III", MAGIC, VERSION, len(text)) + text.ljust(ROOM, b"\0")
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.bind("")  # to any free name: the kernel answers
        client.sendto(request, str(directory / "uml" / "mconsole"))
