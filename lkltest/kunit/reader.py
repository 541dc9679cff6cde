"""The console of a kernel that runs cases of KUnit, read as it comes.

KUnit says which case has ended, and not which begins; but the order is known from the listing, so that each line
belongs to the first case that has no result yet.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence

from lkltest.klog import PANIC
from lkltest.kunit.lines import is_expected, is_warning, parts_of, poison
from lkltest.kunit.listing import ATTRIBUTE, START, Case
from lkltest.kunit.results import Parameter, Result, Status

RESULT = re.compile(r"(ok|not ok) (\d+) (?:- )?(.*)")
PLAN = re.compile(r"1\.\.\d+")
SKIP = re.compile(r"(.*?) # SKIP ?(.*)")
INDENT = 4  # columns a level
HALF = 1000  # lines kept of the beginning, and of the end, of a case's console


class Reader:
    """Reads one kernel's console, whose cases are known."""

    def __init__(self, cases: Sequence[Case]) -> None:
        """Expect the results of `cases`, in this order."""
        self.cases = tuple(cases)
        self.done: list[Result] = []
        self.started = False  # KUnit's first line has come
        self.block: int | None = None  # of the suite that has begun
        self.open = ""  # the name of the suite whose end has not come
        self.ended_early = False  # its end has come before its cases: what a case prints, or results are lost
        self.counted = 0  # cases of that suite that have ended
        self.ended = False  # the line of the last suite has come
        self.poisoned = False  # the latest result is of a case that leaves a kernel not to be trusted
        self.plan_due = False  # a version line, or the beginning of a suite or of parameters, has come before it
        self.panic = ""
        self.stamp: float | None = None  # of the latest line that has one: the kernel keeps results back (`feed`)
        self._begin()

    @property
    def current(self) -> Case | None:
        """The case that runs, or comes next; None behind the last one."""
        return self.cases[len(self.done)] if len(self.done) < len(self.cases) else None

    @property
    def progress(self) -> tuple[int, int]:
        """Changes with each result of a case or parameter."""
        return len(self.done), len(self.parameters) + self.started + (self.block or 0)

    def _begin(self) -> None:
        self.lines: list[str] = []
        self.left_out = 0
        self.parameters: list[Parameter] = []
        self.inside = False  # the case has parameters
        self.report = ""  # the first that poisons the kernel
        self.warnings = 0
        self.since, self.since_stamp = time.monotonic(), self.stamp

    def feed_all(self, lines: Iterable[str]) -> None:
        """Take in lines up to the result of a case that leaves a kernel not to be trusted."""
        for line in lines:
            self.feed(line)
            if self.poisoned:
                return

    def feed(self, raw: str) -> None:
        """Take in a line.

        A result comes when the kernel prints the next line, often at the end of the next case: only its stamp says
        when the case ended.
        """
        stamp, line = parts_of(raw)
        self.stamp = self.stamp if stamp is None else stamp
        if not self._structure(line):
            self._keep(line)

    def _keep(self, line: str) -> None:
        self.lines.append(line)
        if len(self.lines) > 2 * HALF:
            del self.lines[HALF]
            self.left_out += 1
        self.warnings += is_warning(line)
        case = self.current or (self.cases[-1] if self.cases else None)
        found = poison(line)
        if found and not self.report and not (case and is_expected(found, case.suite)):
            self.report = found
        if PANIC.search(line.encode()):
            self.panic = line

    def _structure(self, line: str) -> bool:
        """Take in a line of KUnit's own; whether it is one."""
        bare = line.lstrip(" ")
        depth, odd = divmod(len(line) - len(bare), INDENT)
        if odd or not bare:
            return False
        if START.fullmatch(bare):
            return self._version(depth)
        if bare.startswith("# Subtest: "):
            return self._subtest(depth, bare.removeprefix("# Subtest: "))
        if self.plan_due and depth == 1 and ATTRIBUTE.fullmatch(bare):
            return True  # of the suite
        if PLAN.fullmatch(bare):
            due, self.plan_due = self.plan_due, False
            return due
        found = RESULT.fullmatch(bare)
        return found is not None and self._result(depth, found[1] == "ok", int(found[2]), found[3])

    def _version(self, depth: int) -> bool:
        """Take in a version line; whether it begins the run, a suite, or a list of parameters."""
        begins = not self.started and depth == 0
        self.started |= begins
        self.plan_due |= begins
        if begins:
            self._begin()  # the boot's messages are no case's
        return begins or (self.started and depth == (2 if self.open else 1))

    def _subtest(self, depth: int, name: str) -> bool:
        """Take in the beginning of a suite, or of a case with parameters; whether it is the expected one."""
        if depth == 1:
            self._give_up_before(name)
        case = self.current
        if case is None:
            return False
        if depth == 1 and name == case.suite and not self.open:
            self.block, self.counted, self.open = case.block, 0, name
            self.plan_due = True
            return True
        begins = depth == 2 and not self.inside and name == case.name and self.block == case.block
        self.inside |= begins
        self.plan_due |= begins
        return begins

    def _result(self, depth: int, ok: bool, number: int, rest: str) -> bool:
        """Take in a test line; whether it is the expected one."""
        skip = SKIP.fullmatch(rest)
        name, reason = (skip[1], skip[2]) if skip else (rest, "")
        status = (Status.SKIPPED if skip else Status.PASSED) if ok else Status.FAILED
        case = self.current
        if depth == 0:
            return self._close(name)
        if case is None or self.block != case.block:
            return False
        if depth == 2 and self.inside and number == len(self.parameters) + 1:
            self.parameters.append(Parameter(name, status, reason))
            return True
        if depth == 1 and name == case.name and number == self.counted + 1:
            self.counted += 1
            self._finish(case, status, reason)
            return True
        return False

    def _finish(self, case: Case, status: Status, reason: str) -> None:
        """Note the result of the current case."""
        if status is Status.PASSED and any(each.status is Status.FAILED for each in self.parameters):
            status, reason = Status.FAILED, "a parameter failed"
        if self.report:
            status, reason = Status.FAILED, self.report
        self.poisoned, self.ended_early = bool(self.report), False
        self.done.append(self.result(case, status, reason, self._seconds_by_stamps()))
        self._begin()

    def _seconds_by_stamps(self) -> float | None:
        """The time between the line before the case and the latest one, as the kernel has it; None without stamps."""
        return None if self.stamp is None or self.since_stamp is None else max(0.0, self.stamp - self.since_stamp)

    def _close(self, name: str) -> bool:
        """Take in the line of a suite's end; whether it is the expected one.

        KUnit prints none before the results of the suite's cases, unless its init function fails.
        """
        self._give_up_before(name)
        case = self.current
        if self.open and self.open != name:
            return False
        if not self.open and (case is None or case.suite != name):
            return False
        if case is not None and not self.open:
            self._fail_block(case, "the init function of its suite failed")
        elif case is not None and case.block == self.block:
            self.ended_early = True
            return False
        self.open = ""
        self.ended = self.current is None
        return True

    def _give_up_before(self, name: str) -> None:
        """Fail what is left of a suite that seemed to end early, if `name` is the next suite's."""
        case = self.current
        if self.ended_early and case is not None:
            following = next((each for each in self.cases if each.block > case.block), None)
            if following is not None and following.suite == name:
                self.finish()

    def finish(self) -> None:
        """Take in the end of the console: a suite that seemed to end early has lost results."""
        if self.ended_early and self.current is not None:
            self._fail_block(self.current, "its suite ended without it")
            self.open = ""
            self.ended = self.current is None

    def _fail_block(self, first: Case, reason: str) -> None:
        """Fail what is left of a suite."""
        rest = [case for case in self.cases[len(self.done) :] if case.block == first.block]
        self.done += [self.result(case, Status.FAILED, reason) for case in rest]
        self.ended_early = False
        self._begin()

    def result(self, case: Case, status: Status, reason: str, seconds: float | None = None) -> Result:
        """A result with all that has come since the one before; without `seconds` it took until now."""
        lines = list(self.lines)
        if self.left_out:
            lines.insert(HALF, f"[lkltest: {self.left_out} lines left out here]")
        seconds = time.monotonic() - self.since if seconds is None else seconds
        return Result(case, status, reason, tuple(self.parameters), "\n".join(lines), self.warnings, seconds)
