"""The `--images` of `lkltest fuzz` and of `lkltest replay`: disk images as inputs."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from lkltest.cli.output import Lasting, prepare
from lkltest.cli.signals import stopping_in_order
from lkltest.errors import Exit, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from lkltest.fuzz.images.session import Session

INTERRUPTED = 130  # exit status, as a shell has it
STATUS_EVERY = 30.0  # seconds between lines
MINIMUM_MEM = 32 << 20  # bytes
NOT_FOR_IMAGES = ("scenario", "cov", "scheduler", "blind", "no-images", "list-calls")
UNSET: tuple[object, ...] = (None, False, [])


def names(text: str) -> list[str]:
    """Parse the recipes of --images; the usual ones, where none is given."""
    from lkltest.fuzz.images.target import DEFAULT

    found = [name.strip() for name in text.split(",") if name.strip()]
    return found or list(DEFAULT)


def require_no_other(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that only programs without images have."""
    given = [option for option in NOT_FOR_IMAGES if getattr(arguments, option.replace("-", "_")) not in UNSET]
    if given:
        raise UsageError(f"--images does not go with --{', --'.join(given)}: leave --images out, or the rest")


def fuzz(arguments: argparse.Namespace) -> int:
    """Fuzz the images of some recipes; 1 where something was found, 0 otherwise."""
    from rich.console import Console

    from lkltest.fuzz.gen import store
    from lkltest.fuzz.images.session import Session
    from lkltest.fuzz.images.target import targets
    from lkltest.settings import file as settings_file

    require_no_other(arguments)
    settings = settings_file.load({
        "lkl": [arguments.lkl] if arguments.lkl else None, "mem": arguments.mem, "cmdline": arguments.cmdline,
    })
    if settings.mem < MINIMUM_MEM:
        raise UsageError(f"--mem {settings.mem >> 20}M is too little to fuzz with; take at least {MINIMUM_MEM >> 20}M")
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(1 << 32)
    prepare(arguments.output)
    if arguments.corpus is not None:
        store.prepare(arguments.corpus)
    console = Console(file=cast(TextIO, Lasting(sys.stderr)), soft_wrap=True, highlight=False, markup=False)
    interrupted = False
    guided = arguments.corpus is not None
    named = bool(arguments.images.replace(",", " ").strip())  # their images must be made
    with targets(
        names(arguments.images), settings, guided=guided, complain=None if named else console.print
    ) as found:
        workers = arguments.workers or len(os.sched_getaffinity(0))
        kernels = ", ".join(f"{target.recipe} on {target.config.liblkl.name}" for target in found)
        console.print(f"{kernels}, seed {seed}, output {arguments.output}")
        output = arguments.output.absolute()
        with Session(
            list(found), settings, output, seed, workers, reproduce_seconds=arguments.reproduce_time,
            corpus=arguments.corpus and arguments.corpus.absolute(), complain=console.print,
        ) as session, stopping_in_order():
            try:
                session.run(arguments.time, Ticker(session, console).tick)
            except KeyboardInterrupt:
                interrupted = True
                console.print("interrupted: what was found until now is kept")
            finally:
                print(f"{summary(session)}\n{report(session, arguments.output)}",
                      file=cast(TextIO, Lasting(sys.stdout)), flush=True)
            return int(Exit.FAILED) if session.findings else INTERRUPTED if interrupted else int(Exit.PASSED)


def report(session: Session, output: Path) -> str:
    """Write the HTML report; a line that tells where it is, or why there is none."""
    from lkltest.fuzz.images import html

    try:
        return f"report: {html.write(session, output)}"
    except OSError as error:
        return f"no report: cannot write {output}: {error.strerror}"


class Ticker:
    """Shows the progress: new findings, and a line now and then."""

    def __init__(self, session: Session, console: Console) -> None:
        self.session = session
        self.console = console
        self.told: set[str] = set()  # names of findings
        self.last = time.monotonic()

    def tick(self) -> None:
        """Show what is new."""
        for finding in list(self.session.findings.values()):
            if finding.name not in self.told:
                self.told.add(finding.name)
                self.console.print(f"found on {finding.image}: {finding.title}")
        if time.monotonic() - self.last > STATUS_EVERY:
            self.last = time.monotonic()
            self.console.print(status(self.session))


def status(session: Session) -> str:
    """The line of progress."""
    whole, found, waiting = session.total(), len(session.findings), len(session.pending)
    return "  ".join([
        f"{session.seconds:.0f} s", f"{whole.images:,} images",
        f"{whole.images / max(session.seconds, 0.001):,.0f} a second",
        *([f"{whole.reached:,} edges", f"corpus {whole.corpus:,}"] if session.seen else []),
        f"{found} finding{'' if found == 1 else 's'}" + (f", {waiting} to be reproduced" if waiting else ""),
    ])  # fmt: skip


def summary(session: Session) -> str:
    """The summary of a session."""
    from lkltest.fuzz.findings import ranked

    lines = []
    for name, one in session.progress.items():
        edges = f", {len(session.seen[name]):,} edges" if name in session.seen else ""
        lines.append(
            f"{name}: {one.images:,} images, {100 * one.mounted / max(one.images, 1):.0f}% mounted, "
            f"{one.images / max(one.seconds, 0.001):,.0f} a second and worker, {one.boots} kernels booted, "
            f"{one.lost} lost{edges}"
        )
    if session.seen:
        reached = session.first_reached
        first = f", {len(reached.sources):,} of them by nothing in the old corpus" if reached.stored else ""
        lines.append(f"{len(reached):,} functions reached{first}")
    for f in ranked(session.findings.values()):
        often = "once" if f.count == 1 else f"{f.count} times"
        again = f"fails again {f.rate} times" if f.times else f"did not fail again in {f.of} tries"
        again = again if f.examined else "no time to reproduce it: its input is kept as it was met"
        size = "" if f.shrunk else ", not shrunk to the end"
        lines.append(f"found on {f.image} {f.title}: {f.name} (met {often}, {again}{size})")
    return "\n".join(lines if session.findings else [*lines, "nothing found"])


def replay(arguments: argparse.Namespace) -> int:
    """Mount a finding's image again, and make its calls: 1 where it fails still, 0 where it does not."""
    from lkltest.fuzz.images import saved
    from lkltest.fuzz.images.shrink import Shrinker
    from lkltest.fuzz.lang.naming import Namer
    from lkltest.fuzz.prog.text import print_program
    from lkltest.settings import file as settings_file

    finding: Path = arguments.finding
    settings = settings_file.load({"lkl": [arguments.lkl] if arguments.lkl else None, "mem": arguments.mem})
    failed, times = 0, max(1, arguments.times)
    with saved.load(finding, settings) as (target, tried), Shrinker(target) as shrinker:
        print(saved.difference(tried, target).text(target.metadata), end="")
        kernel = target.config.liblkl.name
        lines = print_program(tried.program, Namer(target.description)).splitlines()
        for _ in range(times):
            result = shrinker.result(tried)
            for n, line in enumerate(lines):
                print(f"{line} = {result.returned[n]}" if n < len(result.returned) else line)
            if result.report is None:
                print(f"{kernel}: nothing failed")
                continue
            failed += 1
            print(f"{kernel}: {result.report.title} ({result.report.name})")
            print(result.report.stack or result.report.console[-2000:])
    if times > 1:
        print(f"failed {failed} of {times} times")
    return int(Exit.FAILED if failed else Exit.PASSED)
