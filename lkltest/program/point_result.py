"""A TAP point, as the result of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lkltest import tap
from lkltest.program.results import Result, State

# The names that foreign programs use for the same keys in their YAML blocks: node, tape, node-tap, Perl's, bats.
MESSAGES = ("message", "error")
VALUES = {"expected": ("expected", "wanted"), "actual": ("actual", "got", "found")}
PLACES = ("at", "location")
UNEXCUSED = (
    "`not ok # SKIP` fails in this dialect; if the program (such as one of bats or cmocka) skips so: "
    "--tap-excuse-skips, or excuse_skips=True where it is declared"
)
SILENT = "not ok, and the program says no more"


def from_point(point: tap.Point, name: str, elapsed: float) -> Result:
    """The result of a complete TAP point; `elapsed` seconds is its time where the point has none itself."""
    diagnostics = point.diagnostics or {}
    state = _state(point)
    need = point.need if state is State.FAILED else None
    return Result(
        name=name,
        state=state,
        message=_message(point, diagnostics),
        todo=(point.reason or "todo") if point.directive == "todo" or state is State.TODO else None,
        log=_log(point, diagnostics),
        seconds=_seconds(point, diagnostics, elapsed),
        need=need or "",
        reached=need is None,
        properties={str(k): str(v) for k, v in _mapping(diagnostics.get("properties")).items()},
        within=tuple(_within(point)),
    )


def with_surroundings(result: Result, point: tap.Point, errors: bytes) -> Result:
    """A failure together with what its program printed about that time beside its TAP.

    `errors` is the end of what came on standard error: Perl's Test::More, for one, says there what was expected.
    """
    if result.state is not State.FAILED:
        return result
    told = {"standard output": point.output, "standard error": errors.decode(errors="backslashreplace")}
    parts = [f"{source} about this time:\n{text.rstrip()}" for source, text in told.items() if text.strip()]
    if not parts:
        return result
    message = "not ok" if result.message == SILENT else result.message
    return replace(result, message="\n\n".join([message, *parts]))


def _within(point: tap.Point, way: str = "") -> Iterator[Result]:
    """The results inside a point's subtest, the innermost first."""
    for inner in point.points:
        name = inner.name or f"point-{inner.number}"
        yield from _within(inner, f"{way}{name} > ")
        if inner.ok is not None:
            yield replace(from_point(inner, way + name, 0.0), within=())


def _state(point: tap.Point) -> State:
    if not point.passed:  # with the directive considered, as the stream's dialect has it
        return State.FAILED
    if point.directive == "skip":
        return State.SKIPPED
    return State.PASSED if point.ok else State.TODO


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}


def _seconds(point: tap.Point, diagnostics: Mapping[str, object], elapsed: float) -> float:
    for field in ("duration_us", "time_us"):  # ours, and LKL's
        try:
            return int(str(diagnostics[field])) / 1e6
        except (KeyError, ValueError):
            continue
    return elapsed if point.duration is None else point.duration


def _log(point: tap.Point, diagnostics: Mapping[str, object]) -> str:
    log = diagnostics.get("log")
    if isinstance(log, str):
        return log
    return point.raw_diagnostics or "" if point.yaml_error else ""


def _message(point: tap.Point, diagnostics: Mapping[str, object]) -> str:
    """Why a point failed or was skipped: the check, where it stands, what was expected, what came."""
    if point.directive == "skip" and point.passed:
        return point.reason or ""
    if point.ok:
        return ""
    failures = diagnostics.get("failures")
    more = [_failure(_mapping(failure)) for failure in failures] if isinstance(failures, list) else []
    first = _failure(diagnostics)
    return "\n".join([first or _bare_failure(point), *more, *([UNEXCUSED] if point.directive == "skip" else [])])


def _bare_failure(point: tap.Point) -> str:
    """The reason of a failed point without diagnostics: its directive, its comments, its subtest."""
    told = [": ".join(filter(None, (point.directive, point.reason)))] if point.directive else []
    told += [comment.strip() for comment in point.comments]
    told += [f"not ok: {path}" for path in _failed_within(point)]
    return "\n".join(told) or (point.raw_diagnostics or "").rstrip() or SILENT


def _failed_within(point: tap.Point) -> Iterator[str]:
    """The innermost points of a subtest that failed, each as the way to it: "suite > case"."""
    for inner in point.points:
        if not inner.passed:
            deeper = [f"{inner.description} > {path}" for path in _failed_within(inner)]
            yield from deeper or [inner.description]


def _failure(fields: Mapping[object, object] | Mapping[str, object]) -> str:
    known = dict(fields)
    lines = []
    if "check" in known:
        place = f"{known['file']}:{known.get('line', 0)}: " if "file" in known else ""
        lines.append(f"{place}{known['check']}")
    else:
        lines += [str(known[field]).rstrip() for field in MESSAGES if field in known][:1]
    for field, names in VALUES.items():
        lines += [f"  {field + ':':10}{known[name]}" for name in names if name in known][:1]
    if lines and "check" not in known:
        lines += [f"  at:       {known[field]}" for field in PLACES if isinstance(known.get(field), str)][:1]
    return "\n".join(lines)
