"""Lines of a kernel's console, and what they say of its state."""

from __future__ import annotations

from lkltest import expressions, klog

ESCAPE = expressions.compile(klog.ESCAPE_PATTERN)
STAMP = expressions.compile(klog.STAMP_PATTERN)
POISON = expressions.compile(klog.POISON_PATTERN)
WARNING = expressions.compile(klog.WARNING_PATTERN)
SANITIZER = expressions.compile(klog.SANITIZER_PATTERN)


def text_of(line: str) -> str:
    """A line without its end, escape sequences and printk's time stamp; its indentation stays."""
    return parts_of(line)[1]


def parts_of(line: str) -> tuple[float | None, str]:
    """The time of printk's stamp, in the kernel's seconds, None where the line has none; and the text (`text_of`)."""
    plain = ESCAPE.sub("", line.rstrip("\r\n"))
    stamp = STAMP.match(plain)
    return (float(stamp[0][1:].partition("]")[0]), plain[stamp.end() :]) if stamp else (None, plain)


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
