"""A program of many points beside as many empty tests of Python's, and what a session without programs pays for us.

Usage: python benchmarks/scale.py [--points N...] [--runs N]

Each figure is the processor time of whole pytest sessions and their children, the median of N alternating runs with
warm caches, so that a busy machine slows nobody. The peer is one empty test, parametrized over as many numbers as the
program has items, in a session without this plugin. Hypothesis's own plugin, which loads it at the end of a session,
is in none of them.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
from pathlib import Path

from lkltest.errors import LkltestError, UsageError
from lkltest.host import process

COLLECT, RUN, LOAD = 1.0, 1.5, 1.05  # to reach: seconds of collecting 5,003 items, of the peer's run, of an empty run
ITEMS = 5003
TIMEOUT = 3600.0  # seconds, of one session
ALONE = ("-p", "no:lkltest")

PROGRAM = """#include <lkltest.h>
{points}
LKLTEST_POINTS = {{
{entries}
}};
int main(int argc, char **argv) {{ return lkltest_main(argc, argv); }}
"""


def write_tests(directory: Path, points: int) -> None:
    """Write a program of `points` points with its suite, its peer, and an empty test."""
    names = [f"point_{number}" for number in range(points)]
    text = PROGRAM.format(
        points="\n".join(f"POINT({name}) {{ CHECK_EQ(1, 1); }}" for name in names),
        entries="\n".join(f"\tLKLTEST({name})," for name in names),
    )
    (directory / "many.c").write_text(text, encoding="utf-8")
    suite = 'from lkltest import Program\n\nmany = Program("many.c")\n'
    (directory / "test_program.py").write_text(suite, encoding="utf-8")
    peer = f'import pytest\n\n@pytest.mark.parametrize("number", range({points + 1}))\ndef test(number):\n    pass\n'
    (directory / "test_peer.py").write_text(peer, encoding="utf-8")
    (directory / "test_empty.py").write_text("def test():\n    pass\n", encoding="utf-8")


def seconds(directory: Path, *arguments: str) -> float:
    """The processor time of one pytest session that must pass; raises UsageError with its last words otherwise."""
    env = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(directory / "pycache")}
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments]
    before = used()
    done = process.run([sys.executable, "-m", "pytest", *options], cwd=directory, env=env, timeout=TIMEOUT, merge=True)
    if not done.ok:
        raise UsageError(f"pytest {' '.join(options)}: {done.describe()}\n{done.output[-2000:].decode()}")
    return used() - before


def used() -> float:
    """The processor time of all children that have ended, in seconds; os.times() counts whole hundredths only."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def medians(directory: Path, runs: int, sessions: dict[str, tuple[str, ...]]) -> dict[str, float]:
    """The median time of each session, run in turn; the first of each, which fills the caches, is left out."""
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for turn in range(runs + 1):
        for name, arguments in sessions.items():
            took = seconds(directory, *arguments)
            if turn:
                times[name].append(took)
    return {name: statistics.median(each) for name, each in times.items()}


def measure(points: int, runs: int) -> dict[str, float]:
    """The times of a program of `points` points, and of its peer."""
    with tempfile.TemporaryDirectory() as name:
        write_tests(Path(name), points)
        sessions: dict[str, tuple[str, ...]] = {
            "collect": ("--collect-only", "test_program.py"),
            "peer collect": (*ALONE, "--collect-only", "test_peer.py"),
            "run": ("test_program.py",),
            "peer run": (*ALONE, "test_peer.py"),
        }
        return medians(Path(name), runs, sessions)


def measure_loading(runs: int) -> tuple[float, float]:
    """The time of a session of one empty test, with this plugin and without."""
    with tempfile.TemporaryDirectory() as name:
        write_tests(Path(name), 1)
        found = medians(Path(name), runs, {"with": ("test_empty.py",), "without": (*ALONE, "test_empty.py")})
        return found["with"], found["without"]


def main() -> int:
    """Measure and print; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", default=[ITEMS - 1, 20_000], metavar="N")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    options = parser.parse_args()
    runs = max(1, options.runs)
    missed = False
    try:
        loaded, bare = measure_loading(3 * runs)
        text = f"{loaded:.3f} s with the plugin, {bare:.3f} s without, {loaded / bare:.3f} (to reach: {LOAD})"
        print(f"an empty test: {text}")
        missed |= loaded / bare > LOAD
        print(f"{'items':>8}  {'collect':>9}{'peer':>9}{'ratio':>7}  {'run':>9}{'peer':>9}{'ratio':>7}  us an item")
        for points in options.points:
            found, items = measure(points, runs), points + 1
            ratio = found["run"] / found["peer run"]
            print(
                f"{items:8,}  {found['collect']:7.2f} s{found['peer collect']:7.2f} s"
                f"{found['collect'] / found['peer collect']:7.2f}  {found['run']:7.2f} s{found['peer run']:7.2f} s"
                f"{ratio:7.2f}  {(found['run'] - loaded) / items * 1e6:10.0f}", flush=True,
            )  # fmt: skip
            missed |= ratio > RUN or found["collect"] > COLLECT * max(1.0, items / ITEMS)
    except LkltestError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    print(f"to reach: collect {COLLECT} s for {ITEMS:,} items, run {RUN} of the peer's")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
