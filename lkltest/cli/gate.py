"""`lkltest gate`: one verdict on a patched kernel tree."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from lkltest.cli.signals import handled
from lkltest.errors import UsageError
from lkltest.settings import Settings

EPILOG = """\
The tree is only read: everything is built in a private copy, which is removed afterwards; the logs stay.

examples:
  lkltest gate --tree ~/linux --report gate.txt
  git bisect run lkltest gate --tree .

exit status: 0 passed, 1 failed, 2 something is to be mended first, 3 the kernel was lost, 125 does not build
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("--tree", required=True, metavar="DIR", type=Path, help="the root of the kernel tree")
    parser.add_argument("--jobs", metavar="N", help="parallel jobs of the builds (default: one a core)")
    parser.add_argument("--kunit", action="store_true",
                        help="run the tree's KUnit tests and kselftests, too (docs/kunit.md, docs/kselftest.md)")
    parser.add_argument("--report", metavar="FILE", type=Path, help="write the report there too, fit for a mail")


def run(arguments: argparse.Namespace) -> int:
    """Build and test the tree, print the report, and return the exit code."""
    from lkltest import gate
    from lkltest.host.progress import Bar

    if arguments.jobs is not None and not arguments.jobs.isdecimal():  # the settings know it by another name
        raise UsageError(f"--jobs: cannot use {arguments.jobs!r}: not a whole number")
    settings = Settings.load({"jobs": arguments.jobs})
    writable(arguments.report)
    with ending_in_order(), gate.workplace() as place:
        with telling_of_removal(), Bar() as bar:
            report = gate.run(arguments.tree.absolute(), place, settings, bar, with_kunit=arguments.kunit)
        # At once: it takes a while to remove the copy.
        print(report.text(), end="", flush=True)
        write(report.text(), arguments.report)
    return int(report.exit_code)


def ending_in_order() -> contextlib.AbstractContextManager[None]:
    """Remove the copy also on the signal of a CI server for a job that takes too long, or of a closed terminal."""
    return handled(dict.fromkeys((signal.SIGTERM, signal.SIGHUP), lambda number, _: sys.exit(128 + number)))


@contextlib.contextmanager
def telling_of_removal() -> Iterator[None]:
    """Print the work that still goes on after Ctrl-C: it may take a while."""
    try:
        yield
    except KeyboardInterrupt:
        print("lkltest gate: removing the private copy", file=sys.stderr, flush=True)
        raise


def write(text: str, path: Path | None) -> None:
    """Write the report where it was asked for."""
    try:
        if path:
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        print(f"lkltest gate: cannot write {path}: {error.strerror}", file=sys.stderr)


def writable(report: Path | None) -> None:
    """Refuse a report that could not be written before hours are spent on it."""
    if report is None:
        return
    try:
        with report.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        message = f"cannot write the report {report}: {error.strerror}; name another file with --report"
        raise UsageError(message) from None
