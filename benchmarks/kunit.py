"""Time KUnit tests: ours in one kernel and in two, beside kunit.py's own `exec`, on one kernel that is built already.

Usage: python benchmarks/kunit.py TREE [BUILD] [ROUNDS]

BUILD is the directory in which TREE's kunit.py has built a UML (`kunit.py build --build_dir BUILD`). Without it the
kernel is that of `lkltest kunit --tree TREE`, which is built first where it is not in the cache; then the start with a
tree in which nothing has changed is timed, too.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lkltest import process

BOUNDS = {"lkltest kunit": 1.1, "lkltest kunit --jobs 2": 0.65}  # of kunit.py's time on the wall
SMALL = "list_sort"  # a suite that takes no time: its run is a boot
NO_TRACE = {"PYTHONDONTWRITEBYTECODE": "1"}  # for kunit.py, which is in the tree
OURS = [sys.executable, "-m", "lkltest", "kunit"]

Times = dict[str, list[tuple[float, float]]]  # by the command: seconds on the wall and of the processors, a round each


def timed(argv: list[str], tree: Path) -> tuple[float, float]:
    """The seconds that a command takes in the tree: on the wall, and of the processors."""
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = process.run(argv, cwd=tree, env={} if argv[: len(OURS)] == OURS else NO_TRACE, merge=True)
    if not done.ok:
        sys.exit(f"{process.command(argv)}: {done.describe()}\n{done.output.decode(errors='replace')[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, used


def built_by_us(tree: Path) -> Path:
    """The kernel of `lkltest kunit --tree`, built where need be."""
    from lkltest.host.progress import Bar
    from lkltest.kunit import build
    from lkltest.settings import Settings

    with Bar() as bar:
        return build.build(build.Request(tree), Settings.load({}), bar).linux


def commands(tree: Path, build: Path, *, start: bool) -> dict[str, list[str]]:
    """The commands, by the names that are printed."""
    uml = [*OURS, "--uml", str(build / "linux"), "-q"]
    found = {
        "kunit.py exec": [sys.executable, "tools/testing/kunit/kunit.py", "exec", "--build_dir", str(build)],
        "lkltest kunit": uml,
        "lkltest kunit --jobs 2": [*uml, "--jobs", "2"],
        f"lkltest kunit {SMALL}": [*uml, SMALL],
        "lkltest kunit --list": [*uml, "--list"],
    }
    return found | ({"the same of the tree": [*OURS, "--tree", str(tree), "--list"]} if start else {})


def show(times: Times) -> None:
    """Print the medians of the rounds."""
    walls = {name: statistics.median(wall for wall, _ in each) for name, each in times.items()}
    print(f"{'':<24} {'wall':>8} {'of exec':>8}  processor")
    for name, each in times.items():
        share, used = walls[name] / walls["kunit.py exec"], statistics.median(used for _, used in each)
        bound = f"  at most {BOUNDS[name]}: {'yes' if share <= BOUNDS[name] else 'NO'}" if name in BOUNDS else ""
        print(f"{name:<24} {walls[name]:6.2f} s {share:8.2f} {used:8.2f} s{bound}")
    more = walls[f"lkltest kunit {SMALL}"] - walls["lkltest kunit --list"]
    print(f"one more boot takes      {more:6.2f} s")


def main(tree: Path, build: Path | None, rounds: int) -> None:
    """Time the rounds, whose commands take turns."""
    with tempfile.TemporaryDirectory() as place:
        if build is None:
            shutil.copy(built_by_us(tree), place)  # kunit.py writes beside it
        chosen = commands(tree, build or Path(place), start=build is None)
        timed(chosen["lkltest kunit"], tree)  # lists the cases, and learns how long each takes
        times: Times = {name: [] for name in chosen}
        for _ in range(rounds):
            for name, argv in chosen.items():
                times[name].append(timed(argv, tree))
        show(times)


if __name__ == "__main__":
    words = sys.argv[1:]
    count = int(words.pop()) if words and words[-1].isdecimal() else 3
    if len(words) not in {1, 2}:
        sys.exit(__doc__)
    main(Path(words[0]).absolute(), Path(words[1]).absolute() if words[1:] else None, count)
