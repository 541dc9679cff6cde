"""Time KUnit tests: ours in one kernel and in two, beside kunit.py's own `exec`, on one kernel that is built already.

Usage: python benchmarks/kunit.py TREE BUILD [ROUNDS]

BUILD is the directory in which TREE's kunit.py has built a UML (`kunit.py build --build_dir BUILD`).
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from lkltest import process


def timed(argv: list[str], tree: Path) -> float:
    """The seconds that a command takes in the tree."""
    started = time.monotonic()
    done = process.run(argv, cwd=tree, env={"PYTHONDONTWRITEBYTECODE": "1"}, merge=True)
    if not done.ok:
        sys.exit(f"{process.command(argv)}: {done.describe()}\n{done.output.decode(errors='replace')[-2000:]}")
    return time.monotonic() - started


def main(tree: Path, build: Path, rounds: int) -> None:
    """Print the median of the rounds, whose commands take turns."""
    ours = [sys.executable, "-m", "lkltest", "kunit", "--uml", str(build / "linux"), "-q"]
    theirs = [sys.executable, "tools/testing/kunit/kunit.py", "exec", "--build_dir", str(build)]
    commands = {"kunit.py exec": theirs, "lkltest kunit": ours, "lkltest kunit --jobs 2": [*ours, "--jobs", "2"],
                "one boot, listing": [*theirs, "--list_tests"]}  # fmt: skip
    timed(ours, tree)  # lists the cases, and learns how long each takes
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, argv in commands.items():
            times[name].append(timed(argv, tree))
    base = statistics.median(times["kunit.py exec"])
    for name, each in times.items():
        middle = statistics.median(each)
        print(f"{name:<24} {middle:6.2f} s  {middle / base:5.2f}  ({min(each):.2f} to {max(each):.2f})")


if __name__ == "__main__":
    if len(sys.argv) not in {3, 4}:
        sys.exit(__doc__)
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), int((sys.argv[3:] or ["3"])[0]))
