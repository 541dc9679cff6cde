"""Results of KUnit as KTAP, as the kernel prints it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from lkltest.kunit.results import Parameter, Result, Status

DIRECTIVES = {Status.SKIPPED: "SKIP", Status.CRASHED: "ERROR", Status.HUNG: "TIMEOUT"}


def write(results: Iterable[Result]) -> Iterator[str]:
    """Yield the lines, each with its end; a suite's cases stay together, in the order of the listing."""
    blocks = in_suites(results)
    yield f"KTAP version 1\n1..{len(blocks)}\n"
    for number, cases in enumerate(blocks, 1):
        yield f"    KTAP version 1\n    # Subtest: {cases[0].case.suite}\n"
        if cases[0].case.module:
            yield f"    # module: {cases[0].case.module}\n"
        yield f"    1..{len(cases)}\n"
        for place, result in enumerate(cases, 1):
            yield from _case(place, result)
        yield f"{_line(number, cases[0].case.suite, overall(cases), '')}\n"


def in_suites(results: Iterable[Result]) -> list[list[Result]]:
    """The results by suite."""
    found = sorted(results, key=lambda result: result.case.block)
    return [list(cases) for _, cases in groupby(found, key=lambda result: result.case.block)]


def overall(cases: Sequence[Result]) -> Status:
    """The status of a suite."""
    if any(result.status.bad for result in cases):
        return Status.FAILED
    return Status.PASSED if any(result.status is Status.PASSED for result in cases) else Status.SKIPPED


def _case(number: int, result: Result) -> Iterator[str]:
    pad = " " * 4
    if result.parameters:
        yield f"{pad * 2}KTAP version 1\n{pad * 2}# Subtest: {result.case.name}\n"
        yield from (f"{pad * 2}{_parameter(place, each)}\n" for place, each in enumerate(result.parameters, 1))
    yield from (f"{pad}# {line.strip()}\n" for line in result.console.splitlines() if result.status.bad)
    if result.case.speed != "normal":
        yield f"{pad}# {result.case.name}.speed: {result.case.speed}\n"
    yield f"{pad}{_line(number, result.case.name, result.status, result.reason)}\n"


def _parameter(number: int, parameter: Parameter) -> str:
    return _line(number, parameter.name, parameter.status, parameter.reason)


def _line(number: int, name: str, status: Status, reason: str) -> str:
    directive = f" # {DIRECTIVES[status]} {reason}".rstrip() if status in DIRECTIVES else ""
    return f"{'not ok' if status.bad else 'ok'} {number} {name}{directive}"
