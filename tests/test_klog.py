"""A bad end on a kernel's console, in a few words and lines."""

from __future__ import annotations

import re

import pytest

from lkltest import expressions
from lkltest.cc import HARNESS
from lkltest.klog import (
    BARE_STAMP,
    COMPLAINTS,
    LAST_LINES,
    PHRASES,
    STAMP,
    WORDS,
    complains,
    has_halted,
    last_lines,
    panic,
)
from lkltest.kunit.lines import text_of
from lkltest.tap import console
from lkltest.tap.console import is_stamped
from lkltest.tap.prefix import ANY_PRINTK
from lkltest.uml.text import Unstamped

MESSAGE = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300"
STACK = b"".join(b" [<%08x>] ? do_exit+0x22a/0xa47\n" % number for number in range(40))
CONSOLE = b"boot\n" * 30 + b"led to it\r\n[    1.500000] " + MESSAGE.encode() + b"\r\nCall Trace:\n" + STACK


def test_panic_is_the_kernels_message() -> None:
    """The message is found behind a timestamp, without CR, and the line that repeats it is not taken for it."""
    again = b"---[ end " + MESSAGE.encode() + b" ]---\n"
    assert panic(CONSOLE + again) == MESSAGE
    assert panic(b"half a line" + MESSAGE.encode()) == MESSAGE


def test_no_panic() -> None:
    """A command line that speaks of a panic is none."""
    assert panic(b"Kernel command line: panic=1\nRebooting\n") == ""


def test_last_lines_show_the_panic() -> None:
    """However long the stack, the message and what led to it are among the lines that are shown."""
    shown = last_lines(CONSOLE).splitlines()
    assert len(shown) == LAST_LINES
    assert any(line.endswith(MESSAGE) for line in shown)
    assert "led to it" in shown


def test_last_lines_without_a_panic() -> None:
    """Without a panic the end is shown, blank lines and the crash's raw lines left out."""
    console = b"".join(b"line %d\n" % number for number in range(50)) + b"lkltest: signal 1 SIGSEGV 0x0\n\n \n"
    shown = last_lines(console).splitlines()
    assert shown == [f"line {number}" for number in range(50 - LAST_LINES, 50)]


def test_the_harness_has_the_same_lists() -> None:
    """The words and phrases of lkltest/internal/console.h are those of the Python side, in the same order."""
    source = (HARNESS / "lkltest/internal/console.h").read_text()
    rule = source[source.index("LKLTEST_FN int lkltest_complains(") :].partition("size_t i;")[0]
    words, phrases = (re.findall(r'"([^"]+)"', items) for items in re.findall(r"\{([^{}]*)\}", rule))
    assert (tuple(words), tuple(phrases)) == (WORDS, PHRASES)


LINES = {
    "WARNING:": "WARNING: CPU: 0 PID: 1 at kernel/x.c:3 f+0x1/0x2", "BUG:": "BUG: sleeping function called from x",
    "BUG at": "kernel BUG at mm/slab.c:12!", "kernel BUG": "kernel BUG at mm/slab.c:12!", "Oops": "Oops: 0002 [#1] SMP",
    "KASAN:": "BUG: KASAN: use-after-free in f+0x1/0x2", "UBSAN:": "UBSAN: shift-out-of-bounds in a.c:1:2",
    "Kernel panic": "Kernel panic - not syncing: No init found", "Call Trace:": "Call Trace:",
    "INFO: possible": "INFO: possible recursive locking detected", "INFO: suspicious": "INFO: suspicious RCU usage.",
    "INFO: trying to register": "INFO: trying to register non-static key.",
    "INFO: task": "INFO: task a:1 blocked for more than 120 seconds.",
    "INFO: rcu": "INFO: rcu_sched self-detected stall",
    "general protection": "general protection fault: 0000 [#1]", "Unable to handle kernel": "Unable to handle kernel x",
}  # fmt: skip


@pytest.mark.parametrize("part", COMPLAINTS)
def test_the_fuzzer_finds_nothing_that_is_no_complaint(part: str) -> None:
    """Each part of a line that the fuzzer searches for belongs to a line that fails a point, too."""
    assert part in LINES[part]
    assert complains(LINES[part])


@pytest.mark.parametrize("line", [
    "Warning: unable to open an initial console", "KASAN_SHADOW_START : 0x1", "debugging is on",
])  # fmt: skip
def test_a_clean_line_is_no_complaint(line: str) -> None:
    """Case and the ends of words count."""
    assert not complains(line)


STAMPS = ("[    1.234567] ", "[12345.678901][    T1] ", "[    0.000000][  C12] ")


@pytest.mark.parametrize("stamp", STAMPS)
def test_a_stamp_is_one_everywhere(stamp: str) -> None:
    """The parser of TAP, UML's console and the reader of KUnit take the same stamps of printk off a line."""
    line = f"{stamp}ok 1 - a"
    assert STAMP.sub(b"", line.encode()) == b"ok 1 - a"
    assert (text_of(line), Unstamped().feed(line, final=True)) == ("ok 1 - a", "ok 1 - a")
    assert is_stamped(line.encode())
    assert re.fullmatch(ANY_PRINTK.pattern, stamp.encode())


def test_a_stamp_inside_a_line_differs_in_its_digits_only() -> None:
    """A stamp in the middle of a line of TAP has six digits, as printk prints them; the rest is the same pattern."""
    wanted = BARE_STAMP.replace(r"\.\d++", r"\.\d{6}") + " "
    assert console._pattern("stamp").pattern == expressions.compile(wanted.encode()).pattern


def test_a_halt_is_the_last_line() -> None:
    """The kernel has halted where nothing but blanks comes behind its word."""
    halted = b"[    1.400000] reboot: System halted"
    assert has_halted(halted + b"\r\n")
    assert not has_halted(halted + b"\nKernel panic - not syncing: Segfault with no mm\n")
    assert not has_halted(b"")
