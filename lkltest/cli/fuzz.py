"""The `lkltest fuzz` command."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from lkltest.cli.output import Lasting, prepare
from lkltest.cli.signals import stopping_in_order
from lkltest.errors import Exit, UsageError
from lkltest.settings import Settings
from lkltest.settings import seconds as positive

if TYPE_CHECKING:
    from rich.live import Live

    from lkltest.fuzz.exec.kernel import KernelConfig
    from lkltest.fuzz.fuzzer import Fuzzer
    from lkltest.fuzz.lang.describe import Description
    from lkltest.liblkl.model import Liblkl

INTERRUPTED = 130  # exit status, as a shell has it
MAXIMUM_WORKERS = 256
STATUS_EVERY = 30.0  # seconds between lines where there is no terminal
MINIMUM_MEM = 32 << 20  # bytes: with less, programs fail for want of memory


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--lkl", metavar="PATH", default=None,
                        help="the kernel to fuzz (default: the default kernel without btrfs)")
    parser.add_argument("--time", type=duration, default=60.0, metavar="TIME",
                        help="how long to fuzz: seconds, or 10m, or 2h (default: 60)")
    parser.add_argument("--reproduce-time", type=duration_or_none, default=None, metavar="TIME",
                        help="how long failures are still reproduced after the end (default: a fifth of --time, at "
                        "least 15 s); what is left is written down with its history, as everything is with 0")
    parser.add_argument("--workers", type=workers, default=0, metavar="N", help="kernels at once (default: one a core)")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's programs (default: a new one)")
    parser.add_argument("--output", type=Path, default=Path("lkltest-fuzz"), metavar="DIR",
                        help="where findings and the report go (default: ./lkltest-fuzz)")
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME",
                        help="only programs of this kind (repeat it for several); see --list-calls")
    parser.add_argument("--mem", default=None, metavar="SIZE", help="memory of a kernel (default: 64M)")
    parser.add_argument("--cmdline", "--lkl-cmdline", metavar="TEXT", default=None,
                        help="added to the kernel's command line (default: LKLTEST_CMDLINE)")
    parser.add_argument("--cov", "--lkl-cov", metavar="DIR", default=None,
                        help="collect coverage into DIR, on an instrumented kernel (docs/coverage.md)")
    parser.add_argument("--corpus", type=Path, default=None, metavar="DIR",
                        help="keep the programs that reached new code in DIR, and begin with those that are there; the "
                             "default kernel is then the guided variant (inputs with disk images are files *.image)")
    parser.add_argument("--blind", action="store_true",
                        help="do not let new code guide the choice of programs, even if the kernel tells of it")
    parser.add_argument("--scheduler", metavar="ADDRESS", default=None,
                        help="fuzz on all workers of this Dask scheduler, tcp://HOST:PORT; --workers is then their "
                        "number on each of them (pip install 'lkltest[campaign]')")
    parser.add_argument("--images", nargs="?", const="", default=None, metavar="RECIPES",
                        help="mount mutated disk images instead: names of recipes with commas between them "
                             "(default: two each of ext4, btrfs, xfs and vfat)")
    parser.add_argument("--no-images", action="store_true",
                        help="let a guided session make system calls alone, and mutate no disk images beside them")
    parser.add_argument("--list-calls", action="store_true", help="print how each call is described, and end")


def duration(text: str) -> float:
    """Parse "90", "10m" or "2h" into seconds."""
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:], 0.0)
    try:
        return positive(text[:-1]) * unit if unit else positive(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90, 10m or 2h") from None


def duration_or_none(text: str) -> float:
    """Parse "90", "10m" or "2h" into seconds; "0" is none."""
    return 0.0 if text == "0" else duration(text)


def workers(text: str) -> int:
    """Parse the number of workers."""
    if not text.isdecimal() or not 1 <= int(text) <= MAXIMUM_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MAXIMUM_WORKERS}")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Fuzz a kernel; 1 where it found something, 0 otherwise."""
    if arguments.images is not None:
        from lkltest.cli import images

        return images.fuzz(arguments)
    from lkltest.fuzz import target
    from lkltest.fuzz.exec.kernel import KernelConfig
    from lkltest.fuzz.lang.describe import describe

    settings = target.load({
        "lkl": [arguments.lkl] if arguments.lkl else None, "mem": arguments.mem, "cmdline": arguments.cmdline,
        "cov": arguments.cov,
    }, guided=arguments.corpus is not None)
    liblkl = target.kernel(settings)
    require_guidance(arguments, liblkl)
    description = describe(liblkl, settings)
    if arguments.list_calls:
        from lkltest.fuzz.lang.listing import list_calls

        print(list_calls(liblkl, description))
        return int(Exit.PASSED)
    unknown = set(arguments.scenario) - set(scenarios())
    if unknown:
        raise UsageError(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(scenarios())}")
    if arguments.scheduler and settings.cov is not None:
        raise UsageError("--cov collects on this machine alone: leave it out, or --scheduler")
    if settings.mem < MINIMUM_MEM:
        raise UsageError(f"--mem {settings.mem >> 20}M is too little to fuzz with; take at least {MINIMUM_MEM >> 20}M")
    with covering(KernelConfig.make(liblkl, settings, description.shapes), settings) as config:
        return _fuzz(arguments, settings, description, config)


