"""The `lkltest replay` command."""

from __future__ import annotations

import argparse
from pathlib import Path

from lkltest.errors import Exit, UsageError
from lkltest.settings import count


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("finding", type=Path, metavar="FINDING",
                        help="a finding's directory, a file with a program's text, or a power cut's directory")
    parser.add_argument("--lkl", metavar="PATH", default=None,
                        help="the kernel to run it on (default: as lkltest fuzz)")
    parser.add_argument("--mem", default=None, metavar="SIZE", help="memory of the kernel (default: 64M)")
    parser.add_argument("--times", type=count, default=1, metavar="N",
                        help="try it so often, each time on a fresh kernel")


def run(arguments: argparse.Namespace) -> int:
    """Run a finding again: 1 where it fails still, 0 where it does not."""
    if not arguments.finding.exists():
        raise UsageError(f"no {arguments.finding}: name a directory that lkltest fuzz wrote, or a program's text")
    if (arguments.finding / "cut.json").is_file() or arguments.finding.name == "cut.json":
        from lkltest.cli import cut

        return cut.run(arguments)
    if (arguments.finding / "image.txt").is_file():
        from lkltest.cli import images

        return images.replay(arguments)
    from lkltest.fuzz import findings, target
    from lkltest.fuzz.exec.kernel import KernelConfig
    from lkltest.fuzz.lang.describe import describe
    from lkltest.fuzz.lang.naming import Namer
    from lkltest.fuzz.prog.text import print_program
    from lkltest.fuzz.repro.runner import Runner

    settings = target.load({"lkl": [arguments.lkl] if arguments.lkl else None, "mem": arguments.mem})
    liblkl = target.kernel(settings)
    description = describe(liblkl, settings)
    programs = findings.programs(arguments.finding, description)
    namer = Namer(description)
    failed = 0
    config = findings.config_of(arguments.finding, KernelConfig.make(liblkl, settings, description.shapes))
    with Runner(config, description) as runner:
        for _ in range(max(1, arguments.times)):
            result = runner.run(programs)
            lines = [line for program in programs for line in print_program(program, namer).splitlines()]
            for n, line in enumerate(lines):
                print(f"{line} = {result.returned[n]}" if n < len(result.returned) else f"{line}")
            if result.report is None:
                print(f"{liblkl.name}: nothing failed")
                continue
            failed += 1
            print(f"{liblkl.name}: {result.report.title} ({result.report.name})")
            print(result.report.stack or result.report.console[-2000:])
    if arguments.times > 1:
        print(f"failed {failed} of {arguments.times} times")
    return int(Exit.FAILED if failed else Exit.PASSED)
