"""The incremental parser: bytes in, events out, reports in the end.

A newcomer starts here. This is the whole algorithm, with the rules that keep it sound.

**Blocks and lines.** `Parser.feed` takes pieces of any size. `lines.Lines` gives back blocks of whole lines. `_read`
walks through a block. Most lines need no thought, and are taken in many at once: plain points (`bulk.PlainPoints`),
plain comments, and noise, which is everything that cannot be TAP (`console.candidate` says so from the beginning of a
line). Each other line goes to `Reader._read_line`. Both ways give the same result: they differ in speed only.

**One line** (`reader.Reader`). First, escapes and the prefix are taken off (`prefix`). Then a line that a kernel's
message broke into is put together again (`console`). If a YAML block is open, the line may belong to it (`block`). What
is left is dispatched by its first byte: a point, a plan, a comment, a version, a bail-out, and so on. A line that is
none of these is unknown: it is kept as output, and fails nothing by itself, with the exceptions below.

**The stream** (`stream.Stream`, built on `nesting.Nesting`). A stream is a stack of documents (`level.Level`), one for
each open subtest, distinguished by their indentation. A point with less indentation closes the documents that are
indented more, and sums them up. `dialect.RULES` says where the dialects differ. Each document has a `report.Report`,
which counts its points and holds the verdict.

**The verdict** starts at failed. A stream passes only if it has a plan, exactly the planned points came, each of them
is ok or excused, and nothing has set `Report.broken`. So a lost line is a missing point, and a missing point fails.

**What counting does not find** is where the care goes. A failure at top level must fail its stream, even in a log that
was cut, torn or mixed with others. Five rules see to that:

1. *The plan that counts is that of the top level.* The head of a log may be lost, so that its first version line is
   one of a subtest. The blanks before that line are then taken for part of the prefix, but only until a line of TAP
   comes with less indentation. Such a line is the parent's: what was read sinks one level down (`Nesting.sink`), and
   the stream fails, as its own beginning is lost. A `not ok` that was passed over before a prefix became known counts
   when the prefix is known.
2. *A stream that has begun keeps its dialect.* Dialects differ in what is a test line, so a change could turn a failure
   into noise. A remark can only tell the dialect before the first point, and a declared version stays.
3. *A `not ok` at the margin is a failure*, even if it is no test line of the dialect (in KTAP, one without a number).
4. *A `not ok` behind something else than the stream's prefix* is a failure too: behind a stamp or a label, glued to
   other text, and behind any text where it has a number. Prose is not: before its `not ok` stands a word of English or
   a quote. Where the same text stands before a `not ok` and before another result or a plan (`heads.Heads`), it is a
   prefix, whatever it is.
5. *What may be the rest of a failure is a failure.* `not `, torn from its `ok 2` by a kernel's message, is joined with
   it where the message has a stamp. Otherwise the next ok fails the stream (`console.suspicion`). So do `ot ok 2`,
   `t ok 2` and `k 2`, which nothing else prints.

An unknown prefix is known by two lines: a plan and the first point, or two points that follow each other, behind the
same text. The first of them is then read again.

`tests/tap/test_tap_mutants.py` tries these rules on damaged logs of all dialects.
"""

from __future__ import annotations

from lkltest.tap import bulk, console, events, lines
from lkltest.tap.dialect import Dialect
from lkltest.tap.events import Event, Events
from lkltest.tap.grammar import text
from lkltest.tap.point import Run
from lkltest.tap.reader import Reader
from lkltest.tap.report import Report


