"""The incremental parser: bytes in, events out, reports in the end."""

from __future__ import annotations

from lkltest.tap import bulk, console, events, lines
from lkltest.tap.block import Block
from lkltest.tap.dialect import Dialect
from lkltest.tap.events import Event
from lkltest.tap.grammar import read_version, text
from lkltest.tap.level import Remark
from lkltest.tap.nesting import PERL
from lkltest.tap.point import Run
from lkltest.tap.report import Report
from lkltest.tap.stream import Stream

OUTPUT = 1 << 13  # bytes of lines that are not TAP, kept for the point that fails after them


class Parser:
    """Read TAP of any dialect, in pieces of any size.

    `dialect` forces one; otherwise the stream says which it is. `events` may be set to False where only the reports are
    wanted: plain points are then taken in by the thousand.

    Any input at all is read without an exception, in time linear in its length, and any split of it gives the same
    events.
    """

    def __init__(self, dialect: Dialect | None = None, *, events: bool = True) -> None:
        self.reports: list[Report] = []  # of the streams, in their order
        self._dialect = dialect
        self._wanted = events
        self._out: list[Event] = []
        self._lines = lines.Lines()
        self._line = 0  # number of the latest line
        self._started = False  # a byte has come
        self._prefix = b""  # what the console puts before every line, as a pattern
        self._behind_prefix = False  # the present line had it
        self._torn: tuple[bytes, int] | None = None  # a line into which the console broke
        self._block: Block | None = None  # the YAML block being read
        self._output = b""  # the latest lines that were not TAP
        self._stream = self._new_stream()

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

    def feed(self, data: bytes) -> list[Event]:
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

    def close(self, *, cut: bool = False) -> list[Event]:
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

    def _take(self) -> list[Event]:
        taken, self._out[:] = (list(self._out) if self._wanted else []), ()
        return taken

    # Streams

    def _new_stream(self) -> Stream:
        return Stream(self._dialect, self._line + 1, self._out)

    def _end_stream(self) -> None:
        stream = self._stream
        self._end_block()
        stream.line = self._line
        if stream.begun:
            self._register()
            points = len(stream.report.points)
            stream.finish()
            self._give_output(points)
            if not stream.report.passed:
                stream.report.output = self._shown_output()
            self._output = b""

    def _register(self) -> None:
        if self._stream.begun and (not self.reports or self.reports[-1] is not self._stream.report):
            self.reports.append(self._stream.report)

    def _restart(self) -> None:
        """End the stream; another begins with the present line."""
        now, self._line = self._line, self._line - 1
        self._end_stream()
        self._stream = self._new_stream()
        self._line = self._stream.line = now

    # Blocks of lines

    def _read(self, block: bytes) -> None:
        """Read whole lines; skip in bulk what is not TAP, take in bulk what is plain."""
        at, end, slow = 0, len(block), 0
        while at < end:
            if not (self._torn or self._block):
                starts = at >= slow and block.startswith((b"ok ", b"not ok "), at)
                if starts and end <= lines.HEAD and not self._prefix and self._stream.plain:
                    taken = self._read_run(block, at)
                    slow = end if taken < at else slow
                    if taken > at:
                        at = taken
                        continue
                if block.startswith(b"#", at) and (taken := self._read_comments(block, at)) > at:
                    at = taken
                    continue
                optional = self._optional_prefix()
                if not console.candidate(optional).match(block, at):
                    found = console.next_candidate(optional).search(block, at)
                    stop = found.start() + 1 if found else end
                    at = self._skip(block, at, stop)
                    continue
            stop = block.find(b"\n", at)
            stop = end if stop < 0 else stop
            self._read_line(block[at:stop])
            at = stop + 1

    def _optional_prefix(self) -> bytes:
        if self._prefix or self._stream.dialect is Dialect.KTAP or not self._stream.begun:
            return self._prefix or console.PRINTK
        return b""

    def _skip(self, block: bytes, at: int, stop: int) -> int:
        """Pass over lines that are not TAP, as far as a version line behind a prefix; return where it went on."""
        mark = block.find(b"TAP version ", at, stop)
        while mark >= 0:
            start = block.rfind(b"\n", at, mark) + 1 or at
            finish = block.find(b"\n", mark)
            if self._console_start(block[start:finish]) is not None:
                if start > at:
                    self._pass_over(block[at:start])
                self._read_line(block[start:finish])
                return finish + 1
            mark = block.find(b"TAP version ", finish, stop)
        self._pass_over(block[at:stop])
        return stop

    def _pass_over(self, noise: bytes) -> None:
        """Take in whole lines that are not TAP."""
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
        self._stream.suspect = False

    def _unknown(self, line: bytes) -> None:
        self._keep_output(line + b"\n")
        self._stream.suspect = False
        if line.strip():
            self._stream.line = self._line
            self._stream.unknown()
            if self._wanted:
                self._out.append(events.UnknownSeen(text(line), self._line))

    def _keep_output(self, noise: bytes) -> None:
        self._output = (self._output + noise[-OUTPUT:])[-OUTPUT:]

    def _read_run(self, block: bytes, at: int) -> int:
        """Take in the plain points from `at` on but the last, to which more may belong.

        Return where they end; less than `at` where they are not as plain as they look.
        """
        found = bulk.find_points(block, at)
        if found is None or (self._output and block.startswith(b"not", at)):
            return at
        data, numbers = found
        report = self._stream.report
        if numbers != list(range(report.last + 1, report.last + 1 + len(numbers))):
            return -1
        if report.plan is not None and numbers[-1] > report.plan:
            return -1
        run = Run(data, numbers[0], len(numbers), self._line + 1)
        self._stream.take_run(run)
        if self._wanted:
            self._out += events.whole(list(run.points()))
        self._line += data.count(b"\n")
        self._output = b""
        return at + len(data)

    def _read_comments(self, block: bytes, at: int) -> int:
        """Take in the plain comments from `at` on; return where they end."""
        if not self._stream.begun or len(block) > lines.HEAD:
            return at
        comments = bulk.find_comments(block, at)
        self._stream.suspect = self._stream.suspect and not comments
        take = self._stream.comments_of(self._stream.levels[0])
        for line in comments.split(b"\n")[:-1]:
            self._line += 1
            words = line[1:].strip()
            take(words)
            if self._wanted:
                self._out.append(events.CommentSeen(text(words), self._line))
        return at + len(comments)

    # Single lines

    def _read_line(self, raw: bytes) -> None:
        """Read one line as it came, without its end."""
        self._line += 1
        line = raw.rstrip(b"\r")
        if self._torn:
            if console.is_stamped(line):
                self._unknown(line)
                return
            (fragment, number), self._torn = self._torn, None
            whole = fragment + line
            fits = console.candidate(b"").match(whole + b"\n")
            if fits and not console.is_apart(fragment, line):
                self._stream.line = number
                self._stream.note([Remark("torn-line", "the console broke into this line; it was put together again")])
                self._read_text(whole, number)
                return
            self._read_text(fragment, number)
        if not self._prefix and not (self._block and self._block.holds(line, self._stream.dialect)):
            if line in (b"not", b"not "):
                self._torn = (b"not ", self._line)
                return
            if b"[" in line and (parts := console.tear(line)):
                self._torn = (parts[0], self._line)
                self._keep_output(parts[1] + b"\n")
                return
        self._read_text(line, self._line)

    def _read_text(self, line: bytes, number: int) -> None:
        """Read one line, put together again."""
        stream = self._stream
        stream.line = number
        self._behind_prefix = False
        if optional := self._optional_prefix():
            stripped = self._strip_prefix(line, optional)
            self._behind_prefix = stripped is not line
            line = stripped
        bare = line.lstrip(b" \t")
        space = line[: len(line) - len(bare)]
        indent = len(space) + 3 * space.count(b"\t")  # the kernel's tab is one step of four
        if self._block and self._in_block(line, bare):
            return
        points = len(stream.report.points)
        self._note_length(line)
        if not self._dispatch(line, bare, indent):
            if self._starts_on_console(line):
                self._read_text(line, number)
                return
            self._unknown(line)
        else:
            self._register()
        self._give_output(points)
        self._stream.suspect = bare.startswith(b"not ") and not bare.startswith(b"not ok")

    def _note_length(self, line: bytes) -> None:
        if len(line) > lines.LONGEST and self._stream.begun:
            message = f"a line of more than {lines.LONGEST} bytes; its middle was left out"
            self._stream.note([Remark("long-line", message)])

    def _dispatch(self, line: bytes, bare: bytes, indent: int) -> bool:
        """Give the line to the stream; whether it was TAP."""
        take = _KINDS.get(bare[:1])
        return take is not None and take(self, line, bare, indent)

    def _point(self, line: bytes, bare: bytes, indent: int) -> bool:
        found = self._stream.point(bare, indent, line)
        if found is None:
            return False
        if not found.passed:
            found.output = self._shown_output()
        self._output = b""
        return True

    def _plan(self, _line: bytes, bare: bytes, indent: int) -> bool:
        if not indent and self._stream.is_other_suite(bare):
            self._stream.become(Dialect.LKL)  # nobody else prints plan after plan
            self._restart()
            self._stream.become(Dialect.LKL)
        return self._stream.plan(bare, indent)

    def _comment(self, line: bytes, bare: bytes, indent: int) -> bool:
        if line.startswith(b"\t# Subtest") and self._stream.dialect in PERL:
            self._stream.become(Dialect.KTAP)  # only the kernel ever indented by tabs
        self._stream.comment(bare, indent)
        return True

    def _version(self, _line: bytes, bare: bytes, indent: int) -> bool:
        version = read_version(bare)
        if version is None:
            return False
        if not indent and self._stream.begun:
            if not self._behind_prefix:
                self._prefix = b""
            self._restart()
        return self._stream.version(*version, indent)

    def _bail_out(self, _line: bytes, bare: bytes, _indent: int) -> bool:
        return self._stream.bail_out(bare)

    def _progress(self, _line: bytes, bare: bytes, indent: int) -> bool:
        found = not indent and self._stream.progress(bare)
        self._output = b"" if found else self._output
        return found

    def _pragma(self, _line: bytes, bare: bytes, indent: int) -> bool:
        return self._stream.pragma(bare, indent)

    def _brace(self, _line: bytes, bare: bytes, indent: int) -> bool:
        return self._stream.brace(bare, indent)

    def _shown_output(self) -> str:
        return text(self._output.replace(b"\r\n", b"\n"))

    def _give_output(self, points: int) -> None:
        """Give the latest lines that were not TAP to the points that never ended, of those after the first `points`."""
        report = self._stream.report
        for at in range(points, len(report.points)):
            point = report.points[at]
            if point.ok is None and not point.output:
                point.output = self._shown_output()
                self._output = b""

    # The console

    def _strip_prefix(self, line: bytes, optional: bytes) -> bytes:
        """Take the console's prefix from a line."""
        match = console.prefixed(optional).match(line)
        if match is None or not match.end():
            return line
        rest = line[match.end() :]
        if self._stream.begun or self._prefix:
            return rest
        # Nothing has come yet: a kernel log whose beginning is lost starts with a plan, a subtest or a numbered point.
        if console.begins(rest):
            self._prefix = optional
            self._stream.become(Dialect.KTAP)
            return rest
        return line

    def _console_start(self, line: bytes) -> bytes | None:
        """The console's prefix, if a stream starts with this line, a version line behind it."""
        if b"TAP version " not in line or (self._stream.begun and not self._stream.report.met):
            return None  # inside of a stream that has not ended it is only talked about, or another's
        return console.find_prefix(line)

    def _starts_on_console(self, line: bytes) -> bool:
        """Start a stream if it starts with this line, a version line behind the console's prefix."""
        prefix = self._console_start(line)
        if prefix is None:
            return False
        if self._stream.begun:
            self._restart()
        self._prefix = prefix
        return True

    # YAML blocks

    def _open_block(self, line: bytes, bare: bytes, indent: int) -> bool:
        if not bare.startswith(b"---"):
            return False
        point = self._stream.block_opener(indent)
        if point is None or bare[3:4] not in (b"", b" ", b"\t"):
            return False
        self._block = Block(point, line[: len(line) - len(bare)], bare[3:].strip(), self._stream.line)
        return True

    def _in_block(self, line: bytes, bare: bytes) -> bool:
        """Give a line to the YAML block that is open; False where it cannot belong to it."""
        block = self._block
        assert block is not None
        if block.holds(line, self._stream.dialect):
            if bare.rstrip() == b"..." and line.startswith(block.indent + b"..."):
                self._end_block(whole=True)
            else:
                block.append(line)
                self._note_length(line)
            return True
        text_only = self._stream.dialect is Dialect.LKL
        if text_only and (bare[:1] == b"#" or not console.candidate(b"").match(line + b"\n")):
            block.append(line)  # its log is text, whatever it contains
        elif text_only or not console.is_stamped(line):
            self._end_block()
            return False
        self._unknown(line)
        return True

    def _end_block(self, *, whole: bool = False) -> None:
        block, self._block = self._block, None
        if block is None:
            return
        point = block.point
        point.raw_block = block.text()
        point.log_is_text = self._stream.dialect is Dialect.LKL
        if not whole:
            remark = Remark("unterminated-yaml", f"the YAML block of point {point.number} has no end")
            self._stream.note([remark], block.line)
        if block.left_out:
            message = f"{block.left_out} bytes of the YAML block of point {point.number} were left out"
            remark = Remark("long-yaml", message)
            self._stream.note([remark], block.line)
        self._stream.block_ended(point)


_KINDS = {
    b"o": Parser._point,
    b"n": Parser._point,
    b"1": Parser._plan,
    b"#": Parser._comment,
    b"-": Parser._open_block,
    **dict.fromkeys((b"t", b"T", b"k", b"K"), Parser._version),
    **dict.fromkeys((b"b", b"B"), Parser._bail_out),
    b"*": Parser._progress,
    b"p": Parser._pragma,
    **dict.fromkeys((b"{", b"}"), Parser._brace),
}
