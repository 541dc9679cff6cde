"""Time of the bare boot program beside that of `pytest suites/boot`, everything cached, in one run.

Usage: python benchmarks/boot.py [--lkl PATH] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lkltest import liblkl
from lkltest.host import process
from lkltest.program import Program
from lkltest.program.launch import prepare
from lkltest.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
EMPTY = "import pytest\n\n@pytest.mark.parametrize('n', range(36))\ndef test_nothing(n): pass\n"


def seconds(command: list[str], env: dict[str, str] | None = None) -> float:
    """Wall time of a command, which must succeed."""
    start = time.perf_counter()
    done = process.run(command, cwd=ROOT, env=env)
    if not done.ok:
        sys.exit(f"{process.command(command)}: {done.describe()}\n{done.output.decode()}{done.errors.decode()}")
    return time.perf_counter() - start


def pytest(*arguments: str, plugins: bool = False) -> tuple[list[str], dict[str, str]]:
    """A pytest command that loads lkltest's plugin alone, or (`plugins`) all that are installed."""
    alone = [] if plugins else ["-p", "lkltest.plugin"]
    env = {} if plugins else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *alone, *arguments]
    return command, {"PYTHONHASHSEED": "0", **env}


def main() -> None:
    """Measure in turns, so that a noisy machine is noisy to all alike, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lkl", default=None)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    settings = Settings.load({"lkl": [arguments.lkl] if arguments.lkl else None})
    kernel = liblkl.find(settings.lkl[0], settings) if settings.lkl else liblkl.default(settings)
    chosen = ["--lkl", str(kernel.path)] if arguments.lkl else []

    with tempfile.TemporaryDirectory() as scratch:
        boot = prepare(Program("boot.c"), ROOT / "suites/boot/boot.c", kernel, [], settings, Path(scratch, "root"))
        empty = Path(scratch, "test_empty.py")
        empty.write_text(EMPTY, encoding="utf-8")
        nothing = [str(empty), "--rootdir", scratch, "-c", os.devnull]
        without = ([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *nothing],
                   {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
        cases: dict[str, Callable[[], float]] = {
            "the bare program": lambda: seconds(list(boot.argv)),
            "pytest suites/boot": lambda: seconds(*pytest("suites/boot", *chosen)),
            "pytest suites/boot, all plugins": lambda: seconds(*pytest("suites/boot", *chosen, plugins=True)),
            "pytest, 36 empty tests, lkltest": lambda: seconds(*pytest(*nothing)),
            "pytest, 36 empty tests, no plugin": lambda: seconds(*without),
        }
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(arguments.rounds + 1):  # the first round fills caches
            for name, case in cases.items():
                times[name].append(case())
    median = {name: statistics.median(values[1:]) for name, values in times.items()}
    print(f"kernel {kernel.name}, medians of {arguments.rounds} rounds")
    for name, value in median.items():
        print(f"{name:36}{value:8.3f} s")
    bare, whole, loaded, unloaded = (median[name] for name in (
        "the bare program", "pytest suites/boot",
        "pytest, 36 empty tests, lkltest", "pytest, 36 empty tests, no plugin"))
    print(f"{'pytest suites/boot above the program':36}{whole - bare:8.3f} s   (to reach: 0.30)")
    print(f"{'loading the plugin':36}{loaded - unloaded:8.3f} s   (to reach: 0.02)")


if __name__ == "__main__":
    main()
