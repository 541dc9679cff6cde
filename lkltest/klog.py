"""The kernel's log: its stamps, the complaints that fail a point, its panics, its last lines.

WORDS, PHRASES and complains() are the rule of the harness, which judges points in C: they stand here as the list that
tests/test_klog.py holds the harness's to. In Python only the judge of kselftests, which are not of the harness, uses
them.
"""

from __future__ import annotations

import re

from lkltest import expressions

LAST_LINES = 20  # of the console, shown with a bad end
BEFORE = 8  # lines before a panic: what led to it

# printk's, before a line: the time, and with CONFIG_PRINTK_CALLER the task or the processor: "[    1.234567][    T1] ".
BARE_STAMP = r"\[ *+\d++\.\d++\](?:\[ *+[TC]\d++\])?+"
STAMP_PATTERN = rf"^{BARE_STAMP} "
STAMP = expressions.compile(STAMP_PATTERN.encode())

# An escape sequence of ECMA-48: CSI, then OSC and the other strings up to their end, then the short ones.
ESCAPE_PATTERN = (
    "\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"
    "|[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)"
    r"|[ -/]+[0-~]"
    r"|[0-OQ-WYZ\\`-~]"
    ")"
)

# A line with one of these words, or one of these phrases in any case, is a complaint: it fails the point during which
# it comes. The harness has the same lists in lkltest/internal/console.h.
WORDS = ("WARNING", "BUG", "Oops", "KASAN", "UBSAN", "lockdep")
PHRASES = (
    "call trace", "kernel panic", "general protection", "unable to handle", "double fault", "stack-protector",
    "stack protector", "refcount_t:", "suspected memory leaks", "non-static key", "possible recursive locking",
    "possible circular locking", "possible irq lock inversion", "inconsistent lock state", "held lock freed",
    "bad unlock balance", "suspicious rcu usage", "info: possible", "info: task", "info: rcu", "self-detected stall",
    "detected stalls", "blocked for more than", "soft lockup", "hard lockup", "scheduling while atomic",
    "sleeping function called", "list_add corruption", "list_del corruption", "nobody cared",
    "undefined behaviour in", "lkl: bug",
)  # fmt: skip

# Of these the fuzzer takes the ones that name a fault of the kernel for certain, in the kernel's own spelling: its
# programs also provoke complaints about themselves.
COMPLAINTS = (
    "WARNING:", "BUG:", "BUG at", "kernel BUG", "Oops", "KASAN:", "UBSAN:", "Kernel panic", "Call Trace:",
    "INFO: possible", "INFO: suspicious", "INFO: trying to register", "INFO: task", "INFO: rcu",
    "general protection", "Unable to handle kernel",
)  # fmt: skip
RULER = "=" * 53  # a line that begins the reports of lockdep, KASAN and the slab allocator

# The line after the stack, "---[ end Kernel panic - not syncing: ...", says it again.
PANIC_WORDS = r"(?<!end )Kernel panic - not syncing"
PANIC_PATTERN = rf"{PANIC_WORDS}: ([^\r\n]*)"
PANIC = expressions.compile(PANIC_PATTERN.encode())

# Reports after which a kernel's later results say nothing certain: memory is damaged, or lockdep has turned itself off.
LOCKDEP = (
    "possible circular locking", "possible recursive locking", "possible irq lock inversion", "inconsistent lock state",
    "bad unlock balance", "bad contention detected", "suspicious RCU usage", "held lock freed", "lock held when",
    "lock order detected", "Nested lock was not taken", "still has locks held",
)  # fmt: skip
POISON_PATTERN = (
    r"BUG:? \S|kernel BUG at |Oops\b|general protection fault|UBSAN: |list_(?:add|del) corruption"
    rf"|{PANIC_WORDS}: |INFO: (?:task .* blocked for|possible|trying to register non-static key)"
    rf"|WARNING: (?:.*{'|.*'.join(LOCKDEP)})|Disabling lock debugging due to kernel taint"
)
WARNING_PATTERN = r"WARNING: (?:CPU: \d+ PID: \d+ at |\S+:\d+ at )"
SANITIZER_PATTERN = r"\b(KASAN|KFENCE|KCSAN|KMSAN|UBSAN)\b"


# A kernel's last line, where nothing comes behind it: it has halted in order.
HALT = expressions.compile(rb"\breboot: (?:System halted|Power down)\s*\Z")


def has_halted(console: bytes) -> bool:
    """Whether the last thing that a kernel said is that it halts."""
    return HALT.search(console) is not None


def panic(console: bytes) -> str:
    """The message of the last panic, as the kernel words it; empty where there is none."""
    found = [match[0] for match in PANIC.finditer(console)]
    return found[-1].decode(errors="backslashreplace").rstrip() if found else ""


def complains(line: str) -> bool:
    """Whether a line of the log is a complaint of the kernel, by the harness's rule."""
    lower = line.lower()
    return any(phrase in lower for phrase in PHRASES) or any(re.search(rf"\b{word}\b", line) for word in WORDS)


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
