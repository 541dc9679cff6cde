"""Our TAP parser beside tap.py and Perl's TAP::Parser: lines a second and peak memory.

Run it as `python benchmarks/tap.py`; `--scale 0.1` takes a tenth of the input. Each measurement is a process of its
own, which takes the processor's time for the parsing alone, so that a busy machine slows nobody; the median of
`--rounds` is shown, and how many times as fast as tap.py it is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from lkltest.host.process import run

PERL = r"""
use strict; use warnings; use TAP::Parser;
open my $file, '<', $ARGV[0] or die; sub used { my ($user, $system) = times; $user + $system } my $start = used;
my $parser = TAP::Parser->new({ source => $file }); my ($points, $kept) = (0, 0);
while (my $result = $parser->next) {
    $points++ if $result->is_test;
    if ($result->is_yaml) { my $data = $result->data; $kept += length $data->{log}; }
}
my $took = used() - $start;
open my $status, '<', '/proc/self/status' or die; my ($peak) = map { /VmHWM:\s+(\d+)/ ? $1 : () } <$status>;
printf '{"seconds": %f, "points": %d, "kept": %d, "peak": %d}', $took, $points, $kept, $peak;
"""

NOTES = {
    "lkltest": "the report, blocks kept unread",
    "lkltest --events": "an event for each line",
    "lkltest, blocks read": "every block's duration and log",
    "tap.py": "without YAML, which it then skips",
    "TAP::Parser": "reads every block",
}


def plain(count: int) -> Iterator[bytes]:
    """(a): plain points."""
    yield b"TAP version 13\n1..%d\n" % count
    for number in range(1, count + 1):
        yield b"ok %d - point %d\n" % (number, number)


def blocks(count: int) -> Iterator[bytes]:
    """(b): points with a YAML block of six lines."""
    yield b"TAP version 13\n1..%d\n" % count
    for number in range(1, count + 1):
        yield b"ok %d - point %d\n  ---\n  duration_us: %d\n  file: /src/suites/boot/boot.c\n" % ((number,) * 3)
        yield b"  line: 12\n  log: |\n    [    1.234567] point %d\n    of the kernel's log\n  ...\n" % number


def kernel_log(count: int) -> Iterator[bytes]:
    """(c): a kernel's log with a hundred points in it."""
    yield b"TAP version 13\n1..100\n"
    step = max(count // 100, 1)
    for number in range(count):
        yield b"[%5d.%06d] random: device %d: link becomes ready, not ok\n" % (number // 999, number % 999, number)
        if number % step == 0 and number // step < 100:
            yield b"ok %d - point\n" % (number // step + 1)


CASES = {
    "a": ("plain points", plain, 1_000_000),
    "b": ("points with a YAML block", blocks, 200_000),
    "c": ("a kernel's log with 100 points", kernel_log, 1_000_000),
}


def parse_ours(file: Path, *, events: bool, read: bool) -> tuple[int, int]:
    """Parse with lkltest; the number of points, and the bytes of logs read."""
    from lkltest.tap import Parser, PointSeen

    parser, seen = Parser(events=events), 0
    with file.open("rb") as stream:
        while data := stream.read(1 << 18):
            seen += sum(type(event) is PointSeen for event in parser.feed(data))
    parser.close()
    kept = 0
    for point in parser.report.points if read else ():
        kept += len(str(point.diagnostics.get("log", ""))) + (point.diagnostics.get("duration_us") is None)
    return seen if events else len(parser.report.points), kept


def parse_tap_py(file: Path) -> tuple[int, int]:
    """Parse with tap.py."""
    from tap.parser import Parser

    with file.open(encoding="utf-8") as stream:
        return sum(line.category == "test" for line in Parser().parse(stream)), 0


def child(parser: str, file: Path) -> None:
    """Measure one parser, and print the result."""
    warnings.simplefilter("ignore")
    start = time.process_time()
    if parser == "tap.py":
        points, kept = parse_tap_py(file)
    else:
        points, kept = parse_ours(file, events="events" in parser, read="read" in parser)
    took = time.process_time() - start
    # Not getrusage(): its peak counts the memory of the process that forked this one.
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    peak = int(status.split("VmHWM:")[1].split()[0])  # kB
    print(json.dumps({"seconds": took, "points": points, "kept": kept, "peak": peak}))


def measure(parser: str, file: Path) -> dict[str, float]:
    """Run one parser over a file in a process of its own."""
    if parser == "TAP::Parser":
        ended = run(["perl", "-e", PERL, file])
    else:
        ended = run([sys.executable, "-P", __file__, "--child", parser, file])  # -P: this file is no package `tap`
    if not ended.ok:
        sys.exit(f"{parser} on {file}: {ended.describe()}\n{ended.errors.decode()}")
    found: dict[str, float] = json.loads(ended.output.splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--scale", type=float, default=1.0, help="of the input; 1 is the whole")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.child:
        child(asked.child[0], Path(asked.child[1]))
        return
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "stream.tap"
        for name, (title, make, count) in CASES.items():
            with file.open("wb") as stream:
                stream.writelines(make(int(count * asked.scale)))
            lines = file.read_bytes().count(b"\n")
            print(f"({name}) {title}: {lines:,} lines, {file.stat().st_size / 1e6:.1f} MB")
            parsers = [parser for parser in NOTES if "read" not in parser or name == "b"]
            # In turn, so that what else the machine does falls on all of them.
            rounds = [{parser: measure(parser, file) for parser in parsers} for _ in range(asked.rounds)]
            medians = {each: statistics.median(one[each]["seconds"] for one in rounds) for each in parsers}
            for parser, note in NOTES.items():
                if parser not in medians:
                    continue
                seconds = medians[parser]
                peak = statistics.median(each[parser]["peak"] for each in rounds) / 1024
                times = medians["tap.py"] / seconds
                print(
                    f"    {parser:<22}{seconds:8.2f} s {times:6.2f} times {lines / seconds:13,.0f} lines/s "
                    f"{peak:6.0f} MB "
                    f"{rounds[0][parser]['points']:10,.0f} points   {note}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
