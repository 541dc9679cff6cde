"""Records of tools/build (`.X.o.cmd`) that make cannot read."""

from __future__ import annotations

import os
import re
from pathlib import Path

# Before Linux 4.17, tools/build writes its comments with a backslash, and make 4.3 ends in "missing separator".
_LINE = re.compile(r"\s*$|#|[^\\#][^\n]*[:=]|\t|(?:-?include|ifn?eq|ifn?def|else|endif|define|endef|export)\b")


def remove_unreadable(tools: Path) -> None:
    """Remove the unreadable records in a kernel's tools/ and below: their objects are then compiled again."""
    for folder, _, files in os.walk(tools):
        for file in files:
            if file.startswith(".") and file.endswith(".cmd"):
                record = Path(folder, file)
                if not readable(record.read_text(encoding="utf-8", errors="replace")):
                    record.unlink()


def readable(text: str) -> bool:
    """Whether each line of a record is a comment, a rule or an assignment, as make wants it."""
    return all(_LINE.match(line) for line in re.sub(r"\\\n", " ", text).split("\n"))
