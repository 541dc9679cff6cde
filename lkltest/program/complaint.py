"""The stack of a complaint of the kernel, which a program writes into its point's log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lkltest.program.results import Result, State

RAW = "lkltest: "  # before each line of a stack that is not symbolized yet


def with_stack(result: Result, program: Path) -> Result:
    """The result with the stack of its first complaint, with names; the raw lines are taken out of its log."""
    if f"{RAW}signal " not in result.log:
        return result
    lines = result.log.splitlines()
    told = replace(result, log="".join(f"{line}\n" for line in lines if not line.startswith(RAW)))
    if result.state is not State.FAILED:
        return told
    from lkltest.crash import symbolize

    stack = symbolize.explain(result.log, program)
    return replace(told, message=f"{result.message}\n\n{stack}".rstrip())