class Parser(Reader):
    """Read TAP of any dialect, in pieces of any size.

    `dialect` forces one; otherwise the stream says which it is. `events` may be set to False where only the reports are
    wanted: plain points are then taken in by the thousand. `excuse_skips`: `not ok 1 # SKIP` is a skip in every
    dialect, as some producers print it for each.

    Any input at all is read without an exception, in time linear in its length, and any split of it gives the same
    events.
    """

    def __init__(
        self, dialect: Dialect | None = None, *, events: bool = True, excuse_skips: bool = False
    ) -> None:
        super().__init__(dialect, wanted=events, excuse_skips=excuse_skips)
        self._lines = lines.Lines()
        self._runs: list[tuple[int, Run]] = []  # whose events are due, each with the number of those before it
        self._started = False  # a byte has come

    @property
    def report(self) -> Report:
        """The report of the stream; of several, the first that did not pass, so that it never hides a failure.

        An input without TAP has the report of an empty stream.
        """
        last = (self.reports or [self._stream.report])[-1]
        return next((report for report in self.reports if not report.passed), last)

    @property
    def passed(self) -> bool:
        """Whether there was a stream, and every one passed."""
        return bool(self.reports) and all(report.passed for report in self.reports)

    def feed(self, data: bytes) -> list[Event] | Events:
        """Read a piece of the input; give the events of the lines that it completes."""
        if not self._started and data:
            # A byte order mark may come in pieces, as anything may.
            data = self._lines.close() + data
            if len(data) < 3 and b"\xef\xbb\xbf".startswith(data):
                list(self._lines.feed(data))
                return []
            self._started = True
            data = data.removeprefix(b"\xef\xbb\xbf")
        for block in self._lines.feed(data):
            self._read(block)
            if not self._wanted:
                self._out.clear()
        return self._take()

    def close(self, *, cut: bool = False) -> list[Event] | Events:
        """End the input; give the last events.

        `cut`: the program that wrote it was killed, so that a last line without its end may be half of one: it does
        not count.
        """
        last = self._lines.close()
        if last and cut:
            self._line += 1
            self._unknown(last)
        elif last:
            self._read_line(last)
        if self._torn:
            fragment, self._torn = self._torn, None
            if cut:
                self._unknown(fragment[0])
            else:
                self._read_text(fragment[0], fragment[1])
        self._end_stream()
        self._stream = self._new_stream()
        return self._take()

    def _take(self) -> list[Event] | Events:
        taken, self._out[:] = (list(self._out) if self._wanted else []), ()
        runs, self._runs = self._runs, []
        return Events(taken, runs) if runs else taken

    # Blocks of lines

    def _read(self, block: bytes) -> None:
        """Read whole lines; skip in bulk what is not TAP, take in bulk what is plain."""
        at, end = 0, len(block)
        points = bulk.PlainPoints(block)
        escapes = b"\x1b" in block or b"\x07" in block
        while at < end:
            if not (self._torn or self._block):
                starts = block.startswith((b"ok ", b"not ok "), at) and end <= lines.HEAD
                if starts and self._prefix is None and self._stream.plain:
                    report = self._stream.report
                    found = points.find(at, report.last + 1, report.plan)
                    if found and not (self._output and block.startswith(b"not", at)):
                        at += self._take_run(*found)
                        continue
                if block.startswith(b"#", at) and (taken := self._read_comments(block, at)) > at:
                    at = taken
                    continue
                optional = self._optional_prefix()
                pattern = optional.pattern if optional else b""
                if not console.candidate(pattern, escapes).match(block, at):
                    after = console.next_candidate(pattern, escapes).search(block, at)
                    stop = after.start() + 1 if after else end
                    at = self._skip(block, at, stop)
                    continue
            stop = block.find(b"\n", at)
            stop = end if stop < 0 else stop
            self._read_line(block[at:stop])
            at = stop + 1

    def _skip(self, block: bytes, at: int, stop: int) -> int:
        """Pass over lines that are not TAP, but read those that need a look; return where it went on."""
        stream, prefix = self._stream, self._prefix
        for mark in console.notable(block, at, stop, begun=stream.begun, met=stream.report.met):
            if mark < at:
                continue
            start = block.rfind(b"\n", at, mark) + 1 or at
            finish = block.find(b"\n", mark)
            if start > at:
                self._pass_over(block[at:start])
            self._read_line(block[start:finish])
            at = finish + 1
            if self._torn or self._block or self._stream is not stream or self._prefix is not prefix:
                return at
        if at < stop:
            self._pass_over(block[at:stop])
        return stop

    def _pass_over(self, noise: bytes) -> None:
        """Take in whole lines that are not TAP, and need no look."""
        if self._stream.top.strict:
            for line in noise.split(b"\n")[:-1]:
                self._line += 1
                self._unknown(line.rstrip(b"\r"))
            return
        if self._wanted:
            for number, line in enumerate(noise.split(b"\n"), self._line + 1):
                if line and not line.isspace():
                    self._out.append(events.UnknownSeen(text(line.rstrip(b"\r")), number))
        self._line += noise.count(b"\n")
        self._keep_output(noise)

    def _take_run(self, data: bytes, count: int) -> int:
        """Take in plain points; return the length of their lines."""
        run = Run(data, self._stream.report.last + 1, count, self._line + 1)
        self._stream.take_run(run)
        if self._wanted:
            self._runs.append((len(self._out), run))
        self._line += run.lines
        self._output = b""
        return len(data)

    def _read_comments(self, block: bytes, at: int) -> int:
        """Take in the plain comments from `at` on; return where they end."""
        if not self._stream.begun or len(block) > lines.HEAD:
            return at
        comments = bulk.find_comments(block, at)
        take = self._stream.comments_of(self._stream.levels[0])
        for line in comments.split(b"\n")[:-1]:
            self._line += 1
            words = line[1:].strip()
            take(words)
            if self._wanted:
                self._out.append(events.CommentSeen(text(words), self._line))
        return at + len(comments)
