"""Results of KUnit as outcomes, for the documents of CI systems."""

from __future__ import annotations

from collections.abc import Iterable

from lkltest.ci.outcome import Outcome
from lkltest.ci.outcome import Status as Word
from lkltest.kunit.ktap import in_suites
from lkltest.kunit.results import Parameter, Result, Status

WORDS = {
    Status.PASSED: Word.PASSED, Status.FAILED: Word.FAILED, Status.SKIPPED: Word.SKIPPED, Status.CRASHED: Word.LOST,
    Status.HUNG: Word.LOST,
}  # fmt: skip


def of(results: Iterable[Result], kernel: str) -> list[Outcome]:
    """A group for each suite; parameters are inside of their cases."""
    return [Outcome(cases[0].case.suite, inner=tuple(_case(result, kernel) for result in cases))
            for cases in in_suites(results)]  # fmt: skip


def _case(result: Result, kernel: str) -> Outcome:
    case = result.case
    path = ("kunit", case.suite, case.name)
    return Outcome(
        case.name, WORDS[result.status], tuple(_parameter(each, path, kernel) for each in result.parameters), path,
        kernel, result.seconds, result.reason, result.console, {"speed": case.speed, "module": case.module},
    )  # fmt: skip


def _parameter(parameter: Parameter, path: tuple[str, ...], kernel: str) -> Outcome:
    return Outcome(parameter.name, WORDS[parameter.status], path=(*path, parameter.name), kernel=kernel,
                   reason=parameter.reason)  # fmt: skip
