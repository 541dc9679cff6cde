"""One stream of TAP, taken in line by line."""

from __future__ import annotations

from collections.abc import Callable

from lkltest.tap import events, grammar
from lkltest.tap.dialect import RULES, Dialect
from lkltest.tap.grammar import text
from lkltest.tap.level import Announced, Level, Remark
from lkltest.tap.point import Point, Run
from lkltest.tap.report import Problem, Report

DEEPEST = 64  # levels of subtests
VERSIONS = {12: Dialect.TAP12, 13: Dialect.TAP13, 14: Dialect.TAP14}
# What kselftest prints into streams that call themselves TAP 13.
KSELFTEST = (b"# selftests: ", b"# Totals: pass:", b"#  RUN  ", b"# Starting ")
PERL = (Dialect.TAP12, Dialect.TAP13, Dialect.TAP14)


class Stream:
    """The documents of one stream, from its version line or plan to its end.

    Each method takes the text of a line after its indentation, and says whether the line was of its kind.
    """

    def __init__(self, dialect: Dialect | None, line: int, out: list[events.Event]) -> None:
        self.forced = dialect is not None
        self.report = Report(dialect or Dialect.TAP12, line)
        self.levels = [Level(0, self.report)]
        self.begun = False  # something of TAP has come
        self.line = line  # the present one
        self.suspect = False  # the line before began with "not "
        self.out = out
        self.names: dict[int, bytes] = {}  # of subtests to come, by the column of their comment

    @property
    def dialect(self) -> Dialect:
        """As known by now."""
        return self.report.dialect

    @property
    def top(self) -> Level:
        """The innermost document."""
        return self.levels[-1]

    def begin(self) -> None:
        """Something of TAP has come."""
        if not self.begun:
            self.begun = self.report.started = True
            self.report.line = self.line
            self.out.append(events.StreamStarted(self.report, self.line))

    def become(self, dialect: Dialect) -> None:
        """Change the dialect, as the stream shows it, unless the user forced another."""
        if not self.forced:
            for level in self.levels:
                level.report.dialect = dialect

    def note(self, remarks: list[Remark], line: int | None = None) -> None:
        """Note problems."""
        for remark in remarks:
            problem = Problem(line or self.line, *remark)
            if self.report.noted.add(problem):
                self.out.append(events.ProblemSeen(problem))

    # Lines

    def version(self, ktap: bool, digits: bytes, indent: int) -> bool:
        """Take in a version line."""
        number = grammar.number(digits)
        if indent:
            if ktap and self.dialect in PERL and self.begun:
                self.become(Dialect.KTAP)
            level = self._enter(indent, "version")
            if level is None:
                return False
        else:
            self.begin()
            level = self.levels[0]
            self.become(Dialect.KTAP if ktap else VERSIONS.get(number or 99, Dialect.TAP14))
        level.report.version = number
        if number not in ((1,) if ktap else (13, 14)):
            name = f"{'KTAP' if ktap else 'TAP'} version {text(digits[:20])}"
            self.note([Remark("unknown-version", f"{name} is unknown, or must not be declared")])
        self.out.append(events.VersionSeen(number, self.line))
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
        read = grammar.read_plan(line, self.dialect)
        return read is not None and read.text is not None and text(read.text.strip()) != self.report.name

    def point(self, line: bytes, indent: int, raw: bytes) -> Point | None:
        """Take in a test line; None where it is none."""
        read = grammar.read_point(line, RULES[self.dialect])
        level = self._enter(indent, "point") if read else None
        if read is None or level is None:
            if line.startswith(b"not ok") and self.dialect is Dialect.KTAP and indent == 0:
                self.note([Remark("no-number", "KTAP's test lines need a number: this one is none")])
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
            point.passed = read.ok or directive == "todo" or (directive == "skip" and level.rules.skip_excuses)
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
        if self.suspect and read.ok:
            self.note([Remark("torn-line", 'the line before begins with "not ": this may be the rest of a failure')])
        return point

    def _forget_names(self, indent: int) -> None:
        """Subtests that were named, and have no lines of their own before the point that sums them up."""
        for column in [each for each in self.names if each >= indent]:
            name = self.names.pop(column)
            if column > indent and self.dialect is Dialect.KTAP:
                self.note([Remark("no-tests", f'the subtest "{text(name)}" has no points')])

    def take_run(self, run: Run) -> None:
        """Take in many plain points."""
        level = self.levels[0]
        self._complete(level)
        level.latest = None
        level.report.count_run(run)

    def _count(self, level: Level, point: Point) -> None:
        remarks = level.judge(point.number)
        level.report.count(point)
        self.out.append(events.PointSeen(point, self.levels.index(level)))
        self.note(remarks)

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
        if self.dialect in PERL and line.startswith(KSELFTEST) and self.begun:
            self.become(Dialect.KTAP)
        if not indent and line.startswith(b"# running ") and self._running(line):
            return
        if line.startswith(b"# Subtest") and (name := grammar.read_subtest(line)) is not None:
            self._name(name, indent)
        else:
            self.comments_of(self._around(indent))(line[1:].strip())
        self.out.append(events.CommentSeen(text(line[1:].strip()), self.line))

    def comments_of(self, level: Level) -> Callable[[bytes], None]:
        """Where the comments of a document go now."""
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
        for level in self.levels:
            self._complete(level)
        self.out.append(events.BailedOut(reason, self.line))
        return True

    def pragma(self, line: bytes, indent: int) -> bool:
        """Take in a pragma."""
        switches = grammar.read_pragmas(line)
        if switches is None or self.dialect not in (Dialect.TAP13, Dialect.TAP14):
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
            self.report.broken = True
            self.note([Remark("not-tap", "a line that is not TAP, which the stream's pragma +strict forbids")])

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

    # Levels

    def _around(self, indent: int) -> Level:
        """The innermost document that is not indented more."""
        return next((level for level in reversed(self.levels) if level.indent <= indent), self.levels[0])

    def _name(self, name: bytes, indent: int) -> None:
        level = self._around(indent)
        if level.indent == indent > 0 and level.fresh and level.report.name is None:
            level.report.name = text(name)
            return
        self._complete(level)
        self.names[indent] = name
        if len(self.names) > DEEPEST:
            self.names.clear()

    def _enter(self, indent: int, kind: str) -> Level | None:
        """The document that a line of this indentation belongs to; it is opened where it may begin here."""
        level = self._around(indent)
        own = indent in self.names and indent > 0
        if level.indent == indent:
            if not indent or level.fresh or not (kind == "version" or (own and kind == "plan")):
                return level
            while self.levels[-1].indent >= indent:  # another subtest begins where one has not ended
                self._abandon()
            level = self.levels[-1]
        if own and self.dialect in PERL:
            self.become(Dialect.KTAP)  # only the kernel indents the comment as much as the subtest
        step = indent - level.indent
        steps = level.rules.steps
        fits = step in steps or (own and self.dialect is Dialect.KTAP) or (steps == (4,) and step % 4 == 0)
        between = level is not self.levels[-1]
        if not fits or len(self.levels) + step // 4 > DEEPEST:
            return None
        if between and not own and kind not in ("version", "plan"):
            return None
        while self.levels[-1] is not level:
            self._abandon()
        return self._open(indent)

    def _open(self, indent: int) -> Level:
        parent = self.levels[-1]
        if self.dialect is Dialect.TAP14 and indent - parent.indent > 4:
            self._open(parent.indent + 4)
            return self._open(indent)
        name = self.names.pop(indent, None)
        if name is None:
            name = self.names.pop(parent.indent, None)
        level = Level(indent, Report(self.dialect, self.line, None if name is None else text(name)), parent)
        level.owner, parent.braced = parent.braced, None
        if level.owner is None:
            self._complete(parent)
        self.begin()
        self.levels.append(level)
        return level

    def _collapse(self, level: Level) -> Report | None:
        """End what is nested in a document that goes on; give the subtest that its next point sums up."""
        at = self.levels.index(level)
        while len(self.levels) > at + 2:
            self._abandon()
        if level.braced:  # it was no brace of a subtest, but the end of the name
            level.braced.rename(f"{level.braced.description} {{".strip())
            level.braced = None
        if len(self.levels) == at + 1:
            return None
        if self.levels[-1].owner:
            self._abandon()
            return None
        child = self.levels.pop()
        self._finish(child)
        return child.report

    def _correlate(self, point: Point, subtest: Report) -> None:
        point.subtest = subtest
        counts = subtest.counts
        if point.ok and not point.directive and (counts.failed or counts.unfinished):
            self.note([Remark("failing-child", f"point {point.number} is ok, but points of its subtest failed")])
        if subtest.name and point.ok is not None and not point.description.startswith(subtest.name):
            message = f'the subtest "{subtest.name}" is summed up by a point named "{point.description}"'
            self.note([Remark("subtest-name", message)])

    def _abandon(self) -> None:
        """End the innermost subtest without the point that would sum it up: it never ended."""
        level = self.levels.pop()
        self._finish(level)
        parent = self.levels[-1]
        self.note([Remark("unterminated-subtest", f"the subtest of line {level.report.line} never ended")])
        if level.owner:
            level.owner.subtest = level.report
            self._complete(parent)
        elif not parent.report.met:
            point = Point(parent.next_number, None, level.report.name or "", level.report.line)
            point.subtest = level.report
            self._unfinished(parent, point)

    def _abandon_announced(self, level: Level) -> None:
        if point := level.leftover():
            self._unfinished(level, point)

    def _unfinished(self, level: Level, point: Point) -> None:
        self._complete(level)
        self.note([Remark("unfinished-point", f"point {point.number} started and never ended")], point.line)
        level.open = point
        self._count(level, point)
        self._complete(level)

    def _complete(self, level: Level) -> None:
        """Nothing more belongs to the latest point."""
        if level.open:
            self.out.append(events.PointComplete(level.open, self.levels.index(level)))
            level.open = None

    def _finish(self, level: Level) -> None:
        if level.open:
            depth = self.levels.index(level) if level in self.levels else len(self.levels)
            self.out.append(events.PointComplete(level.open, depth))
            level.open = None
        self.note(level.finish())
