"""What a kernel's console says of a bad end."""

from __future__ import annotations

import re

LAST_LINES = 20  # of the console, shown with a bad end
BEFORE = 8  # lines before a panic: what led to it
# The line after the stack, "---[ end Kernel panic - not syncing: ...", says it again.
STAMP = re.compile(rb"^\[ *\d+\.\d+\](?:\[[^\]]*\])? ")  # of printk: "[    1.234567] ", with a caller's "[    T1] "
# Parts of lines that say that something is wrong with the kernel.
COMPLAINTS = (
    "WARNING:", "BUG:", "BUG at", "kernel BUG", "Oops", "KASAN:", "UBSAN:", "Kernel panic", "Call Trace:",
    "INFO: possible", "INFO: suspicious", "INFO: trying to register", "INFO: task", "INFO: rcu",
    "general protection", "Unable to handle kernel",
)  # fmt: skip
RULER = "=" * 53  # a line that begins the reports of lockdep, KASAN and the slab allocator
PANIC = re.compile(rb"(?<!end )Kernel panic - not syncing: [^\r\n]*")


def panic(console: bytes) -> str:
    """The message of the last panic, as the kernel words it; empty where there is none."""
    found = PANIC.findall(console)
    return found[-1].decode(errors="backslashreplace").rstrip() if found else ""


def last_lines(console: bytes) -> str:
    """The last lines of a console, for people; of a kernel that panicked, those around its message.

    The crash's raw stack lines are left out.
    """
    lines = [line for line in console.split(b"\n") if not line.startswith(b"lkltest: ")]
    while lines and not lines[-1].strip():
        lines.pop()
    begin = max(0, len(lines) - LAST_LINES)
    at = max((number for number, line in enumerate(lines) if PANIC.search(line)), default=len(lines))
    begin = min(begin, max(0, at - BEFORE))
    return b"\n".join(lines[begin : begin + LAST_LINES]).decode(errors="backslashreplace")
