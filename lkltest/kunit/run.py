"""Cases of KUnit, run in one kernel after another, each bad end blamed on one case.

A kernel that dies between two results may have been killed by the case that ran, or by an effect of the one before:
so the case that ran is run once more, as the first one of a fresh kernel. Where it dies again, it is to blame; where
it ends, the one before was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lkltest.errors import UsageError
from lkltest.host.load import Deadline
from lkltest.host.process import Ended
from lkltest.kunit.groups import Boot, Group, plan
from lkltest.kunit.kernel import START, Machine, Options
from lkltest.kunit.listing import Case
from lkltest.kunit.reader import Reader
from lkltest.kunit.results import Result, Status
from lkltest.uml import Uml
from lkltest.uml.machine import directory

SLOWER = {"slow": 5.0, "very_slow": 20.0}  # how many times as long a case may take that says so of itself
ENDING = 10.0  # seconds to halt


@dataclass(frozen=True)
class Death:
    """The end of a kernel before its last case's result, or before it halted."""

    status: Status
    message: str
    early: bool = False  # nothing of KUnit's had come


@dataclass
class Suspect:
    """A result behind which a kernel died, until it is certain whose fault that was."""

    result: Result
    death: Death
    chances: int  # cases of those behind it that still may be to blame


def run(uml: Uml, group: Group, everything: Sequence[Case], options: Options) -> Iterator[Result]:
    """Run the cases of a group, and yield their results in the kernel's order, each when it is certain."""
    pending = list(group.cases)
    suspect: Suspect | None = None
    trial: Case | None = None  # runs alone, to find out whether it ends its kernel
    hint = group.hint
    while pending:
        try:
            boot = plan([trial] if trial else pending, everything, hint)[0]
        except UsageError as error:
            yield from (Result(case, Status.FAILED, f"not run: {error}") for case in pending)
            return
        reader, death = one(uml, boot, options)
        done, trial, hint = list(reader.done), None, ""
        if suspect and done:
            suspect.chances -= 1
            if not suspect.chances:
                yield blamed(suspect.result, suspect.death)
                suspect = None
        if death and done and reader.current is None:
            done[-1] = blamed(done[-1], death)
        elif death and done:
            suspect, trial = Suspect(done.pop(), death, 2 if death.status is Status.HUNG else 1), reader.current
        elif death and death.status is Status.HUNG and len(boot.cases) > 1 and not death.early:
            trial = reader.current  # it, or the next one, whose predecessor's result is kept back
        elif death:
            if suspect:
                yield suspect.result
            suspect = None
            done = lost(reader, death, pending)
        yield from done
        over = {result.case for result in done} | ({suspect.result.case} if suspect else set())
        pending = [case for case in pending if case not in over]
    if suspect:
        yield blamed(suspect.result, suspect.death)


def one(uml: Uml, boot: Boot, options: Options) -> tuple[Reader, Death | None]:
    """Run the kernel once; what was read, and how it died, None where it has halted or was left for a poisoned one."""
    reader = Reader(boot.cases)
    words = [f'kunit.filter_glob={boot.pattern}'] if boot.pattern else []
    with directory() as workdir, Machine(uml, [*words, *options.words], workdir) as machine:
        deadline = Deadline(START)
        before = reader.progress
        while lines := machine.lines(deadline):
            for line in lines:
                reader.feed(line)
                if reader.poisoned:
                    return reader, None
            if reader.progress != before:
                before = reader.progress
                deadline = Deadline(patience(reader, options))
        return reader, death(reader, machine.end(), deadline)


def patience(reader: Reader, options: Options) -> float:
    """The seconds until something must have ended."""
    case = reader.current
    return ENDING if case is None else options.timeout * SLOWER.get(case.speed, 1.0)


def death(reader: Reader, ended: Ended, deadline: Deadline) -> Death | None:
    """The problem with a kernel's end."""
    if reader.current is None and reader.ended and (ended.ok or not reader.panic):
        return None if ended.ok else Death(Status.CRASHED, f"the kernel did not halt behind it: {ended.describe()}")
    early = not reader.started
    if reader.panic:
        return Death(Status.CRASHED, reader.panic, early)
    if ended.timed_out:
        return Death(Status.HUNG, f"no end after {deadline.timeout:g} s", early)
    return Death(Status.CRASHED, f"the kernel ended: {ended.describe()}", early)


def blamed(result: Result, death: Death) -> Result:
    """The result of the case behind which a kernel died, though the next one alone does well."""
    reason = f"the kernel died behind it, before another case could end: {death.message}"
    return replace(result, status=death.status, reason=reason)


def lost(reader: Reader, death: Death, pending: Sequence[Case]) -> list[Result]:
    """The results of the cases that a kernel's end is blamed on: the first one, or all where there is none to blame."""
    first = reader.current
    assert first is not None
    if death.early:
        return [reader.result(case, Status.CRASHED, f"the kernel does not come to its tests: {death.message}")
                for case in pending]  # fmt: skip
    if reader.block == first.block:
        return [reader.result(first, death.status, death.message)]
    reason = f"in the init function of its suite: {death.message}"
    return [reader.result(case, death.status, reason) for case in pending if case.block == first.block]
