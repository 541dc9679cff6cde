"""The nesting of a stream: its documents, opened and closed by their indentation."""

from __future__ import annotations

from lkltest.tap import events
from lkltest.tap.dialect import Dialect
from lkltest.tap.grammar import text
from lkltest.tap.level import Level
from lkltest.tap.point import Point
from lkltest.tap.problem import Problem, ProblemKind, Remark
from lkltest.tap.report import Report

DEEPEST = 64  # levels of subtests
PERL = (Dialect.TAP12, Dialect.TAP13, Dialect.TAP14)


class Nesting:
    """The documents of one stream that are open, the outermost first."""

    def __init__(
        self, dialect: Dialect | None, line: int, out: list[events.Event], *, excuse_skips: bool = False
    ) -> None:
        self.excuse_skips = excuse_skips  # in dialects in which `not ok # SKIP` fails
        self.forced = dialect is not None
        self.report = Report(dialect or Dialect.TAP12, line)
        self.levels = [Level(0, self.report)]
        self.begun = False  # something of TAP has come
        self.line = line  # the present one
        self.suspect = 0  # how much a line before looks like a torn "not ", see console.suspicion
        self.kselftest = False  # its runner has put "# " before what the tests themselves print
        self.proved = False  # `prove -v` prints it, and says at its end what it thinks of it
        self.failure_before = False  # a failure stands before its beginning, behind the same prefix
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

    @property
    def fresh(self) -> bool:
        """Whether no point has come, and none of a subtest."""
        return not len(self.report.points) and len(self.levels) == 1

    def begin(self) -> None:
        """Something of TAP has come."""
        if not self.begun:
            self.begun = self.report.started = True
            self.report.line = self.line
            self.out.append(events.StreamStarted(self.report, self.line))
            if self.failure_before:
                self.fault(ProblemKind.LOST_HEAD, "a `not ok` stands before it: the beginning of the stream is lost")

    def become(self, dialect: Dialect) -> None:
        """Change the dialect, as the stream shows it, unless the user forced another."""
        if not self.forced:
            for level in self.levels:
                level.report.dialect = dialect

    def sink(self, columns: int) -> None:
        """Make what came so far a subtest: the lines that follow, `columns` less indented, belong to its parent.

        The parent's head is lost, and with it nobody knows what: the stream fails.
        """
        inner = self.report.sink()
        self.levels[0].report = inner
        for level in self.levels:
            level.indent += columns
        self.names = {column + columns: name for column, name in self.names.items()}
        self.levels.insert(0, Level(0, self.report))
        message = "less indented than what came before: the beginning of the stream is lost"
        self.fault(ProblemKind.LOST_HEAD, message)

    def note(self, remarks: list[Remark], line: int | None = None) -> None:
        """Note problems."""
        for remark in remarks:
            problem = Problem(line or self.line, *remark)
            if self.report.noted.add(problem):
                self.out.append(events.ProblemSeen(problem))

    def fault(self, kind: ProblemKind, message: str) -> None:
        """Note a problem of the whole stream, which it fails if its kind does."""
        if kind.fails:
            self.report.broken = True
        self.note([Remark(kind, message)])

    def _count(self, level: Level, point: Point) -> None:
        remarks = level.judge(point)
        level.report.count(point)
        self.out.append(events.PointSeen(point, self.levels.index(level)))
        self.note(remarks)

    def _around(self, indent: int) -> Level:
        """The innermost document that is not indented more."""
        return next((level for level in reversed(self.levels) if level.indent <= indent), self.levels[0])

    def _name(self, name: bytes, indent: int) -> None:
        level = self._around(indent)
        if level.indent == indent > 0 and level.fresh and level.report.name is None:
            level.report.name = text(name)
            return
        self._complete(level)
        if level.indent == indent:
            self._unbrace(level)  # the subtest that is named here is another's
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
        if own and self.dialect is Dialect.TAP14 and level.indent not in self.names:
            self.become(Dialect.KTAP)  # only the kernel indents the comment as much as the subtest
        step = indent - level.indent
        steps = level.rules.steps
        fits = step in steps or (own and self.dialect is Dialect.KTAP) or (steps == (4,) and step % 4 == 0)
        if level.rules.announced and not (own or level.indent in self.names or level.braced):
            return None
        between = level is not self.levels[-1]
        if not fits or len(self.levels) + step // 4 > DEEPEST:
            return None
        if between and not own and kind not in ("version", "plan"):
            return None
        while self.levels[-1] is not level:
            self._abandon()
        return self._open(indent)

    def deepen(self, indent: int) -> None:
        """Open the documents of two columns each that a line within kselftest's remarks stands in."""
        for column in range(self.top.indent + 2, min(indent, 2 * DEEPEST), 2):
            self._open(column)

    def _open(self, indent: int) -> Level:
        parent = self.levels[-1]
        if self.dialect in PERL and indent - parent.indent > 4:
            self._open(parent.indent + 4)
            return self._open(indent)
        outer = min((column for column in self.names if parent.indent < column < indent), default=None)
        if outer is not None and self.dialect is Dialect.KTAP:
            self._open(outer)
            return self._open(indent)
        # Node's programs name a subtest on its parent's column, and then the first point of the subtest on its own.
        name = self.names.pop(parent.indent if parent.indent in self.names else indent, None)
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
        self._unbrace(level)
        if len(self.levels) == at + 1:
            return None
        if self.levels[-1].owner:
            self._abandon()
            return None
        child = self.levels.pop()
        self._finish(child)
        return child.report

    def _unbrace(self, level: Level) -> None:
        """Take a brace after which no subtest came for the end of its line."""
        point, level.braced = level.braced, None
        if point and point.directive:
            point.reason = f"{point.reason} {{".strip()
        elif point:
            point.rename(f"{point.description} {{".strip())

    def _correlate(self, point: Point, subtest: Report) -> None:
        point.subtest = subtest
        counts = subtest.counts
        if point.ok and not point.directive and (counts.failed or counts.unfinished):
            message = f"point {point.number} is ok, but points of its subtest failed"
            self.note([Remark(ProblemKind.FAILING_CHILD, message)])
        if subtest.name and point.ok is not None and not point.description.startswith(subtest.name):
            message = f'the subtest "{subtest.name}" is summed up by a point named "{point.description}"'
            self.note([Remark(ProblemKind.SUBTEST_NAME, message)])

    def _abandon(self) -> None:
        """End the innermost subtest without the point that would sum it up: it never ended."""
        level = self.levels.pop()
        self._finish(level)
        parent = self.levels[-1]
        self.note([Remark(ProblemKind.UNTERMINATED_SUBTEST, f"the subtest of line {level.report.line} never ended")])
        if level.owner:
            level.owner.subtest = level.report
            parent.report.broken = True  # its result came first, and says nothing of the end
            self._complete(parent)
        elif not parent.report.met:
            point = Point(parent.next_number, None, level.report.name or "", level.report.line)
            point.subtest = level.report
            self._unfinished(parent, point)
        elif level.report.counts.failed or level.report.counts.unfinished:
            parent.report.broken = True  # no point says that this failure is none

    def _abandon_announced(self, level: Level) -> None:
        if point := level.leftover():
            self._unfinished(level, point)

    def _unfinished(self, level: Level, point: Point) -> None:
        self._complete(level)
        self.note([Remark(ProblemKind.UNFINISHED_POINT, f"point {point.number} started and never ended")], point.line)
        level.open = point
        self._count(level, point)
        self._complete(level)

    def _complete(self, level: Level) -> None:
        """Nothing more belongs to the latest point."""
        if level.open:
            self.out.append(events.PointComplete(level.open, self.levels.index(level)))
            level.open = None

    def _finish(self, level: Level) -> None:
        self._unbrace(level)
        if level.open:
            depth = self.levels.index(level) if level in self.levels else len(self.levels)
            self.out.append(events.PointComplete(level.open, depth))
            level.open = None
        self.note(level.finish())
