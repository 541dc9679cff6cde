"""`lkltest tap`: any TAP stream, summarized."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lkltest import known_failures
from lkltest.cli import contents
from lkltest.errors import Exit, UsageError
from lkltest.known_failures import Entry, KnownFailures
from lkltest.tap import Dialect, Event, Parser, PointSeen, PointStarted, Report
from lkltest.tap.formats import json, text
from lkltest.tap.known import excuse
from lkltest.tap.point import Point
from lkltest.tap.problem import Problem, ProblemKind

EPILOG = """\
examples:
  linux mem=64M root=/dev/root rootfstype=hostfs rw init=/init con=null con0=fd:0,fd:1 | lkltest tap
  lkltest tap --junit result.xml kunit.log
  lkltest tap --ktap result.ktap bats.tap
  lkltest tap --json --strict kselftest.log | jq '.streams[].problems'

exit status: 0 passed, 1 failed, 2 nothing usable
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    names = ", ".join(dialect.value for dialect in Dialect)
    files = "what to read, .gz and .xz too; - or nothing: standard input"
    parser.add_argument("files", nargs="*", metavar="FILE", help=files)
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON (schema: docs/tap.md)")
    parser.add_argument("--junit", metavar="FILE", help="write the report as JUnit XML; -: to standard output")
    parser.add_argument("--ktap", metavar="FILE", help="write what was read as KTAP, version 1; -: to standard output")
    parser.add_argument("--dialect", type=_dialect, metavar="NAME", help=f"read it as one of: {names}")
    parser.add_argument("--strict", action="store_true", help="let every problem of a stream fail it")
    parser.add_argument(
        "--excuse-skips", action="store_true", help="take `not ok 1 # SKIP` for a skip, as bats and cmocka print it"
    )
    known = "a list of known failures, which fail nothing (docs/known-failures.md)"
    parser.add_argument("--known", type=Path, metavar="FILE", help=known)
    parser.add_argument("-q", "--quiet", action="store_true", help="show only what did not pass, and the summary")


def _dialect(name: str) -> Dialect:
    try:
        return Dialect.named(name)
    except ValueError:
        names = ", ".join(dialect.value for dialect in Dialect)
        raise argparse.ArgumentTypeError(f"{name!r} is no dialect: use one of {names}") from None


class Source(NamedTuple):
    """The result of reading one file."""

    file: str
    reports: list[Report]
    error: str | None = None  # why it could not be read to its end


def run(arguments: argparse.Namespace) -> int:
    """Read the files, show them as asked, and return the exit code."""
    with _Output() as out:
        live = not (arguments.json or "-" in (arguments.junit, arguments.ktap))
        listed = known_failures.read(arguments.known) if arguments.known else None
        show = _Live(out, quiet=arguments.quiet, titled=len(arguments.files) > 1) if live else None
        # A failure can be compared with the list once the lines around it have been read.
        sources, interrupted = _read_all(arguments, show if listed is None else None)
        for source in sources:
            for report in source.reports:
                report.strict = arguments.strict
        found = [(source.file, report) for source in sources for report in source.reports or [_nothing(source.error)]]
        known = _Known.excuse(listed, sources) if listed else None
        if arguments.json:
            out.write_all(json.write(found, known.describe() if known else None))
        elif show:
            _summarize(found, out, show if known else None)
        for file, write, what in ((arguments.junit, _junit, "JUnit report"), (arguments.ktap, _ktap, "KTAP")):
            if file == "-":
                out.write_all(write(found))
            elif file:
                _write(file, write(found), what)
        out.flush()
    _complain(sources, known)
    if out.error:
        raise UsageError(f"the result cannot be written to standard output: {out.error.strerror}")
    return 130 if interrupted else int(_verdict(sources))


def _summarize(found: list[tuple[str, Report]], out: _Output, show: _Live | None) -> None:
    """Write the summaries of streams; `show` their points first, where they were not shown when they came."""
    for file, report in found:
        if show:
            show.points(file, report)
        if report.started:
            out.write_all(f"{line}\n" for line in text.summarize(file, report))


def _complain(sources: list[Source], known: _Known | None) -> None:
    """Tell of files that were not usable, and of entries of the list that did not fail."""
    for source in sources:
        if message := source.error or ("" if source.reports else "no TAP: no plan and no test line in it"):
            print(f"lkltest tap: {source.file}: {message}", file=sys.stderr)
    for note in known.notes() if known else ():
        print(f"lkltest tap: {note}", file=sys.stderr)


class _Known(NamedTuple):
    """A list of known failures, and its points that passed."""

    listed: KnownFailures
    passed: list[tuple[str, Entry]]

    @classmethod
    def excuse(cls, listed: KnownFailures, sources: list[Source]) -> _Known:
        """Excuse the known failures of the sources."""
        streams = [(source.file, report) for source in sources for report in source.reports]
        return cls(listed, [each for name, report in streams for each in excuse(report, listed, name)])

    def describe(self) -> dict[str, object]:
        """The entry on the list of known failures, for the JSON document."""
        return {
            "file": str(self.listed.file),
            "passed": [{"point": name, "line": entry.line, "reason": entry.reason} for name, entry in self.passed],
            "unmatched": [{"line": entry.line, "pattern": entry.pattern} for entry in self.listed.unmatched()],
        }

    def notes(self) -> Iterator[str]:
        """The lines on the list of known failures, for people."""
        file = self.listed.file
        for name, entry in self.passed:
            yield f"known to fail, but passed: {text.show(name)} ({file}:{entry.line}: {text.show(entry.reason)})"
        for entry in self.listed.unmatched():
            yield f"known failure that is no point here: {text.show(entry.pattern)} ({file}:{entry.line})"


