"""The complaints of a kernel, line by line: how specific each kind is, and where its line names the place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from lkltest.klog import PANIC_WORDS


class Rank(IntEnum):
    """The rank of a complaint, by how specific it is: a higher one explains a lower one, not the other way round."""

    TRACE = 0  # a stack without a word
    CONSEQUENCE = 1  # the kernel gives up, because of something that it has told before
    WARNING = 2  # the kernel goes on, unharmed
    FATAL = 3  # the task, or the kernel, ends here
    MEMORY = 4  # memory is damaged or misused: the cause of all kinds of later faults


@dataclass(frozen=True)
class Format:
    """A kind of complaint, by its line."""

    rank: Rank
    pattern: re.Pattern[str]  # its groups: `title` is kept of the line; `func` is to blame; `place` where there is none
    faults: bool = False  # the instruction pointer that follows is the place
    waits: bool = False  # functions that lock and wait are not the place
    damages: bool = False  # the kernel's memory, or its state, may be damaged afterwards


# A kernel without CONFIG_KALLSYMS prints an address, one whose symbols do not reach so far the end of a section.
_NO_FUNC = r"(?:[0-9a-f]{8,}|_(?:[es]?(?:text|data|rodata|inittext)|end)|__(?:bss_stop|init_end))\b"
_FUNC = rf"(?!{_NO_FUNC})(?P<func>[A-Za-z_][\w.]*)"
_OFFSET = r"\+0x[0-9a-f]+/0x[0-9a-f]+"
_PLACE = r"(?P<place>[\w./-]+\.[chS]:\d+)"
_CHECKER = r"BUG: (?P<title>K(?:ASAN|A[Ss]an|MSAN|CSAN|FENCE): "

_MEMORY = (
    rf"{_CHECKER}[\w -]+?) in (?:{_FUNC}|\S+)",
    rf"{_CHECKER}[\w -]+?)(?: on | at |:|$)",
    r"(?P<title>BUG: Double free or freeing an invalid pointer)",
    r"(?P<title>BUG (?P<cache>[\w.:-]+) \([^)]*\): (?P<damage>[\w ]*\w))",
    r"(?P<title>slab error in \w+\(\): cache [`'][^']*': .*)",
    r"(?P<title>Slab corruption(?: \([^)]*\))?: [\w.:-]+)",
    r"(?P<title>BUG: Bad (?:page (?:state|map|cache)|rss-counter state))",
    r"(?P<title>list_(?:add|del) (?:corruption|double add))",
    r"(?P<title>refcount_t: [^.]*)",
    r"(?P<title>ODEBUG: \w[\w ]*?)(?: \(active state \d+\))? object",
)
_MEMORY_FAULTS = (r"(?P<title>KASAN: [\w -]+?) in range ",)
_FATAL = (
    rf"(?P<title>BUG: failure at (?P<place>[\w./-]+:\d+)/{_FUNC}\(\)!)",
    rf"(?P<title>{PANIC_WORDS}: stack-protector: Kernel stack is corrupted in: {_FUNC})",
    rf"(?P<title>{PANIC_WORDS}: stack-protector: Kernel stack is corrupted) in",
)
_FATAL_FAULTS = (
    r"(?P<title>kernel BUG at (?P<place>[\w./-]+:\d+))!",
    r"(?P<title>BUG: unable to handle [\w -]+?)(?: at | for address|$)",
    r"(?P<title>BUG: kernel NULL pointer dereference)",
    r"(?P<title>Unable to handle kernel [\w -]+?)(?: at |$)",
    r"(?P<title>BUG: (?:TASK )?(?:IRQ )?stack guard page was hit)",
    r"(?P<title>double fault)",
    r"(?P<title>general protection fault)",
    r"(?P<title>divide error|stack segment|alignment check|segment not present): .*\[#\d",
    r"(?P<title>Kernel mode fault) at addr",
)
_LOCKUPS = (
    r"(?P<title>BUG: soft lockup)",
    r"(?P<title>BUG: workqueue lockup)",
    r"(?i)(?P<title>watchdog detected hard lockup)",
    r"(?P<title>INFO: rcu_\w+ (?:self-detected stall|detected (?:expedited )?stalls))",
)
_WARNING = (
    rf"(?P<title>UBSAN: [\w -]+ in [./]*{_PLACE})",
    rf"(?P<title>WARNING: .*?\bat {_PLACE} {_FUNC})",
    rf"(?P<title>WARNING: {_PLACE} at {_FUNC})",
    rf"(?P<title>WARNING: .*?\bat {_PLACE})",
    r"(?P<title>unregister_netdevice: waiting for \S+ to become free)",
    r"(?P<title>WARNING: kernel stack (?:regs|frame pointer)) at",
    r"(?P<title>BUG: memory leak|\d+ new suspected memory leaks)",
)
_MISUSE = (r"(?P<title>BUG: using \w+\(\) in preemptible)",)
_LOCKDEP = (
    r"(?:possible|suspicious|inconsistent|bad|held|lock held|trying to register|"
    r"Invalid wait|SOFTIRQ-|HARDIRQ-|Nested lock|lock)\b[^\]!:]*?)[\]!:. ]*$"
)
_LOCKING = (
    rf"(?P<title>(?:WARNING|INFO): {_LOCKDEP}",
    r"(?P<title>INFO: task .* blocked (?:for more than \d+ seconds|in I/O wait))",
)
_LOCKING_BUGS = (
    rf"(?P<title>BUG: {_LOCKDEP}",
    r"(?P<title>BUG: scheduling while atomic)",
    rf"(?P<title>BUG: sleeping function called from invalid context(?: at {_PLACE})?)",
    r"(?P<title>BUG: \w*lock [a-z ]+?)(?: on CPU|,|$)",
)
_OTHER = (r"(?P<title>WARNING: \S.*)", r"(?P<title>INFO: (?:possible|suspicious|trying to register|task|rcu).*)")
_OTHER_FATAL = (r"(?P<title>BUG: [^,:]*\w)", r"(?P<title>Internal error: (?!Oops).*?):? \[#\d")
_CONSEQUENCE = (
    rf"(?P<title>{PANIC_WORDS}: (?:BUG!|Fatal exception.*"
    r"|(?:\w*[.:] ?)?(?:kasan\.fault=panic|panic_on_\w+)(?: set)?\b.*"
    r"|hung_task: .*|softlockup: .*|RCU Stall.*|Oops.*|Hard LOCKUP.*|Aiee, killing.*"
    r"|Attempted to kill (?:init|the idle task|[\w ]*).*))",
)
_CONSEQUENCE_FAULTS = (r"(?P<title>Oops\b[^\[]*\w)", r"(?P<title>invalid opcode|Internal error): ")

# The first one that matches a line counts.
FORMATS = tuple(
    Format(rank, re.compile(pattern), faults, waits, damages)
    for rank, patterns, faults, waits, damages in (
        (Rank.MEMORY, _MEMORY, False, False, True),
        (Rank.MEMORY, _MEMORY_FAULTS, True, False, True),
        (Rank.FATAL, _FATAL, False, False, True),
        (Rank.FATAL, _FATAL_FAULTS, True, False, True),
        (Rank.FATAL, _LOCKUPS, True, True, True),
        (Rank.WARNING, _WARNING, False, False, False),
        (Rank.WARNING, _MISUSE, False, False, True),
        (Rank.WARNING, _LOCKING, False, True, False),
        (Rank.WARNING, _LOCKING_BUGS, False, True, True),
        (Rank.WARNING, _OTHER, False, False, False),
        (Rank.FATAL, _OTHER_FATAL, True, False, True),
        (Rank.CONSEQUENCE, _CONSEQUENCE, False, False, False),
        (Rank.FATAL, (rf"(?P<title>{PANIC_WORDS}: .*)",), False, False, True),
        (Rank.CONSEQUENCE, _CONSEQUENCE_FAULTS, True, False, True),
        (Rank.TRACE, (r"(?P<title>Call Trace):",), False, False, False),
    )
    for pattern in patterns
)

# Before Linux 5.0, the line of UBSAN does not say what happened; a line after it does.
UNDEFINED = {
    "shift exponent": "shift-out-of-bounds", "is out of range for type": "array-index-out-of-bounds",
    "signed integer overflow": "signed-integer-overflow", "division": "division-overflow",
    "is not a valid value for type": "invalid-load", "null pointer": "null-ptr-deref",
    "misaligned": "misaligned-access", "insufficient space": "object-size-mismatch",
    "object of size": "object-size-mismatch",
}  # fmt: skip
