"""Processes that a test expects to end."""

from __future__ import annotations

import time
from pathlib import Path


def gone(pid: int, timeout: float = 30.0) -> bool:
    """Whether a killed process runs no more, after the time that it needs to die; a zombie does not run."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False
