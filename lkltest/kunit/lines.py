"""Lines of a kernel's console, and what they say of its state."""

from __future__ import annotations

import re

from lkltest import klog

ESCAPE = re.compile(klog.ESCAPE_PATTERN)
STAMP = re.compile(klog.STAMP_PATTERN)
POISON = re.compile(klog.POISON_PATTERN)
WARNING = re.compile(klog.WARNING_PATTERN)
SANITIZER = re.compile(klog.SANITIZER_PATTERN)


def text_of(line: str) -> str:
    """A line without its end, escape sequences and printk's time stamp; its indentation stays."""
    return STAMP.sub("", ESCAPE.sub("", line.rstrip("\r\n")), count=1)


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
