"""The customs of kselftest: an exit status that decides, TAP or not, and a kernel of its own that may complain."""

from __future__ import annotations

import re

from lkltest import expressions, tap
from lkltest.klog import ESCAPE_PATTERN, STAMP, complains
from lkltest.program.evidence import Evidence
from lkltest.program.results import State
from lkltest.program.status import SKIPPED

BEGIN = re.compile(rb"^lkltest: begin\r?$", re.MULTILINE)
END = re.compile(rb"^lkltest: exit (\d+)\r?$", re.MULTILINE)
HALT = re.compile(rb"\breboot: (?:System halted|Power down)")
ESCAPE = expressions.compile(ESCAPE_PATTERN.encode())
SAYS_SKIP = re.compile(r"\bskip", re.IGNORECASE)
TOTALS = re.compile(r"# Totals:")  # kselftest's own sum: "skip:1"
LEADING = re.compile(r"^(?:ok \d+|#|\s|-)*(?:SKIP(?:PED)?\b:?\s*)?", re.IGNORECASE)
MOST = 5  # complaints that are kept


def init_status(console: bytes) -> int | None:
    """The program's exit status as the UML's init has told it; None where it has not come to that."""
    told = END.findall(console)
    return int(told[-1]) if told else None


def since_begin(console: bytes) -> bytes:
    """The console since the program began, without the lines of its init and of a clean halt."""
    begin = BEGIN.search(console)
    lines = (ESCAPE.sub(b"", line) for line in console[begin.end() if begin else 0 :].split(b"\n"))
    return b"\n".join(line for line in lines if line.strip() and not HALT.search(line) and not END.match(line))


def complaints(console: bytes) -> tuple[str, ...]:
    """The first lines in which the kernel, not the program, complains from the program's start to its end.

    The kernel's lines are those with printk's stamp.
    """
    stamped = ((line, STAMP.match(line)) for line in since_begin(console).split(b"\n"))
    told = [line[stamp.end() :].decode(errors="backslashreplace").rstrip() for line, stamp in stamped if stamp]
    return tuple(line for line in told if complains(line))[:MOST]


def is_skip(evidence: Evidence) -> bool:
    """Whether the program has skipped what it has not tested, by its exit status."""
    failed = any(result.state is State.FAILED for result in evidence.results.values())
    return evidence.by_status and evidence.status == SKIPPED and evidence.timeout is None and not failed


def is_told_by_status(evidence: Evidence) -> bool:
    """Whether the exit status tells what its output does not: no TAP came, or all went well without a plan."""
    output = evidence.output
    if not evidence.by_status or output.planned or output.bail_out is not None or output.skip_all is not None:
        return False
    problems = {problem.kind for problem in output.problems}
    return not (problems or evidence.results) or (evidence.status == 0 and problems == {tap.ProblemKind.NO_PLAN})


def skip_reason(evidence: Evidence) -> str:
    """The last thing that the program has said of its skip, on standard output if it has said it there."""
    if evidence.output.skip_all:
        return evidence.output.skip_all
    said = [line for line in since_begin(evidence.console).split(b"\n") if not STAMP.match(line)]
    for text in (evidence.printed, b"\n".join(said)):
        lines = [line.strip() for line in text.decode(errors="backslashreplace").splitlines()]
        told = [LEADING.sub("", line) for line in lines if SAYS_SKIP.search(line) and not TOTALS.match(line)]
        if reasons := list(filter(None, told)):
            return reasons[-1]
    return f"exit status {SKIPPED}, kselftest's for a skip"
