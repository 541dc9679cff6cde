"""Lines of a kernel's console, and what they say of its state."""

from __future__ import annotations

import re

from lkltest import klog

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
STAMP = re.compile(klog.STAMP.pattern.decode())

# Reports after which a kernel's later results say nothing certain: memory is damaged, or lockdep has turned itself off.
LOCKDEP = (
    "possible circular locking", "possible recursive locking", "possible irq lock inversion", "inconsistent lock state",
    "bad unlock balance", "bad contention detected", "suspicious RCU usage", "held lock freed", "lock held when",
    "lock order detected", "Nested lock was not taken", "still has locks held",
)  # fmt: skip
POISON = re.compile(
    r"BUG:? \S|kernel BUG at |Oops\b|general protection fault|UBSAN: |list_(?:add|del) corruption"
    r"|Kernel panic - not syncing: |INFO: (?:task .* blocked for|possible|trying to register non-static key)"
    rf"|WARNING: (?:.*{'|.*'.join(LOCKDEP)})|Disabling lock debugging due to kernel taint"
)
WARNING = re.compile(r"WARNING: (?:CPU: \d+ PID: \d+ at |\S+:\d+ at )")
SANITIZER = re.compile(r"\b(KASAN|KFENCE|KCSAN|KMSAN|UBSAN)\b")


def text_of(line: str) -> str:
    """A line without its end, escape sequences and printk's time stamp; its indentation stays."""
    return STAMP.sub("", ESCAPES.sub("", line.rstrip("\r\n")), count=1)


def poison(line: str) -> str:
    """The line, where it is the beginning of a report after which the kernel is not to be trusted; else empty."""
    return line if POISON.match(line) else ""


def is_warning(line: str) -> bool:
    """Whether a line begins the report of a WARN()."""
    return WARNING.match(line) is not None


def is_expected(report: str, suite: str) -> bool:
    """Whether a report is one that a suite provokes: those of KASAN in the suite `kasan`, and so on."""
    found = SANITIZER.search(report)
    return found is not None and suite.lower().startswith(found[1].lower())
