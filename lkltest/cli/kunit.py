"""`lkltest kunit`: the KUnit tests of a vanilla kernel tree."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lkltest.cli.gate import ending_in_order
from lkltest.errors import Exit, UsageError
from lkltest.host.outfile import put, require_writable
from lkltest.settings import Settings

if TYPE_CHECKING:
    from lkltest.kernel import Kernel
    from lkltest.kunit.kernel import Options
    from lkltest.kunit.listing import Case
    from lkltest.kunit.results import Result

CONSOLE_LINES = 25  # shown of the console of a case that did not pass

EPILOG = """\
The tree is only read: the kernel is built in the cache, and built again only where something has changed.

examples:
  lkltest kunit --tree ~/linux
  lkltest kunit --tree ~/linux --kunitconfig fs/ext4 --jobs 2 'ext4*'
  lkltest kunit --tree . --kconfig-add CONFIG_KASAN=y --json kunit.json

exit status: 0 passed, 1 failed, 2 something is to be mended first, 3 a kernel was lost, 125 does not build
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add = parser.add_argument
    kernel = parser.add_mutually_exclusive_group(required=True)
    kernel.add_argument("--tree", metavar="DIR", type=Path, help="the root of the kernel tree")
    kernel.add_argument("--uml", metavar="PATH", type=Path, help="a UML with KUnit inside, built already")
    kernel.add_argument("--lkl", metavar="PATH", type=Path, help="a liblkl with KUnit inside, built already")
    add("filter_glob", nargs="?", default="", metavar="GLOB", help="suites, or suite.case, such as 'list*.*del*'")
    add("--kunitconfig", action="append", default=[], metavar="PATH",
        help="a Kconfig fragment, or a directory with a .kunitconfig; several are merged (default: .kunit/.kunitconfig "
        "of the tree, else its default)")
    add("--kconfig-add", "--kconfig_add", action="append", default=[], metavar="CONFIG_X=Y",
        help="one more option of the configuration")
    add("--alltests", action="store_true", help="as many tests as a UML can have: the tree's all_tests.config")
    add("--arch", default="um", choices=["um"], help="um: other architectures are not run here")
    add("--filter", default="", metavar="FILTER", help="by attributes, such as 'speed>slow' (Linux 6.6 and later)")
    add("--filter-action", "--filter_action", choices=["skip"], help="skip what --filter leaves out, and show it")
    add("--kernel-args", "--kernel_args", action="append", default=[], metavar="WORDS",
        help="added to the kernel's command line")
    add("--timeout", type=_seconds, default=60.0, metavar="SECONDS",
        help="timeout of a case (default: 60; 5 times that for a slow one, 20 times for a very slow one)")
    add("--jobs", "-n", type=_count, default=1, metavar="N", help="kernels that run at once (default: 1)")
    add("--list", action="store_true", help="print the cases, and run none")
    add("--json", metavar="FILE", help="write the results there as KernelCI and kunit.py have them; -: print them")
    add("--kcidb", metavar="FILE", help="write them there as KCIDB takes them")
    add("--junit", metavar="FILE", help="write them there as JUnit XML")
    add("--ktap", metavar="FILE", help="write them there as KTAP")
    add("-q", "--quiet", action="store_true", help="show only what did not pass, and the summary")


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is no time: give seconds, more than 0")


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of kernels: give 1 or more")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Build where needed, run the cases, show and write the results, and return the exit code."""
    from lkltest.kunit import groups, memory
    from lkltest.kunit.spread import spread

    for path in outputs(arguments):
        require_writable(path)
    settings = Settings.load({})
    out = sys.stderr if arguments.json == "-" else sys.stdout  # JSON that is printed stays alone there
    with ending_in_order():
        kernel, place, tree = kernel_of(arguments, settings)
        options = options_of(arguments, kernel, settings)
        everything = memory.cases_of(kernel, place, options)
        cases = groups.selected(arguments.filter_glob, everything)
        if not cases:
            raise UsageError(f"no case of {len(everything)} matches {arguments.filter_glob!r}: see them with --list")
        if arguments.list:
            print("\n".join(case.full for case in cases))
            return 0
        known = memory.durations(kernel, place)
        started = time.monotonic()
        running = spread(kernel, cases, everything, arguments.jobs, options, known, arguments.filter_glob)
        results = list(shown(running, out, quiet=arguments.quiet))
        took = time.monotonic() - started
        memory.remember(kernel, place, results)
    order = {case: number for number, case in enumerate(cases)}
    results.sort(key=lambda result: order[result.case])  # those of several kernels come as they end
    print(summary(results, took), file=out, flush=True)
    write_all(arguments, results, kernel, tree)
    return int(verdict(results, cases))


