"""What a kernel's console says of a bad end, in a few words and lines."""

from __future__ import annotations

from lkltest.klog import LAST_LINES, last_lines, panic

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
