"""The `lkltest cov` command: saved coverage, merged, reported and compared."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lkltest.errors import Exit, UsageError
from lkltest.settings import file as settings_file

if TYPE_CHECKING:
    from lkltest.coverage.summary import Summary

EPILOG = """\
DATA is a directory that `pytest --lkl-cov=DIR` has filled, or a file of `lkltest cov merge`.

examples:
  lkltest cov report lkltest-cov --fail-under fs/ext4=60
  lkltest cov report lkltest-cov --line fs/open.c:1047
  lkltest cov report lkltest-cov --contexts '::getpid'
  lkltest cov lcov lkltest-cov --relative -o lcov.info
  lkltest cov diff before after
  git diff | lkltest cov diff --patch - lkltest-cov
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    merge = actions.add_parser("merge", help="write the data of several runs to one file")
    report = actions.add_parser("report", help="print lines, hit and share of each directory, worst first")
    lcov = actions.add_parser("lcov", help="write an lcov info file")
    pages = actions.add_parser("html", help="write an HTML report with the sources")
    pages.add_argument("-o", "--output", metavar="DIR", type=Path, default=Path("lkltest-cov-html"),
                       help="the directory to write (default: ./lkltest-cov-html)")
    diff = actions.add_parser("diff", help="compare two runs, or a patch with what tests reach")
    for action in (merge, report, lcov, pages, diff):
        action.add_argument("data", metavar="DATA", nargs="+", type=Path, help="saved coverage")
        action.add_argument("--cache", "--lkl-cache", metavar="DIR", help="cache directory (default: the user's)")
        action.add_argument("--contexts", metavar="REGEX", help="only what these points reach, by their items' ids")
    for action in (merge, lcov):
        action.add_argument("-o", "--output", metavar="FILE", type=Path, required=action is merge,
                            help="the file to write" + ("" if action is merge else " (default: standard output)"))
    lcov.add_argument("--relative", action="store_true",
                      help="paths below the root of the kernel's sources, as in its repository")
    report.add_argument("--depth", metavar="N", type=int, default=2, help="levels of directories (default: 2)")
    report.add_argument("--line", metavar="FILE:LINE", help="the points that reach this line")
    report.add_argument("--untouched", metavar="N", type=int, default=0, help="the N largest files without a hit")
    report.add_argument("--fail-under", metavar="[DIR=]PERCENT", dest="cov_fail_under", action="append", default=[],
                        help="exit status 1 where the share is less; may be repeated")
    diff.add_argument("--patch", metavar="FILE", help="a `git diff`: its lines that no test reaches; -: standard input")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for; exit status 1 where coverage is less than a bound, or a patch has unreached lines."""
    actions = {"merge": merge, "report": report, "lcov": info, "html": html, "diff": compare}
    return int(actions[arguments.action](arguments))


def summary_of(arguments: argparse.Namespace, paths: Iterable[Path]) -> Summary:
    """The lines of saved data."""
    from lkltest.coverage import data
    from lkltest.coverage.summary import summarize

    found = data.load(paths)
    settings = settings_file.load({"cache": arguments.cache})
    return summarize(found.only(arguments.contexts) if arguments.contexts else found, settings.cache)


def merge(arguments: argparse.Namespace) -> Exit:
    """Write the data of several runs to one file."""
    from lkltest.coverage import data

    found = data.load(arguments.data)
    data.save(found.only(arguments.contexts) if arguments.contexts else found, arguments.output)
    return Exit.PASSED


def report(arguments: argparse.Namespace) -> Exit:
    """Print the table, the points that reach a line, or the files without a hit."""
    from lkltest.coverage import report as reports

    bounds = settings_file.load({"cov_fail_under": arguments.cov_fail_under}).cov_fail_under
    summary = summary_of(arguments, arguments.data)
    if arguments.line:
        reaching = list(reports.contexts_of(summary, arguments.line))
        print("\n".join(reaching) if reaching else f"no point reaches {arguments.line}")
        return Exit.PASSED
    for line in reports.table(summary, arguments.depth):
        print(line)
    if arguments.untouched:
        print(f"\nthe largest files of which nothing was reached, with their lines ({arguments.untouched} at most):")
        print("\n".join(reports.untouched(summary, arguments.untouched)))
    missed = reports.missed(summary, bounds)
    for sentence in missed:
        print(f"lkltest cov: {sentence}", file=sys.stderr)
    return Exit.FAILED if missed else Exit.PASSED


def info(arguments: argparse.Namespace) -> Exit:
    """Write the lcov info file."""
    from lkltest.coverage import lcov

    summary = summary_of(arguments, arguments.data)
    if arguments.output:
        lcov.write(summary, arguments.output, arguments.relative)
    else:
        print(lcov.render(summary, arguments.relative), end="")
    return Exit.PASSED


def html(arguments: argparse.Namespace) -> Exit:
    """Write the HTML report."""
    from lkltest.coverage import html as pages

    print(pages.write(summary_of(arguments, arguments.data), arguments.output))
    return Exit.PASSED


def compare(arguments: argparse.Namespace) -> Exit:
    """Print what two runs differ in, or what of a patch is not reached."""
    from lkltest.coverage import diff

    if arguments.patch is not None:
        summary = summary_of(arguments, arguments.data)
        missed, reached = diff.unreached(summary, read(arguments.patch))
        for place in missed:
            print(place)
        print(f"{reached} of {reached + len(missed)} lines of the patch that have code of their own are reached")
        return Exit.FAILED if missed else Exit.PASSED
    if len(arguments.data) != 2:
        raise UsageError(f"diff compares two runs, {len(arguments.data)} named: name OLD and NEW, or a --patch")
    old, new = (summary_of(arguments, [path]) for path in arguments.data)
    for line in diff.functions(old, new):
        print(line)
    return Exit.PASSED


def read(path: str) -> str:
    """The text of a file, or of standard input."""
    if path == "-":
        return os.fsdecode(sys.stdin.buffer.read())
    try:
        return os.fsdecode(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the patch {path}: {error.strerror}") from None