def kernel_of(arguments: argparse.Namespace, settings: Settings) -> tuple[Kernel, Path, Path | None]:
    """The kernel to run, the directory for what is known of it, and the tree."""
    from lkltest import liblkl, uml

    if arguments.tree is None:
        given = [name for name in ("kunitconfig", "kconfig_add", "alltests") if getattr(arguments, name)]
        if given:
            raise UsageError(f"--{given[0].replace('_', '-')} configures a build, and --uml and --lkl name a kernel "
                             "that is built: give --tree instead")  # fmt: skip
        library = arguments.lkl and liblkl.find(arguments.lkl, settings)
        return library or uml.inspect(arguments.uml.absolute()), settings.cache / "kunit", None
    from lkltest.host.progress import Bar
    from lkltest.kunit import build

    tree = arguments.tree.absolute()
    request = build.Request(tree, tuple(arguments.kunitconfig), tuple(arguments.kconfig_add), arguments.alltests)
    with Bar() as bar:
        built = build.build(request, settings, bar)
    return uml.inspect(built.linux), built.place, tree


def options_of(arguments: argparse.Namespace, kernel: Kernel, settings: Settings) -> Options:
    """The settings with which the kernels are run."""
    from lkltest.kunit.kernel import Options, demand_filter

    words = [word for text in arguments.kernel_args for word in text.split()]
    if arguments.filter or arguments.filter_action:
        demand_filter(kernel)
    if arguments.filter:
        words.append(f'kunit.filter="{arguments.filter}"')
    if arguments.filter_action:
        words.append(f"kunit.filter_action={arguments.filter_action}")
    return Options(arguments.timeout, tuple(words), settings)


def shown(results: Iterable[Result], out: TextIO, *, quiet: bool) -> Iterator[Result]:
    """Print each result as it comes."""
    for result in results:
        if result.status.bad or not quiet:
            print("\n".join(describe(result)), file=out, flush=True)
        yield result


def describe(result: Result) -> Iterator[str]:
    """The lines on one case: its status and name; the end of its console where it did not pass."""
    notes = [counted(len(result.parameters), "parameter")] if result.parameters else []
    notes += [counted(result.warnings, "WARNING")] if result.warnings else []
    notes += [result.reason] if result.reason else []
    yield f"{result.status.value:<8} {result.case.full}{': ' if notes else ''}{', '.join(notes)}"
    for parameter in result.parameters:
        if parameter.status.bad:
            yield f"         {parameter.status.value} {parameter.name}"
    if result.status.bad:
        lines = result.console.splitlines()
        left_out = len(lines) - CONSOLE_LINES
        yield from [f"         | [{left_out} lines before]"] if left_out > 0 else []
        yield from (f"         | {line}" for line in lines[-CONSOLE_LINES:])


def counted(number: int, noun: str) -> str:
    """The number, and the noun in the form that goes with it."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def summary(results: Sequence[Result], took: float) -> str:
    """The last line: the number of cases for each outcome."""
    counts = Counter(result.status.value for result in results)
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    warned = sum(bool(result.warnings) for result in results)
    more = f"; {warned} with a WARNING of the kernel" if warned else ""
    return f"{len(results)} cases: {told} in {took:.1f} s{more}"


def verdict(results: Sequence[Result], cases: Sequence[Case]) -> Exit:
    """The exit code: every case must have a result, and none a bad one."""
    if any(result.status.lost for result in results):
        return Exit.KERNEL_LOST
    bad = any(result.status.bad for result in results) or len(results) != len(cases)
    return Exit.FAILED if bad else Exit.PASSED


def outputs(arguments: argparse.Namespace) -> list[Path]:
    """The files that are to be written."""
    given = (arguments.json, arguments.kcidb, arguments.junit, arguments.ktap)
    return [Path(name) for name in given if name and name != "-"]


def write_all(arguments: argparse.Namespace, results: Sequence[Result], kernel: Kernel, tree: Path | None) -> None:
    """Write the files that were asked for."""
    from lkltest.kunit import kernelci, ktap

    made: list[tuple[str | None, Callable[[], str]]] = [
        (arguments.json, lambda: kernelci.write(results, str(kernel.file.parent))),
        (arguments.kcidb, lambda: kcidb_text(results, kernel, tree)),
        (arguments.junit, lambda: junit_text(results)),
        (arguments.ktap, lambda: "".join(ktap.write(results))),
    ]
    for name, make in made:
        if name == "-":
            print(make())
        elif name:
            put(Path(name), make())


def kcidb_text(results: Sequence[Result], kernel: Kernel, tree: Path | None) -> str:
    """The results as KCIDB takes them."""
    from lkltest.kunit.kcidb import write
    from lkltest.uml.tree import commit

    return write(results, kernel.version, commit(tree) if tree else "")


def junit_text(results: Sequence[Result]) -> str:
    """The results as JUnit XML: those of their KTAP."""
    from lkltest.kunit import ktap
    from lkltest.tap import Dialect, Parser
    from lkltest.tap.formats import junit

    parser = Parser(Dialect.KTAP, events=False)
    parser.feed("".join(ktap.write(results)).encode())
    parser.close()
    return "".join(junit.write(("kunit", report) for report in parser.reports))
