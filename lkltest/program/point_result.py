"""A TAP point, as the result of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lkltest import tap
from lkltest.program.results import Result, State


def from_point(point: tap.Point, name: str, elapsed: float) -> Result:
    """The result that a complete TAP point tells; `elapsed` seconds is its time where it tells none itself."""
    diagnostics = point.diagnostics or {}
    state = _state(point)
    return Result(
        name=name,
        state=state,
        message=_message(point, diagnostics),
        todo=(point.reason or "todo") if point.directive == "todo" or state is State.TODO else None,
        log=_log(point, diagnostics),
        seconds=_seconds(point, diagnostics, elapsed),
        properties={str(k): str(v) for k, v in _mapping(diagnostics.get("properties")).items()},
    )


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
    return "\n".join([first or _bare_failure(point), *more])


def _bare_failure(point: tap.Point) -> str:
    """What a failed point without diagnostics tells otherwise: its directive, its comments, its subtest."""
    told = [": ".join(filter(None, (point.directive, point.reason)))] if point.directive else []
    told += [comment.strip() for comment in point.comments]
    told += [f"not ok: {path}" for path in _failed_within(point)]
    return "\n".join(told) or "not ok, and the program says no more"


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
    elif "message" in known:
        lines.append(str(known["message"]))
    lines += [f"  {field + ':':10}{known[field]}" for field in ("expected", "actual") if field in known]
    return "\n".join(lines)
