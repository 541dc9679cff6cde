"""Streams of every dialect, with a failure or without, and what happens to them on their way into a log."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

FAILURE = "!"


class Line(NamedTuple):
    """A line of a stream; the failure is never cut, deleted or doubled."""

    text: bytes
    failure: bool = False


def _sources() -> dict[str, str]:
    whole = Path(__file__).with_name("sources.txt").read_text(encoding="utf-8")
    parts = re.split("^== ", whole, flags=re.MULTILINE)[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


# Streams as their producers print them. ! marks the point that fails at top level; between << and >> stands what only
# the failing stream has.
SOURCES = _sources()

NOISE = b"""\
random: crng init done
usb 1-1: device descriptor read/64, error -71
note: that is not ok, but no test line
    a line that is indented
systemd[1]: Started Session 2 of user root.
\tCPU: 0 PID: 1 Comm: init
okay
-----[ cut here ]-----
+ make check
PASS: all
* item
warning: 1..2 of them
{
}
---
...
Linux version 6.12.0 (gcc 14)
Reading state information...
[    5.123456] e1000 0000:00:03.0: link is up
  nothing
==> ok
1..
ok!
x = [1, 2]
TAP
usb ok 1 of 2
<6>audit: type=1400
""".split(b"\n")  # an empty line is one of them

REMARKS = b"""\
# Starting server
#  RUN\x20\x20
#  RUN           global.x ...
# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:0 error:0
# Subtest
# Subtest: other
    # Subtest: other
    KTAP version 1
  KTAP version 1
        KTAP version 1
# selftests: net: other
# Starting 2 tests from 1 test cases.
# timeout set to 45
\t# Subtest: tabbed
# TAP version 13
# KTAP version 1
# 1..2
# ok 1 sub
# # ok 1 sub
# running 2 join
#
# all good
# selftests:
# PASSED: 3 / 3 tests passed.
# Started on Sat Nov 28
# Starting class: TestC
    # module: x
    # alpha: pass:1 fail:0 skip:0 total:1
    1..1
    ok 1 child
        ok 1 - child
  ok 1 child
pragma -strict
    TAP version 14
    TAP version 13
