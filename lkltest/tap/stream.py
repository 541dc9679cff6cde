"""One stream of TAP, taken in line by line."""

from __future__ import annotations

from collections.abc import Callable

from lkltest.tap import events, fields, grammar
from lkltest.tap.dialect import RULES, Dialect
from lkltest.tap.grammar import text
from lkltest.tap.level import Announced, Level
from lkltest.tap.nesting import PERL, Nesting
from lkltest.tap.point import Point, Run
from lkltest.tap.problem import ProblemKind, Remark

# Lines that kselftest's runner and harness print into streams that call themselves TAP 13, before any point.
KSELFTEST = (b"# selftests: ", b"#  RUN  ", b"# Starting ")


def _declared(version: int | None) -> Dialect:
    """The dialect of `TAP version N`; None is a huge number."""
    if version is None or version > 13:
        return Dialect.TAP14
    return Dialect.TAP13 if version == 13 else Dialect.TAP12


class Stream(Nesting):
    """One stream, from its version line or plan to its end.

    Each method takes the text of a line after its indentation, and says whether the line was of its kind.
    """

    def version(self, ktap: bool, digits: bytes, indent: int) -> bool:
        """Take in a version line."""
        number = grammar.number(digits)
        if indent:
            if ktap and self.dialect is Dialect.TAP12 and self.report.version is None and self.begun and self.fresh:
                self.become(Dialect.KTAP)
            level = self._enter(indent, "version")
            if level is None:
                return False
        else:
            self.begin()
            level = self.levels[0]
            self.become(Dialect.KTAP if ktap else _declared(number))
            self.report.kernel = ktap or number == 14
        level.report.version = number
        if number not in ((1, 2) if ktap else (13, 14)):
            name = f"{'KTAP' if ktap else 'TAP'} version {text(digits[:20])}"
            self.note([Remark(ProblemKind.UNKNOWN_VERSION, f"{name} is unknown, or must not be declared")])
        self.out.append(events.VersionSeen(number, self.line))
        return True

    def remark(self, line: bytes, indent: int) -> bool:
        """Take in the version or the plan of a test's own output; several programs of a test number on."""
        level = self._around(indent)
        again = level.report if level.indent == indent and not level.fresh else None
        if line.startswith(b"1"):
            read = grammar.read_plan(line, self.dialect)
            planned = grammar.number(read.digits) if read else None
            if again is None or planned is None or again.plan is None or again.base != len(again.points):
                return again is None and self.plan(line, indent)
            again.plan += planned
            return True
        if again:
            self._complete(level)
            again.base = len(again.points)
            return True
        version = grammar.read_version(line)
        return version is not None and self.version(*version, indent)

    def expects(self, number: int | None) -> bool:
        """Whether the top level goes on with the point of this number."""
        report = self.report
        if not self.begun or number is None or number != report.last + 1:
            return False
        return report.plan is None or report.base + number <= report.plan

    def skip_number(self, number: int) -> bool:
        """Leave out the number that a line which is no result has taken; the plan does not count it."""
        report = self.report
        if report.version is not None or not self.begun or number != report.last + 1 - report.base:
            return False
        report.base -= 1
        return True

    def plan(self, line: bytes, indent: int) -> bool:
        """Take in a plan."""
        read = grammar.read_plan(line, self.dialect)
        level = self._enter(indent, "plan") if read else None
        if read is None or level is None:
            return False
        self.begin()
        planned = grammar.number(read.digits)
        self.out.append(events.PlanSeen(planned, self.line, self.levels.index(level)))
        if level.indent == 0 and self.report.version is None and read.text is not None:
            name = text(read.text.strip())
            if self._extends(name, planned):
                return True
            self.report.name = name
        level.todo = read.todo
        self._plan(level, planned, read.text)
        return True

    def _plan(self, level: Level, planned: int | None, comment: bytes | None) -> None:
        report = level.report
        trailing = bool(report.points)
        first = report.plan is None
        remarks = level.plan(planned)
        if first and report.plan is not None:
            report.plan_line = -self.line if trailing else self.line
            if planned == 0:
                report.skip_all = grammar.skip_reason(comment, level.rules)
        self.note(remarks)
        if trailing:
            self._complete(level)

    def _extends(self, name: str, planned: int | None) -> bool:
        """Whether this plan extends the suite of the same name, as LKL's wrappers do."""
        if self.report.name is None or self.report.plan is None or planned is None or name != self.report.name:
            return False
        self.become(Dialect.LKL)
        level = self.levels[0]
        self._abandon_announced(level)
        self._complete(level)
        self.report.base = self.report.plan
        self.report.plan += planned
        return True

    def is_other_suite(self, line: bytes) -> bool:
        """Whether the line is the plan of another suite of LKL's runner than the one that is being read."""
        if self.report.name is None or self.report.version is not None:
            return False
        if self.forced and self.dialect is not Dialect.LKL:
            return False
        read = grammar.read_plan(line, self.dialect)
        return read is not None and read.text is not None and text(read.text.strip()) != self.report.name

    def point(self, line: bytes, indent: int, raw: bytes) -> Point | None:
        """Take in a test line; None where it is none."""
        read = grammar.read_point(line, RULES[self.dialect])
        level = self._enter(indent, "point") if read else None
        if read is None or level is None:
            if not indent and grammar.is_failure(b"not " + line if self.suspect > 1 else line):
                self._malformed()
            if read:  # what follows belongs to a result that is none here
                self._complete(self.top)
            return None
        self.begin()
        subtest = self._collapse(level)
        self._complete(level)
        self._forget_names(indent)
        number = grammar.number(read.number) if read.number else level.next_number
        directive = "todo" if number in level.todo and not read.directive else read.directive
        point = Point(number, read.ok, text(read.description), self.line, raw)
        if directive:
            point.directive = directive
            point.reason = text(read.reason or b"")
            skips = directive == "skip" and (level.rules.skip_excuses or self.excuse_skips)
            point.excused = directive == "todo" or skips
        self._announce_end(level, point, read.description)
        for comment in level.comments.lines():
            point.comment(comment)
        level.comments.clear()
        level.open = level.latest = point
        if read.opens:
            level.braced = point
        self._count(level, point)
        if subtest:
            self._correlate(point, subtest)
        if self.suspect and read.ok and directive != "todo":
            self.report.broken = True  # other torn lines fail nothing
            message = 'a line before it begins with "not ": this may be the rest of a failure'
            self.note([Remark(ProblemKind.TORN_LINE, message)])
        return point

    def _malformed(self) -> None:
        """A `not ok` at the margin that this dialect does not take for a test line is a failure all the same."""
        kind, message = ProblemKind.MALFORMED_FAILURE, "it begins with `not ok`, but is no test line of this dialect"
        if self.dialect is Dialect.KTAP:
            kind, message = ProblemKind.NO_NUMBER, "KTAP's test lines need a number: this one is none"
        self.fault(kind, message)

    def lose_failure(self) -> None:
        """Take in a `not ok` behind the prefix of something else."""
        message = "a `not ok` behind another prefix than the stream's: it is no point of it"
        self.fault(ProblemKind.LOST_FAILURE, message)

    def _forget_names(self, indent: int) -> None:
        """Subtests that were named, and have no lines of their own before the point that sums them up."""
        for column in [each for each in self.names if each >= indent]:
            name = self.names.pop(column)
            if column > indent and self.dialect is Dialect.KTAP:
                self.note([Remark(ProblemKind.NO_TESTS, f'the subtest "{text(name)}" has no points')])

    @property
    def plain(self) -> bool:
        """Whether plain points can be taken in by the thousand now."""
        level, report = self.levels[0], self.report
        if len(self.levels) > 1 or not self.begun or self.suspect or self.names:
            return False
        if len(level.comments) or level.announced or level.braced or level.todo or report.bail_out is not None:
            return False
        numbers = report.numbers
        in_order = not numbers.beyond and not report.base and numbers.upto == report.last == len(report.points)
        return in_order and report.plan_line >= 0 and report.skip_all is None

    def take_run(self, run: Run) -> None:
        """Take in many plain points."""
        level = self.levels[0]
        self._complete(level)
        level.latest = None
        level.report.count_run(run)

    def _announce_end(self, level: Level, point: Point, description: bytes) -> None:
        """The announced point has ended, or another one came in its place."""
        announced = level.announced
        if announced is None:
            return
        if announced.number != point.number:
            if announced.binding:
                self._abandon_announced(level)
            return
        level.announced = None
        if not announced.binding and announced.description != description:
            level.comments.append(b"running %d %s" % (announced.number, announced.description))

    def progress(self, line: bytes) -> bool:
        """Take in LKL's `* 3 join`."""
        read = grammar.read_announcement(line, "progress")
        if self.report.name is not None and self.report.version is None:
            self.become(Dialect.LKL)  # only its plans have names, which a bulleted list in other streams has not
        number = grammar.number(read[0]) if read and self.dialect is Dialect.LKL else None
        if read is None or number is None:
            return False
        self.begin()
        level = self.levels[0]
        self._abandon_announced(level)
        self._complete(level)
        level.announced = Announced(number, read[1], self.line, binding=True)
        self.out.append(events.PointStarted(number, text(read[1]), self.line))
        return True

    def comment(self, line: bytes, indent: int) -> None:
        """Take in a comment."""
        if self.begun and grammar.is_kselftest(line):
            if self.dialect in (Dialect.TAP12, Dialect.TAP13) and self.fresh:
                self.become(Dialect.KTAP)
            self.kselftest = self.dialect is Dialect.KTAP and line.startswith(b"# selftests: ")
        if not indent and line.startswith(b"# running ") and self._running(line):
            return
        level = self._around(indent)
        name = grammar.read_subtest(line) if line.startswith(b"# Subtest") else None
        if name is not None:
            self._complete(level)
        if name is None:
            self.comments_of(level)(line[1:].strip())
            if self.dialect is Dialect.KTAP and level.indent == indent > 0 and level.fresh:
                level.report.attributes.update(fields.suite_attribute(text(line[1:].strip())))
        else:
            self._name(grammar.unescape(name, RULES[self.dialect]), indent)
        self.out.append(events.CommentSeen(text(line[1:].strip()), self.line))

    def comments_of(self, level: Level) -> Callable[[bytes], None]:
        """The point or document to which comments belong now."""
        return level.open.comment if level.open and not level.rules.comments_lead else level.comments.append

    def _running(self, line: bytes) -> bool:
        read = grammar.read_announcement(line, "running")
        level = self.levels[0]
        if read is None or self.dialect not in PERL or not self.begun:
            return False
        number = grammar.number(read[0])
        if number is None or number != level.report.last + 1:
            return False
        self._complete(level)
        level.announced = Announced(number, read[1], self.line, binding=False)
        self.out.append(events.PointStarted(number, text(read[1]), self.line))
        return True

    def bail_out(self, line: bytes) -> bool:
        """Take in a bail-out, of whatever document."""
        reason = grammar.read_bail_out(line, RULES[self.dialect])
        if reason is None:
            return False
        self.begin()
        if self.report.bail_out is None:
            self.report.bail_out = reason
        self.out.append(events.BailedOut(reason, self.line))
        return True

    def pragma(self, line: bytes, indent: int) -> bool:
        """Take in a pragma."""
        switches = grammar.read_pragmas(line)
        if switches is None or self.dialect not in PERL:
            return False
        level = self._enter(indent, "pragma")
        if level is None:
            return False
        for key, on in switches:
            if key == b"strict":
                level.strict = on
        return True

    def brace(self, line: bytes, indent: int) -> bool:
        """Take in a brace around a buffered subtest, on a line of its own."""
        level = self._around(indent)
        if level.indent != indent or not level.rules.buffered:
            return False
        if line == b"{" and level.latest and not level.latest.subtest:
            level.braced = level.latest
            return True
        at = self.levels.index(level)
        if line == b"}" and at + 1 < len(self.levels) and (owner := self.levels[at + 1].owner):
            while len(self.levels) > at + 2:
                self._abandon()
            child = self.levels.pop()
            self._finish(child)
            self._correlate(owner, child.report)
            self._complete(level)
            return True
        if line == b"}" and level.braced:
            level.braced = None
            return True
        return False

    def unknown(self) -> None:
        """Take in a line that is not TAP."""
        if self.top.strict and self.begun:
            self.fault(ProblemKind.NOT_TAP, "a line that is not TAP, which the stream's pragma +strict forbids")

    def block_opener(self, indent: int) -> Point | None:
        """The point whose YAML block may start at this indentation."""
        return next((level.open for level in reversed(self.levels) if level.indent < indent), None)

    def block_ended(self, point: Point) -> None:
        """The YAML block of a point has ended."""
        for level in self.levels:
            if level.open is point and level.braced is not point:
                self._complete(level)

    def finish(self) -> None:
        """The stream has ended."""
        while len(self.levels) > 1:
            self._abandon()
        level = self.levels[0]
        self._abandon_announced(level)
        if self.dialect is Dialect.KTAP and (name := self._last_name()) is not None and not self.report.met:
            self._unfinished(level, Point(level.next_number, None, text(name), self.line))
        self._finish(level)
        self.out.append(events.StreamEnded(self.report, self.line))

    def _last_name(self) -> bytes | None:
        return next(reversed(self.names.values()), None)
