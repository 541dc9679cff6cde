"""The reading of single lines: prefix, torn lines, YAML blocks, and what a line is."""

from __future__ import annotations

from collections import deque

from lkltest.tap import console, events, lines, prefix
from lkltest.tap.block import Block
from lkltest.tap.dialect import Dialect
from lkltest.tap.grammar import find_glued, has_glued_failure, is_failure, read_remark, read_version, read_warning, text
from lkltest.tap.heads import Heads, Start
from lkltest.tap.nesting import PERL
from lkltest.tap.prefix import Prefix
from lkltest.tap.problem import ProblemKind, Remark
from lkltest.tap.report import Report
from lkltest.tap.stream import Stream

UNREAD = 1000  # lines with a `not ok` that were not read, kept for a prefix that explains them
OUTPUT = 1 << 13  # bytes of lines that are not TAP, kept for the point that fails after them


class Reader:
    """Takes in one line after the other, and gives each to the stream that is read."""

    def __init__(self, dialect: Dialect | None, *, wanted: bool, excuse_skips: bool) -> None:
        self.reports: list[Report] = []  # of the streams, in their order
        self._dialect = dialect
        self._excuse_skips = excuse_skips
        self._wanted = wanted
        self._out: list[events.Event] = []
        self._line = 0  # number of the latest line
        self._prefix: Prefix | None = None  # what stands before every line
        self._behind_prefix = False  # the present line had it
        self._unread: deque[bytes] = deque(maxlen=UNREAD)
        self._heads = Heads()  # what stands before lines that look like TAP, and have no prefix
        self._raw = b""  # the present line, as it came
        self._escaped: bytes | None = None  # the present line, where it came with escapes and has no prefix
        self._torn: tuple[bytes, int] | None = None  # a line into which the console broke
        self._block: Block | None = None  # the YAML block being read
        self._output = b""  # the latest lines that were not TAP
        self._stream = self._new_stream()

    # Streams

    def _new_stream(self) -> Stream:
        return Stream(self._dialect, self._line + 1, self._out, excuse_skips=self._excuse_skips)

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
        elif stream.failure_before and self.reports:  # no other stream has come
            self.reports[-1].fault(self._line, ProblemKind.LOST_FAILURE, "a `not ok` behind the end of the stream")

    def _register(self) -> None:
        if self._stream.begun and (not self.reports or self.reports[-1] is not self._stream.report):
            self.reports.append(self._stream.report)

    def _restart(self) -> None:
        """End the stream; another begins with the present line."""
        now, self._line = self._line, self._line - 1
        self._end_stream()
        self._stream = self._new_stream()
        self._line = self._stream.line = now

    # Lines

    def _read_line(self, raw: bytes) -> None:
        """Read one line as it came, without its end."""
        self._line += 1
        self._raw = raw.rstrip(b"\r")
        line, dedent = self._undress()
        if self._torn and self._continue_torn(line):
            return
        if not (self._block and self._block.holds(line, self._stream.dialect)):
            if line in (b"not", b"not ", b"not o"):
                self._torn = (line if line.endswith(b"o") else b"not ", self._line)
                return
            if b"[" in line and (parts := console.tear(line)) and self._is_torn(parts[0]):
                self._torn = (parts[0], self._line)
                self._keep_output(parts[1] + b"\n")
                return
        self._read_text(line, self._line, dedent)

    def _undress(self) -> tuple[bytes, int]:
        """Take prefix and escapes from the present line; give the rest, and the columns that it is less indented."""
        raw = self._raw
        plain = prefix.without_escapes(raw)
        self._escaped = raw if plain is not raw and self._prefix is None else None
        if self._escaped is not None and self._block and self._block.holds(raw, self._stream.dialect):
            return self._strip_prefix(raw)
        line, dedent = self._strip_prefix(plain)
        return (line if plain is raw else prefix.with_escapes(raw, line)), dedent

    def _is_torn(self, fragment: bytes) -> bool:
        """Whether the rest of a line may come later: a stamped one that says its result was printed as a whole."""
        return self._prefix is None or console.may_fail(fragment)

    def _continue_torn(self, line: bytes) -> bool:
        """Take in the line after a torn one; False where the two are apart, and the line is still to be read."""
        assert self._torn
        fragment, number = self._torn
        if console.is_stamped(line):
            self._unknown(line)
            return True
        if console.completes(fragment, line):
            self._torn = None
            self._stream.line = number
            message = "the console broke into this line; it was put together again"
            self._stream.note([Remark(ProblemKind.TORN_LINE, message)])
            self._read_text(fragment + line, number)
            return True
        if console.may_fail(fragment) and not console.candidate(b"").match(line + b"\n"):
            self._unknown(line)  # another message, before the rest
            return True
        self._torn = None
        self._read_text(fragment, number)
        if console.may_fail(fragment):
            self._stream.suspect = 2
        return False

    def _read_text(self, line: bytes, number: int, dedent: int = 0) -> None:
        """Read one line, without its prefix and put together again."""
        stream = self._stream
        stream.line = number
        bare = line.lstrip(b" \t")
        space = line[: len(line) - len(bare)]
        indent = len(space) + 3 * space.count(b"\t")  # the kernel's tab is one step of four
        if self._block and self._in_block(line, bare):
            return
        points = len(stream.report.points)
        self._note_length(line)
        if dedent > 1 and bare[:1] in b"on1" and bare and console.candidate(b"").match(bare + b"\n"):
            self._lose_head(dedent)
        if not self._dispatch(line, bare, indent):
            if number == self._line and self._starts_behind_prefix():
                line, dedent = self._undress()
                self._read_text(line, number, dedent)
                return
            self._unknown(line)
        else:
            self._register()
            if bare[:1] != b"#" and has_glued_failure(bare):  # its line began at the margin
                self._lose_failure()
            # The rest of a torn `not ok` is a point: a brace or a pragma of the console's between them is not.
            if bare[:1] in b"on" or (bare[:1] != b"#" and self._stream.suspect < 2):
                self._stream.suspect = 0
        self._give_output(points)
        self._stream.suspect = max(self._stream.suspect, console.suspicion(bare) if bare[:3] == b"not" else 0)

    def _lose_head(self, columns: int) -> None:
        """Take what was read so far for a subtest: its parent, whose head is lost, goes on with this line."""
        assert self._prefix
        self._prefix = self._prefix._replace(blanks=self._prefix.blanks - columns)
        if self._stream.begun:
            self._stream.sink(columns)

    def _note_length(self, line: bytes) -> None:
        if len(line) > lines.LONGEST and self._stream.begun:
            message = f"a line of more than {lines.LONGEST} bytes; its middle was left out"
            self._stream.note([Remark(ProblemKind.LONG_LINE, message)])

    def _dispatch(self, line: bytes, bare: bytes, indent: int) -> bool:
        """Give the line to the stream; whether it was TAP."""
        take = _KINDS.get(bare[:1])
        return take is not None and take(self, line, bare, indent)

    def _unknown(self, line: bytes) -> None:
        """Take in a line that is not TAP."""
        self._keep_output((line if self._escaped is None else self._escaped) + b"\n")
        if not line.strip():
            return
        if not self._glued(line):
            self._look_for_failure(prefix.without_escapes(line))
        self._stream.line = self._line
        self._stream.unknown()
        if self._wanted:
            self._out.append(events.UnknownSeen(text(line), self._line))

    def _look_for_failure(self, line: bytes) -> None:
        """Fail the stream where a line that is not TAP has a failure behind the prefix of something else."""
        if self._heads.note(line):
            self._lose_failure()
        if any(part in line for part in (b"t ok", b" ok", b"k ")):
            last = self._prefix.last if self._prefix and not self._behind_prefix else b""
            self._stream.report.doubtful |= b"t ok" in line
            # The prefix of this line may be longer than the stream's.
            failed = console.has_failure(line, last) or console.has_failure(prefix.without_escapes(self._raw), b"")
            if failed or console.may_be_rest(line, self._output):
                self._lose_failure()
        elif (at := console.find_torn(line) if b"not" in line else None) is None:
            return
        elif console.is_torn(line, at):
            self._lose_failure()
        self._unread.append(prefix.without_escapes(self._raw)[: 2 * prefix.LONGEST])

    def _lose_failure(self) -> None:
        """Fail the stream that is read, or the next one, as a line that is none of its points is a failure."""
        if not self._stream.begun:
            self._stream.failure_before = True
            return
        self._stream.line = self._line
        self._stream.lose_failure()

    def _keep_output(self, noise: bytes) -> None:
        self._output = (self._output + noise[-OUTPUT:])[-OUTPUT:]

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

    # Kinds of lines

    def _point(self, line: bytes, bare: bytes, indent: int) -> bool:
        if not indent and bare == b"ok" and self._is_verdict():
            return False
        if not indent:
            self._begin_next_test()
        found = self._stream.point(bare, indent, line)
        if found is None:
            return False
        if not found.passed:
            found.output = self._shown_output()
        self._output = b""
        return True

    def _is_verdict(self) -> bool:
        """Whether a bare `ok` is what `prove -v` says of a whole stream: all points have come, and had numbers."""
        stream = self._stream
        if not stream.proved or not stream.report.met or stream.suspect or not len(stream.report.points):
            return False
        return console.is_numbered(stream.report.points[-1].raw)

    def _begin_next_test(self) -> None:
        """Begin another stream where the line before is the header that `prove -v` prints for the next test."""
        if not console.ends_with_header(self._output):
            return
        if self._stream.report.met:
            self._restart()
        if self._stream.fresh and self._stream.report.plan is None:
            self._stream.proved = True

    def _warning(self, _line: bytes, bare: bytes, indent: int) -> bool:
        """Take in Catch2's `warning 2 - 'text'`, which takes a number that the plan does not count."""
        found = read_warning(bare)
        return not indent and found is not None and self._stream.skip_number(found)

    def _plan(self, _line: bytes, bare: bytes, indent: int) -> bool:
        if not indent:
            self._begin_next_test()
        if not indent and self._stream.is_other_suite(bare):
            self._stream.become(Dialect.LKL)  # nobody else prints plan after plan
            self._restart()
            self._stream.become(Dialect.LKL)
        return self._stream.plan(bare, indent)

    def _comment(self, line: bytes, bare: bytes, indent: int) -> bool:
        if bare[1:2].isdigit() and prefix.is_buildkit(prefix.without_escapes(line)):
            return False
        kernel = line.startswith(b"\t# Subtest") or (self._prefix == prefix.STAMP and line.startswith(b"    # Subtest"))
        if kernel and self._stream.dialect in PERL and self._stream.fresh:
            self._stream.become(Dialect.KTAP)  # only the kernel ever indented by tabs, and stamps a log without a head
        if self._stream.kselftest and not indent and self._remark(bare):
            return True
        self._stream.comment(bare, indent)
        if not self._glued(bare) and console.has_glued_failure(bare):
            self._lose_failure()
        return True

    def _remark(self, line: bytes) -> bool:
        """Take in a line of TAP that kselftest's runner has put "# " before: its subtests are two columns each."""
        found = read_remark(line)
        if found is None:
            return False
        depth, rest = found
        bare = rest.lstrip(b" \t")
        indent = 2 * depth + len(rest) - len(bare)
        if bare[:1] in b"on":
            self._stream.deepen(2 * depth)
            return self._point(line, bare, indent)
        return self._stream.remark(bare, indent)

    def _glued(self, line: bytes) -> bool:
        """Read the test line that is glued to the end of other text, if it is the one that must come next."""
        found = find_glued(line) if b"ok " in line else None
        if found and self._stream.expects(found[1]):
            self._stream.note([Remark(ProblemKind.GLUED_LINE, "this result does not stand on a line of its own")])
            return self._point(line, line[found[0] :], 0)
        return False

    def _version(self, _line: bytes, bare: bytes, indent: int) -> bool:
        version = read_version(bare)
        if version is None:
            return False
        if not indent and self._stream.begun:
            if not self._behind_prefix:
                self._prefix = None
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

    # Prefixes

    def _optional_prefix(self) -> Prefix | None:
        """The prefix that lines may have now."""
        if self._prefix is None and self._stream.dialect is Dialect.KTAP:
            return prefix.ANY_PRINTK
        return self._prefix

    def _strip_prefix(self, line: bytes) -> tuple[bytes, int]:
        """Take the prefix from a line; give the rest, and by how much it is indented less than the stream's first."""
        optional = self._optional_prefix()
        found = optional.strip(line) if optional else None
        self._behind_prefix = found is not None
        return found or (line, 0)

    def _starts_behind_prefix(self) -> bool:
        """Find the prefix of a stream that starts with the present line."""
        line = prefix.without_escapes(self._raw)
        found, start = self._find_prefix(line), None
        if found is None and not self._stream.begun and self._prefix is None:
            start = self._heads.begin(line, self._line)
            found = start and start.prefix
        if found is None or found == self._prefix:
            return False
        if self._stream.begun:
            self._restart()
        self._prefix = found
        self._stream.failure_before |= any(map(self._failed_behind, self._unread))
        self._unread.clear()
        if start:
            self._stream.failure_before |= self._heads.note(line, read=True)
            self._read_again(start)
        return True

    def _read_again(self, start: Start) -> None:
        """Read an earlier line, as its prefix is known now."""
        raw, self._raw = self._raw, start.raw
        line, dedent = self._undress()
        self._read_text(line, start.line, dedent)
        self._raw = raw

    def _failed_behind(self, line: bytes) -> bool:
        """Whether an earlier line, which was not read, is a failure behind the prefix that is now known."""
        assert self._prefix
        found = self._prefix.strip(line)
        return found is not None and (is_failure(found[0]) or console.suspicion(found[0]) > 1)

    def _find_prefix(self, line: bytes) -> Prefix | None:
        if self._stream.begun:
            # Inside of a stream that has not ended a version line is only talked about, or another's.
            return prefix.find_at_version(line) if b"TAP version " in line and self._stream.report.met else None
        if b"TAP version " in line and (found := prefix.find_at_version(line)):
            return found
        if headless := prefix.find_headless(line):
            if headless[1]:
                self._stream.become(Dialect.KTAP)
            return headless[0]
        return prefix.find_at_start(line)

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
            block.append(line if self._escaped is None else self._escaped)  # its log is text, whatever it contains
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
            remark = Remark(ProblemKind.UNTERMINATED_YAML, f"the YAML block of point {point.number} has no end")
            self._stream.note([remark], block.line)
        if block.left_out:
            message = f"{block.left_out} bytes of the YAML block of point {point.number} were left out"
            remark = Remark(ProblemKind.LONG_YAML, message)
            self._stream.note([remark], block.line)
        self._stream.block_ended(point)


_KINDS = {
    b"o": Reader._point,
    b"n": Reader._point,
    b"1": Reader._plan,
    b"#": Reader._comment,
    b"-": Reader._open_block,
    **dict.fromkeys((b"t", b"T", b"k", b"K"), Reader._version),
    **dict.fromkeys((b"b", b"B"), Reader._bail_out),
    b"*": Reader._progress,
    b"p": Reader._pragma,
    b"w": Reader._warning,
    **dict.fromkeys((b"{", b"}"), Reader._brace),
}
