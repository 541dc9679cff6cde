"""The time of suites/tree beside that of the shell entries of a tree's own tests, for the same programs.

Usage: python benchmarks/suites.py TREE [--runs N]

TREE is a built LKL tree that has tests of its own. What is compared, each the median of N alternating runs, serially
and with warm caches: the shell entries by themselves (without run.py, which only adds to them), pytest on
suites/tree for the same programs, and pytest on an empty test, which is its own start.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lkltest import liblkl
from lkltest.errors import LkltestError, UsageError
from lkltest.host import process

ENTRIES = ("boot.sh", "disk.sh -t ext4", "disk.sh -t vfat", "net.sh -b loopback")
SUITE = Path(__file__).parent.parent / "suites" / "tree" / "test_tree.py"
SAME = ("boot", "disk", "net")  # the programs of these entries
WHOLE, ALONE = 0.65, 0.45  # of the shell entries' time, to reach: with pytest's own start, and without
TIMEOUT = 300.0


def seconds(argv: list[str], directory: Path, env: Mapping[str, str] | None = None) -> float:
    """The wall time of a command that must succeed; raises UsageError with its last words where it does not."""
    done = process.run(argv, cwd=directory, env=env, timeout=TIMEOUT, merge=True)
    if not done.ok:
        said = done.output.decode(errors="backslashreplace")[-2000:]
        raise UsageError(f"{process.command(argv)} in {directory}: {done.describe()}\n{said}")
    return done.seconds


def shell_entries(tests: Path) -> float:
    """The wall time of the tree's own entries, one after another."""
    total = 0.0
    for entry in ENTRIES:
        name, *arguments = entry.split()
        total += seconds(["bash", str(tests / name), *arguments], tests)
    return total


def pytest(*arguments: str, directory: Path) -> float:
    """The wall time of one pytest run, with Python's own cache as a user has it, whatever our environment says."""
    env = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(directory / "pycache")}
    return seconds([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments], directory, env)


def measure(tree: Path, runs: int) -> dict[str, list[float]]:
    """The times of each contestant, in turn, so that what else the machine does hits all of them."""
    tests = liblkl.find(tree).tests
    if tests is None:
        raise UsageError(f"{tree} has no tests of its own (no tools/lkl/tests): name a built tree that has")
    if not (tests / "boot").exists():
        raise UsageError(f"the tests of {tests} are not built: run make -C {tests.parent}")
    times: dict[str, list[float]] = {"shell": [], "suite": [], "start": []}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        empty = directory / "test_empty.py"
        empty.write_text("def test_empty() -> None:\n    pass\n", encoding="utf-8")
        ours = [*(f"{SUITE}::{name}" for name in SAME), f"--lkl={tree}", "-k", "not btrfs and not xfs"]
        pytest(*ours, directory=directory)  # compiles the programs
        for _ in range(runs):
            times["shell"].append(shell_entries(tests))
            times["suite"].append(pytest(*ours, directory=directory))
            times["start"].append(pytest(str(empty), directory=directory))
    return times


def main() -> int:
    """Measure and print; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path, metavar="TREE")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    options = parser.parse_args()
    try:
        times = measure(options.tree.absolute(), max(1, options.runs))
    except LkltestError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    shell, suite, start = (statistics.median(times[name]) for name in ("shell", "suite", "start"))
    whole, alone = suite / shell, (suite - start) / shell
    print(f"{', '.join(ENTRIES)}: the median of {len(times['shell'])} runs")
    print(f"shell entries                   {shell:6.2f} s")
    print(f"suites/tree, the same programs  {suite:6.2f} s  {whole:4.2f} of it (to reach: {WHOLE})")
    print(f"without pytest's own start      {suite - start:6.2f} s  {alone:4.2f} of it (to reach: {ALONE})")
    return 0 if whole <= WHOLE and alone <= ALONE else 1


if __name__ == "__main__":
    sys.exit(main())