def require_guidance(arguments: argparse.Namespace, liblkl: Liblkl) -> None:
    """Raise UsageError where a corpus is asked for and nothing could guide the fuzzer."""
    from lkltest.coverage.collect import require_instrumented

    if arguments.corpus is not None:
        if arguments.blind:
            raise UsageError("--corpus is of no use with --blind: leave one of them out")
        require_instrumented(liblkl)


def read_corpus(directory: Path, description: Description, tell: Callable[[str], None]) -> None:
    """Make the corpus's directory, and tell how many programs it has, and which of them cannot be read."""
    from lkltest.fuzz.gen.store import Store

    store = Store(directory, description, complain=tell)
    found = list(store.programs())
    if found:
        tell(f"corpus {directory}: {len(found):,} programs")


@contextlib.contextmanager
def covering(config: KernelConfig, settings: Settings) -> Iterator[KernelConfig]:
    """The configuration of kernels that note what they reach, where coverage is collected; it is reported at the end.

    Kernels in which a crash is reproduced count, too.
    """
    if settings.cov is None:
        yield config
        return
    from lkltest.coverage import collect, data, lcov, report, summary
    from lkltest.coverage.raw import VARIABLE

    collect.require_instrumented(config.liblkl)
    prepare(settings.cov)
    with tempfile.TemporaryDirectory(prefix="raw-", dir=settings.cov) as folder:
        yield replace(config, env={**config.env, VARIABLE: folder})
        found = collect.collect(Path(folder), config.executor, config.liblkl, lambda _: "lkltest fuzz")
    data.save(found, settings.cov / f"{uuid.uuid4().hex}{data.SUFFIX}")
    reached = summary.summarize(data.load([settings.cov]), settings.cache)
    lcov.write(reached, settings.cov / lcov.INFO)
    for line in report.table(reached):
        print(line)
    print(f"coverage data and {lcov.INFO}: {settings.cov}")


def scenarios() -> list[str]:
    """The names of the kinds of programs."""
    from lkltest.fuzz.lang.describe import read_annotations

    return list(read_annotations()["scenarios"])


def _fuzz(arguments: argparse.Namespace, settings: Settings, description: Description, config: KernelConfig) -> int:
    from rich.console import Console
    from rich.live import Live

    from lkltest.fuzz import html
    from lkltest.fuzz.fuzzer import Fuzzer
    from lkltest.fuzz.images.target import DEFAULT

    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(1 << 32)
    prepare(arguments.output)
    console = Console(file=cast(TextIO, Lasting(sys.stderr)), soft_wrap=True, highlight=False, markup=False)
    if arguments.corpus is not None:
        read_corpus(arguments.corpus, description, console.print)
    fuzzer = Fuzzer(
        config, description, settings, arguments.output.absolute(), seed=seed,
        workers=arguments.workers, scenarios=tuple(arguments.scenario), reproduce_seconds=arguments.reproduce_time,
        guided=not arguments.blind, corpus=arguments.corpus and arguments.corpus.absolute(),
        scheduler=arguments.scheduler, images=() if arguments.no_images or arguments.scenario else DEFAULT,
    )
    manner = "blind" if fuzzer.corpus is None else "guided" if fuzzer.images is None else "guided, with disk images"
    console.print(f"{config.liblkl.name} ({config.liblkl.origin}), {manner}, seed {seed}, output {arguments.output}")
    interrupted = False
    with stopping_in_order():
        try:
            with Live(console=console, auto_refresh=False, transient=True) as live:
                fuzzer.run(arguments.time, Ticker(fuzzer, live, arguments.time).tick)
        except KeyboardInterrupt:
            interrupted = True
            console.print("interrupted: what was found until now is kept")
        finally:
            if fuzzer.progress.boots:
                try:
                    told = f"report: {html.write(fuzzer, arguments.output)}"
                except OSError as error:
                    told = f"no report: cannot write {arguments.output}: {error.strerror}"
                print(f"{summary(fuzzer)}\n{told}", file=cast(TextIO, Lasting(sys.stdout)), flush=True)
            fuzzer.close()
    return int(Exit.FAILED) if fuzzer.findings else INTERRUPTED if interrupted else int(Exit.PASSED)


