"""The time that the bench adds to that of a bare UML: boot, a TAP stream, power off.

Usage: python benchmarks/uml.py [LINUX ...] (default: the installed linux.uml)
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lkltest import cc
from lkltest.host import process
from lkltest.settings import Settings
from lkltest.uml import Uml, booted, command, find
from lkltest.uml.machine import TERMINAL, directory

ROUNDS = 7

INIT = r"""
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
	puts("TAP version 13\n1..1\nok 1 boots");
	fflush(stdout);
	sync();
	return reboot(RB_POWER_OFF);
}
"""


def bare(uml: Uml, init: Path) -> None:
    """The bare command, as a user types it, on a terminal of `script`'s."""
    with directory() as place:
        guarded = command(uml, init, place, consoles=TERMINAL)
        words = guarded[guarded.index(str(uml.path)) :]
        done = process.run(["script", "-qec", process.command(words), "/dev/null"], cwd=place, timeout=60)
        assert b"ok 1 boots" in done.output, done


def on_console(uml: Uml, init: Path) -> None:
    """The same on a console of the bench."""
    with booted(uml, init) as console:
        console.expect("^ok 1 boots$")
        assert console.wait().ok


def as_program(uml: Uml, init: Path) -> None:
    """The same by pipes, as test programs are run."""
    with directory() as place:
        done = process.run(command(uml, init, place), timeout=60, merge=True)
        assert b"ok 1 boots" in done.output, done


def median(run: Callable[[Uml, Path], None], uml: Uml, init: Path) -> float:
    """The median time of some runs, in seconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run(uml, init)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    """Print a line for each UML."""
    settings = Settings.load({})
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "tap.c"
        source.write_text(INIT, encoding="utf-8")
        init = cc.compile_native(source, settings)
        for uml in [find(Path(name), settings) for name in sys.argv[1:]] or [find(None, settings)]:
            times = [median(run, uml, init) for run in (bare, on_console, as_program)]
            print(f"{uml.name}: bare {times[0]:.2f} s, on a console {times[1]:.2f} s, as a program {times[2]:.2f} s")


if __name__ == "__main__":
    main()
