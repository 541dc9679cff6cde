"""The `lkltest replay` command for a power cut that was kept."""

from __future__ import annotations

import argparse

from lkltest import liblkl
from lkltest.errors import Exit
from lkltest.powercut import cuts
from lkltest.settings import file as settings_file


def run(arguments: argparse.Namespace) -> int:
    """Try a kept power cut again: 1 where the disk does not survive it still, 0 where it does."""
    kept = cuts.load_saved(arguments.finding)
    settings = settings_file.load({"lkl": [arguments.lkl] if arguments.lkl else None, "mem": arguments.mem})
    kernel = liblkl.find(settings.lkl[0] if arguments.lkl else kept.kernel, settings)
    times = max(1, arguments.times)
    print(f"{kept.place.volume.type}, {kept.what}; then:", *kept.problems, sep="\n  ")
    failed = 0
    for _ in range(times):
        problems = cuts.replay(kept, kernel, settings)
        failed += bool(problems)
        print(f"{kernel.name}: " + "\n  ".join(problems or ["the disk survives"]))
    if times > 1:
        print(f"failed {failed} of {times} times")
    return int(Exit.FAILED if failed else Exit.PASSED)