class Ticker:
    """Shows the progress: a live line on a terminal, a line now and then elsewhere."""

    def __init__(self, fuzzer: Fuzzer, live: Live, limit: float) -> None:
        self.fuzzer = fuzzer
        self.live = live
        self.limit = limit
        self.told: set[str] = set()  # names of findings, and complaints
        self.last = time.monotonic()

    def tick(self) -> None:
        """Show what is new."""
        console = self.live.console
        for finding in list(self.fuzzer.findings.values()):
            if finding.name not in self.told:
                self.told.add(finding.name)
                console.print(f"found: {finding.title}")
        for sentence in self.fuzzer.complaints:
            if sentence not in self.told:
                self.told.add(sentence)
                console.print(sentence)
        if console.is_terminal:
            self.live.update(status(self.fuzzer, self.limit), refresh=True)
        elif time.monotonic() - self.last > STATUS_EVERY:
            self.last = time.monotonic()
            console.print(status(self.fuzzer, self.limit))


def status(fuzzer: Fuzzer, limit: float) -> str:
    """The live line, the most important first: a narrow terminal cuts it."""
    p = fuzzer.progress
    seconds = max(fuzzer.seconds, 0.001)
    counts = fuzzer.counts()
    found, waiting = len(fuzzer.findings), fuzzer.waiting
    return "  ".join([
        f"{seconds:.0f}/{limit:.0f} s",
        f"{found} finding{'' if found == 1 else 's'}" + (f", {waiting} to reproduce" if waiting else ""),
        f"{p.programs / seconds:,.0f} programs/s",
        *([f"{fuzzer.edges:,} edges"] if fuzzer.edges else []),
        *([f"corpus {fuzzer.corpus_size:,}"] if fuzzer.corpus is not None else []),
        *([f"{fuzzer.images.images:,} images"] if fuzzer.images is not None else []),
        f"{p.calls / seconds:,.0f} calls/s",
        f"{len({n for n, _ in counts})} calls", f"{len({b for _, b in counts})} errnos",
    ])  # fmt: skip


def summary(fuzzer: Fuzzer) -> str:
    """The summary of a run."""
    from lkltest.fuzz.findings import ranked

    p = fuzzer.progress
    seconds = max(fuzzer.seconds, 0.001)
    counts = fuzzer.counts()
    lines = [
        f"{p.programs:,} programs, {p.calls:,} calls in {seconds:.1f} s ({p.calls / seconds:,.0f} a second), "
        f"{100 * p.succeeded / max(p.calls, 1):.0f}% successful",
        f"{len({n for n, _ in counts})} of {len(fuzzer.description.by_call)} calls made, "
        f"{p.boots} kernels booted, {p.lost} lost, {p.interrupted} calls interrupted",
    ]
    if fuzzer.edges:
        reached = fuzzer.first_reached
        first = f", {len(reached.sources):,} of them by nothing in the old corpus" if reached.stored else ""
        lines.append(f"{fuzzer.edges:,} edges in {len(reached):,} functions reached{first}")
        if fuzzer.corpus is not None:
            lines.append(f"{fuzzer.corpus_size:,} programs in the corpus, {p.corpus:,} of them added")
    if fuzzer.images is not None and fuzzer.images.complaint:
        lines.append(fuzzer.images.complaint)
    if fuzzer.images is not None and fuzzer.images.images:
        edges = fuzzer.images.edges
        each = ", ".join(f"{count:,} by {name}" for name, count in edges.most_common())
        lines.append(f"{fuzzer.images.images:,} disk images, which reached {sum(edges.values()):,} of the edges first"
                     + (f": {each}" if each else ""))
    if fuzzer.lost:
        lines.append(f"{len(fuzzer.lost)} processes of workers were lost, and replaced")
    lines += [f"found {found.title}: {found.name} ({found.told})" for found in ranked(fuzzer.findings.values())]
    return "\n".join(lines if fuzzer.findings else [*lines, "nothing found"])

