"""Cases of KUnit, run in one kernel after another, each bad end blamed on one case.

A kernel that dies between two results may have been killed by the case that ran, or by an effect of the one before:
so the case that ran is run once more, as the first one of a fresh kernel. Where it dies again, it is to blame; where
it ends, the one before was.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lkltest.errors import UsageError
from lkltest.host.load import Deadline
from lkltest.host.process import Ended
from lkltest.kernel import Kernel
from lkltest.kunit.groups import Boot, Group, plan
from lkltest.kunit.kernel import START, Machine, Options
from lkltest.kunit.listing import Case
from lkltest.kunit.reader import Reader
from lkltest.kunit.results import Result, Status
from lkltest.uml.machine import directory

SLOWER = {"slow": 5.0, "very_slow": 20.0}  # how many times as long a case may take that says so of itself
ENDING = 10.0  # seconds to halt


@dataclass(frozen=True)
class Loss:
    """The end of a kernel before its last case's result, or before it halted."""

    status: Status
    message: str
    early: bool = False  # before KUnit's first line
    silent: bool = True  # without a last line: the latest result may have been kept back in the kernel


@dataclass
class Unsettled:
    """A result behind which a kernel died, until it is certain whose fault that was."""

    result: Result
    loss: Loss
    chances: int  # cases of those behind it that still may be to blame


def run(
    kernel: Kernel, group: Group, everything: Sequence[Case], options: Options, stop: threading.Event | None = None
) -> Iterator[Result]:
    """Run the cases of a group, and yield their results in the kernel's order, each when it is certain.

    The kernel is read only while a result is waited for, and stands still when its pipe is full: see `spread`.
    Raises StoppedError once `stop` is set.
    """
    pending = list(group.cases)
    unsettled: Unsettled | None = None
    alone: Case | None = None  # runs alone, to find out whether it ends its kernel
    hint = group.hint
    while pending:
        try:
            boot = plan([alone] if alone else pending, everything, hint)[0]
        except UsageError as error:
            yield from (Result(case, Status.FAILED, f"not run: {error}") for case in pending)
            return
        sent: list[Result] = []
        chance = True
        for read in one(kernel, boot, options, stop):
            reader, loss = read
            if unsettled and reader.done and chance:
                chance, unsettled.chances = False, unsettled.chances - 1
                if not unsettled.chances:
                    yield blamed(unsettled.result, unsettled.loss)
                    unsettled = None
            certain = reader.done[len(sent) : -1]  # the latest one may be to blame for what follows
            yield from certain
            sent += certain
        done, alone, hint = reader.done[len(sent) :], None, ""
        if loss and done and reader.current is None:
            done[-1] = blamed(done[-1], loss)
        elif loss and done:
            unsettled, alone = Unsettled(done.pop(), loss, 1 + loss.silent), reader.current
        elif loss and loss.silent and len(boot.cases) > 1 and not loss.early:
            alone = reader.current  # it, or the next one, whose predecessor's result is kept back
        elif loss:
            if unsettled:  # another way to die is another fault
                same = unsettled.loss.status is loss.status
                yield unsettled.result if same else blamed(unsettled.result, unsettled.loss)
            unsettled = None
            done = lost(reader, loss, pending)
        yield from done
        over = {result.case for result in (*sent, *done)} | ({unsettled.result.case} if unsettled else set())
        pending = [case for case in pending if case not in over]
    if unsettled:
        yield blamed(unsettled.result, unsettled.loss)


def one(
    kernel: Kernel, boot: Boot, options: Options, stop: threading.Event | None
) -> Iterator[tuple[Reader, Loss | None]]:
    """Run the kernel once; yield what has been read whenever there are more results, and at the end.

    At the end with the way in which the kernel died; None where it has halted or was left for a poisoned one.
    """
    reader = Reader(boot.cases)
    words = [f'kunit.filter_glob={boot.pattern}'] if boot.pattern else []
    with directory() as workdir, Machine(kernel, words, workdir, options, stop) as machine:
        deadline = Deadline(START)
        before = reader.progress
        while not reader.poisoned and (lines := machine.lines(deadline)):
            reader.feed_all(lines)
            if reader.progress != before and not reader.poisoned:
                before = reader.progress
                yield reader, None
                # The time in which the caller kept this generator waiting does not count.
                deadline = Deadline(timeout_of(reader, options))
        ended = machine.end()
    if reader.poisoned:
        yield reader, None
        return
    if ended.ok:
        reader.finish()
    yield reader, loss_of(reader, ended, deadline)


def timeout_of(reader: Reader, options: Options) -> float:
    """The seconds that the present case, or the halt behind the last one, may take."""
    case = reader.current
    return ENDING if case is None else options.timeout * SLOWER.get(case.speed, 1.0)


def loss_of(reader: Reader, ended: Ended, deadline: Deadline) -> Loss | None:
    """The loss of a kernel; None where it has run all its cases and halted."""
    if reader.current is None and reader.ended and (ended.ok or not reader.panic):
        return None if ended.ok else Loss(Status.CRASHED, f"the kernel did not halt behind it: {ended.describe()}")
    early = not reader.started
    if reader.panic:
        return Loss(Status.CRASHED, reader.panic, early, silent=False)
    if ended.timed_out:
        return Loss(Status.HUNG, f"no end after {deadline.timeout:g} s", early)
    return Loss(Status.CRASHED, f"the kernel ended: {ended.describe()}", early)


def blamed(result: Result, loss: Loss) -> Result:
    """The result of the case behind which a kernel died, though the next one alone does well."""
    reason = f"the kernel died behind it, before another case could end: {loss.message}"
    return replace(result, status=loss.status, reason=reason)


def lost(reader: Reader, loss: Loss, pending: Sequence[Case]) -> list[Result]:
    """The results of the cases that a kernel's end is blamed on: the first one, or all where there is none to blame."""
    first = reader.current
    assert first is not None
    if loss.early:
        return [reader.result(case, Status.CRASHED, f"the kernel does not come to its tests: {loss.message}")
                for case in pending]  # fmt: skip
    if reader.block == first.block:
        return [reader.result(first, loss.status, loss.message)]
    reason = f"in the init function of its suite: {loss.message}"
    return [reader.result(case, loss.status, reason) for case in pending if case.block == first.block]
