"""The boot of a kernel over time."""

from __future__ import annotations

from lkltest.sessionreport import timeline

BOOT = "".join(f"[    {number / 100:.6f}] message {number}\n" for number in range(12)) + "[    0.500000] last\n"


def test_the_longest_gap_is_found() -> None:
    """The time between two messages belongs to the one before it."""
    seconds, before, after = timeline.gaps(timeline.boot(BOOT))[0]
    assert (round(seconds, 2), before.text, after.text) == (0.39, "message 11", "last")


def test_a_log_that_is_no_boot_has_no_picture() -> None:
    """A point's few messages, late ones, and lines without stamps are not taken for a boot."""
    assert timeline.boot("\n".join(BOOT.splitlines()[:9])) == []
    assert timeline.boot(BOOT.replace("[    0.", "[    7.")) == []
    assert timeline.boot(BOOT.replace("[    0.", "(    0.")) == []


def test_a_second_boot_ends_the_first() -> None:
    """Time that runs backwards is another kernel's."""
    assert len(timeline.boot(BOOT + BOOT)) == 13


def test_messages_cannot_break_the_picture() -> None:
    """A message with HTML in it is text."""
    assert "<script>" not in timeline.picture(timeline.boot(BOOT.replace("last", "<script>")))