def _verdict(sources: list[Source]) -> Exit:
    if any(source.error for source in sources):
        return Exit.USAGE
    reports = [report for source in sources for report in source.reports]
    if not all(report.passed for report in reports):
        return Exit.FAILED
    return Exit.PASSED if all(source.reports for source in sources) else Exit.USAGE


def _nothing(error: str | None) -> Report:
    report = Parser().report
    kind = ProblemKind.UNREADABLE if error else ProblemKind.NO_TAP
    report.noted.add(Problem(1, kind, error or "no TAP: no plan and no test line"))
    return report


def _junit(found: list[tuple[str, Report]]) -> Iterable[str]:
    """The report as JUnit XML; Python's own XML loads half of its network libraries, which takes a while."""
    from lkltest.tap.formats import junit

    return junit.write(found)


def _ktap(found: list[tuple[str, Report]]) -> Iterable[str]:
    """The streams as one document of KTAP."""
    from lkltest.tap.formats import ktap

    return ktap.write(found)


def _write(file: str, text: Iterable[str], what: str) -> None:
    """Write a file whole or not at all; what is no plain file, such as /dev/stdout, is never replaced."""
    path = Path(file)
    plain = not path.is_symlink() and (path.is_file() or not path.exists())
    target = Path(f"{file}.{os.getpid()}.tmp") if plain else path
    try:
        with target.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.writelines(text)
        if plain:
            target.replace(path)
    except OSError as error:
        if plain:
            target.unlink(missing_ok=True)
        advice = "name a file in a directory that is there and may be written"
        raise UsageError(f"{file}: the {what} cannot be written: {error.strerror}; {advice}") from error


# Reading


class _Interrupted(Exception):
    """The user has stopped a live stream; what came before is kept."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source


def _read_all(arguments: argparse.Namespace, show: _Live | None) -> tuple[list[Source], bool]:
    """Read the files one after the other; whether the user has stopped that."""
    sources = []
    for file in arguments.files or ["-"]:
        parser = Parser(arguments.dialect, events=show is not None, excuse_skips=arguments.excuse_skips)
        try:
            sources.append(_read(file, parser, show))
        except _Interrupted as error:
            return [*sources, error.source], True
    return sources, False


def _read(file: str, parser: Parser, show: _Live | None) -> Source:
    """Read one file to its end, and show its points as they come."""
    name = "<stdin>" if file == "-" else file
    if show:
        show.begin(name)
    error = None
    try:
        with _open(file) as descriptor:
            for data in contents.read(descriptor):
                events = parser.feed(data)
                if show:
                    show.events(events)
    except OSError as problem:
        error = _explain(problem)
    except KeyboardInterrupt:
        parser.close()
        raise _Interrupted(Source(name, parser.reports, None)) from None
    events = parser.close()
    if show:
        show.events(events)
    return Source(name, parser.reports, error)


@contextlib.contextmanager
def _open(file: str) -> Iterator[int]:
    if file == "-":
        yield 0
        return
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _explain(error: OSError) -> str:
    advice = {
        FileNotFoundError: "there is no such file: check the name, or give - to read standard input",
        IsADirectoryError: "it is a directory: name a file in it",
        PermissionError: "it may not be read: check its permissions",
    }
    return advice.get(type(error), f"it cannot be read: {error.strerror}")


# Showing


class _Output:
    """Standard output, which may be closed at any time: `| head` must not change the verdict; a full disk is named."""

    def __enter__(self) -> _Output:
        self._open = bool(sys.stdout)  # None where it was closed from the beginning
        self.error: OSError | None = None
        return self

    def __exit__(self, *_: object) -> None:
        if sys.stdout and not self._open:
            # The interpreter flushes standard output once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def write(self, text: str, *, flush: bool = False) -> None:
        """Write, until the output has gone away."""
        if not self._open:
            return
        try:
            print(text, end="", flush=flush)
        except BrokenPipeError:
            self._open = False
        except OSError as error:
            self._open, self.error = False, error

    def write_all(self, pieces: Iterable[str]) -> None:
        """Write piece by piece."""
        for piece in pieces:
            self.write(piece)

    def flush(self) -> None:
        """Let what was written be seen."""
        self.write("", flush=True)


class _Live:
    """Points, shown as they come."""

    def __init__(self, out: _Output, *, quiet: bool, titled: bool) -> None:
        self._out = out
        self._quiet = quiet
        self._titled = titled
        # On a terminal the line of a point that runs is overwritten by its result: a hang shows where it is.
        self._terminal = bool(sys.stdout) and sys.stdout.isatty()

    def begin(self, file: str) -> None:
        """Another file begins."""
        if self._titled:
            self._out.write(f"{text.show(file)}:\n")

    def points(self, file: str, report: Report) -> None:
        """Show the points of a whole stream."""
        self.begin(file)
        self._show(report.points, 0)

    def _show(self, points: Iterable[Point], depth: int) -> None:
        for point in points:
            self._show(point.points, depth + 1)
            if not (self._quiet and point.passed):
                self._out.write("    " * depth + text.headline(point) + "\n")

    def events(self, events: Iterable[Event]) -> None:
        """Show what has come, at once."""
        for event in events:
            if isinstance(event, PointSeen):
                if not (self._quiet and event.point.passed):
                    clear = "\x1b[K" if self._terminal else ""
                    self._out.write(clear + "    " * event.depth + text.headline(event.point) + "\n")
            elif isinstance(event, PointStarted) and self._terminal:
                self._out.write(f"running     {event.number:>4} {text.show(event.description)}\x1b[K\r")
        self._out.flush()