""".split(b"\n")  # an empty line is one of them

MESSAGES = b"""\
usb 1-1: device descriptor read/64, error -71
random: crng init done
[  239.100001] usb 1-1: new device
[    5.000001][   T12] EXT4-fs (vda): mounted
<6>[    9.123456] e1000: eth0 NIC Link is Up
Booting paravirtualized kernel
audit: type=1400 audit(1.2:3): apparmor
NET: Registered PF_VSOCK
""".splitlines()


PREFIXES: dict[str, Callable[[int], bytes]] = {
    "syslog": lambda n: b"Mar  2 10:%02d:%02d devbox kernel: " % (n // 60 % 60, n % 60),
    "syslog with stamps": lambda n: b"Nov  9 10:00:%02d uml kernel: [%5d.%06d] " % (n % 60, n * 3, n * 7919 % 1000000),
    "journal": lambda n: b"Mar 02 10:11:%02d devbox tests.sh[%d]: " % (n % 60, 996 + n * 7 % 11 * n),
    "journal iso": lambda n: b"2026-07-01T19:33:%02d+0200 devbox run-tests[%d]: " % (n % 60, 98 + n),
    "journal monotonic": lambda n: b"[%12.6f] devbox kernel: " % (9.9 + n),
    "level": lambda _: b"<6>",
    "level and stamp": lambda n: b"<6>[%12.6f] " % (9.9 + n / 7),
    "stamp": lambda n: b"[%12.6f] " % (9.95 + n / 100),
    "short stamp": lambda n: b"[ %.2f] " % (0.08 + n / 3),
    "stamp and thread": lambda n: b"[%12.6f][%6s] " % (9.95 + n / 100, b"T%d" % (n + 98)),
    "dmesg -e": lambda n: b"[Nov28 13:36] " if n == 0 else b"[  +%.6f] " % (9.9 + n / 10),
    "dmesg -T": lambda n: b"[Sat Nov 28 13:36:%02d 2026] " % (n % 60),
    "dmesg -x": lambda n: b"kern  :info  : [%12.6f] " % (9.95 + n / 100),
    "console": lambda _: b"console| ",
    "label": lambda _: b"uml-1> ",
    "iso": lambda n: b"2026-07-01T19:33:%02d.%07dZ " % (24 + n // 100 % 30, n * 17),
    "github": lambda n: b"build\tRun tests\t2026-07-01T19:33:24.%07dZ " % (n * 17),
    "gitlab": lambda n: b"2026-07-01T19:33:24.%06dZ 00O " % (n * 17),
    "compose": lambda _: b"web-1  | ",
    "compose colored": lambda _: b"\x1b[36mweb-1  | \x1b[0m",
    "buildkit": lambda n: b"#8 %.3f " % (0.41 + n * 0.7),
    "buildkite": lambda n: b"\x1b_bk;t=17%d\x07" % (9 ** n % 10**9),
    "azure": lambda n: b"2026-07-01T19:33:24.%07dZ \x1b[0m" % (n * 17),
    "osc": lambda _: b"\x1b]0;make check\x07",
    "jenkins": lambda n: b"[2026-07-01T19:33:24.%03dZ] " % n,
    "jenkins clock": lambda n: b"%02d:%02d:%02d  " % (9 + n // 40, n % 60, n * 7 % 60),
    "lava": lambda n: b"2026-07-01T19:33:24.%06d " % (n * 17),
    "ctest": lambda _: b"1: ",
    "padded number": lambda n: b"%3d: " % (n + 8),
    "compose with time": lambda n: b"web-1  | 2026-07-01T19:33:24.%09dZ " % n,
    "uptime and thread": lambda n: b"[%5.1f][%6s] " % (9.9 + n * 3.7, b"T%d" % (n + 98)),
    "bracket": lambda n: b"[%d] " % (8 + n // 9),
    "airflow": lambda n: b"[2026-07-01, 19:33:%02d UTC] {subprocess.py:93} INFO - " % (n % 60),
    "logcat": lambda n: b"07-01 19:33:%02d.%03d  %d  2395 D TAG: " % (n % 60, n * 37 % 1000, 995 + n),
    "label in brackets": lambda _: b"[step-unit-test] ",
    "quote": lambda _: b"> ",
    "monitor": lambda _: b"(qemu) ",
    "line of a terminal": lambda _: b"ttyS0: ",
    "seconds": lambda n: b"%.6f " % (n * 1.7),
    "days": lambda n: b"00:00:00:%02d " % (n % 60),
    "indented": lambda _: b"  ",
    "none": lambda _: b"",
}  # fmt: skip


def source(name: str, *, failing: bool) -> list[Line]:
    """The lines of a producer's stream, with its failure or without."""
    text = re.sub(r"<<(.*?)>>", r"\1" if failing else "", SOURCES[name], flags=re.DOTALL)
    return [
        Line(line.removeprefix(FAILURE).encode(), failing and line.startswith(FAILURE)) for line in text.splitlines()
    ]


# Damage: what may happen to a failing stream. The failure stays whole, unless it is torn.


def cut_head(rng: random.Random, lines: list[Line]) -> list[Line]:
    """Lose the beginning, as a ring buffer does."""
    return lines[rng.randint(0, next(at for at, line in enumerate(lines) if line.failure)) :]


def cut_tail(rng: random.Random, lines: list[Line]) -> list[Line]:
    """Lose the end."""
    last = max(at for at, line in enumerate(lines) if line.failure)
    return lines[: rng.randint(last + 1, len(lines))]


def delete(rng: random.Random, lines: list[Line]) -> list[Line]:
    """Lose some lines."""
    share = rng.choice((0.05, 0.2, 0.5))
    return [line for line in lines if line.failure or rng.random() > share]


