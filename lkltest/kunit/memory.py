"""The memory of a kernel with KUnit between runs: its cases, and the time that each took."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from lkltest.host.cache import key, recall
from lkltest.host.stamp import stamp
from lkltest.kernel import Kernel
from lkltest.kunit.kernel import Options, list_cases
from lkltest.kunit.listing import Case
from lkltest.kunit.results import Result


def cases_of(kernel: Kernel, folder: Path, options: Options) -> tuple[Case, ...]:
    """The cases of a kernel, listed by it once."""
    name = key(str(kernel.file.absolute()), repr(stamp(kernel.file)), *options.words)
    path = folder / f"cases-{key(str(kernel.file.absolute()))}.json"
    kept = _read(path)
    if isinstance(kept, dict) and kept.get("key") == name:
        try:
            return tuple(Case(**each) for each in kept["cases"])
        except (TypeError, KeyError):
            pass  # another version of lkltest has written it
    cases = list_cases(kernel, options)
    _write(path, {"key": name, "cases": [asdict(case) for case in cases]})
    return cases


def durations(kernel: Kernel, folder: Path) -> dict[str, float]:
    """The seconds that each case took in the runs before, by name; empty where there was none."""
    kept = recall(_times(kernel, folder), lambda found: {name: float(each) for name, each in found.items()})
    return kept or {}


def remember(kernel: Kernel, folder: Path, results: Iterable[Result]) -> None:
    """Keep how long the cases took, but for those whose kernel was lost, beside what other processes have kept.

    The latest run counts for a half: the host may have been busy, and one busy run must not upset the next division.
    """
    from filelock import FileLock

    path = _times(kernel, folder)
    fresh = {result.case.full: result.seconds for result in results if not result.status.lost}
    # The workers of a run end within moments. A cache that cannot be written has no lock either.
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock")):
            known = durations(kernel, folder)
            mixed = {name: round((known.get(name, seconds) + seconds) / 2, 3) for name, seconds in fresh.items()}
            _write(path, {**known, **mixed})


def _times(kernel: Kernel, folder: Path) -> Path:
    return folder / f"times-{key(str(kernel.file.absolute()))}.json"


def _read(path: Path) -> object:
    return recall(path, lambda found: found)


def _write(path: Path, value: object) -> None:
    """Write a file whole or not at all; where the cache cannot be written, nothing is remembered."""
    temporary = path.with_name(f".{path.name}.{key(str(id(value)))}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(value), encoding="utf-8")
        temporary.replace(path)
    except OSError:
        return