def double(rng: random.Random, lines: list[Line]) -> list[Line]:
    """Print some lines twice."""
    return [each for line in lines for each in [line] * (1 if line.failure or rng.random() > 0.1 else 2)]


def add_noise(rng: random.Random, lines: list[Line]) -> list[Line]:
    """Put lines of others between."""
    return _add(rng, lines, NOISE)


def add_remarks(rng: random.Random, lines: list[Line]) -> list[Line]:
    """Put comments between that mean something to some dialect."""
    return _add(rng, lines, REMARKS)


def _add(rng: random.Random, lines: list[Line], others: list[bytes]) -> list[Line]:
    found = list(lines)
    for _ in range(rng.randint(1, 4)):
        found.insert(rng.randint(0, len(found)), Line(rng.choice(others)))
    return found


def tear(rng: random.Random, lines: list[Line]) -> list[Line]:
    """Let the kernel write into the middle of the failure."""
    found = []
    for line in lines:
        if line.failure:
            messages = [Line(rng.choice(MESSAGES)) for _ in range(rng.randint(1, 3))]
            first, rest = line.text[:4], line.text[4:]
            if rng.random() < 0.2:  # on a line of its own
                found += [Line(first.strip()), *messages[:1]]
            else:
                found += [Line(first + messages[0].text), *messages[1:]]
            found.append(Line(rest, failure=True))
        else:
            found.append(line)
    return found


DAMAGES = (cut_head, cut_head, cut_tail, delete, delete, double, add_noise, add_remarks, add_remarks)


def color(rng: random.Random, lines: list[Line]) -> list[Line]:
    """Color lines by their results."""
    some = rng.choice(((b"ok", b"not ok"), (b"not ",)))
    return [
        line._replace(text=(b"\x1b[31m" if line.failure else b"\x1b[32m") + line.text + b"\x1b[0m")
        if line.text.startswith(some)
        else line
        for line in lines
    ]


def dress(rng: random.Random, lines: list[Line], prefix: str) -> bytes:
    """Write lines into a log, behind a prefix."""
    if rng.random() < 0.2:
        lines = color(rng, lines)
    make = PREFIXES[prefix]
    end = rng.choice((b"\n", b"\n", b"\n", b"\r\n"))
    return b"".join(make(number) + line.text + end for number, line in enumerate(lines))


class Mutant(NamedTuple):
    """A stream as it came into a log."""

    name: str  # of its source and its prefix
    data: bytes
    sizes: tuple[int, ...]  # of the pieces in which it is read


def failing(seed: str) -> Mutant:
    """Make a log in which a failure at top level survives."""
    rng = random.Random(seed)
    name, prefix = rng.choice(list(SOURCES)), rng.choice(list(PREFIXES))
    lines = source(name, failing=True)
    for damage in rng.sample(DAMAGES, rng.randint(0, 4)):
        lines = damage(rng, lines)
    if rng.random() < 0.25:
        lines = tear(rng, lines)
    return Mutant(f"{name}, {prefix}", dress(rng, lines, prefix), _sizes(rng))


def passing(seed: str) -> Mutant:
    """Make a log of a stream that passes, which was neither damaged nor mixed with others."""
    rng = random.Random(seed)
    while True:
        name, prefix = rng.choice(list(SOURCES)), rng.choice(list(PREFIXES))
        vague = name in ("numberless-bare", "catch2-warning") or prefix in ("label", "indented")
        if "TAP version" in SOURCES[name] or not vague:
            break  # without a version line there must be more to know a prefix by
    return Mutant(f"{name}, {prefix}", dress(rng, source(name, failing=False), prefix), _sizes(rng))


def _sizes(rng: random.Random) -> tuple[int, ...]:
    return (1 << 20,) if rng.random() < 0.7 else tuple(rng.randint(1, 80) for _ in range(5))
