"""Collected addresses of several programs and points, as they are saved and merged."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host.cache import discard

FORMAT = 1
SUFFIX = ".lklcov"


@dataclass(frozen=True, order=True)
class Module:
    """An executable or shared library that was run, with the kernel in it."""

    path: str
    build_id: str  # of its file, when it ran
    library: str  # content key of the library it was linked with: modules of one library have the same lines
    kernel: str  # name of the kernel: "lkl-4.9.0"
    root: str  # of the kernel's sources; empty where it has none


@dataclass
class Data:
    """The code that was reached: link addresses by module and context."""

    modules: dict[Module, dict[str, set[int]]] = field(default_factory=dict)

    def add(self, module: Module, contexts: Mapping[str, Iterable[int]]) -> None:
        """Add what a module has reached."""
        known = self.modules.setdefault(module, {})
        for context, addresses in contexts.items():
            known.setdefault(context, set()).update(addresses)

    def update(self, other: Data) -> None:
        """Add all that is in `other`."""
        for module, contexts in other.modules.items():
            self.add(module, contexts)

    def only(self, pattern: str) -> Data:
        """The code that was reached by contexts whose names match a regular expression somewhere."""
        import re

        try:
            match = re.compile(pattern).search
        except re.error as error:
            raise UsageError(f"--contexts: {pattern!r} is no regular expression: {error}") from None
        kept = Data()
        for module, contexts in self.modules.items():
            kept.add(module, {name: addresses for name, addresses in contexts.items() if match(name)})
        return kept


def save(data: Data, path: Path) -> None:
    """Write data to a file, whole or not at all."""
    rows = [
        {"module": [m.path, m.build_id, m.library, m.kernel, m.root],
         "contexts": {name: _deltas(addresses) for name, addresses in sorted(contexts.items())}}
        for m, contexts in sorted(data.modules.items())
    ]  # fmt: skip
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(zlib.compress(json.dumps({"format": FORMAT, "modules": rows}).encode(), 6))
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write coverage to {path}: {error.strerror}; name another directory") from None
    finally:
        discard(temporary)


def load(paths: Iterable[Path]) -> Data:
    """Merge the data of files, and of the files in directories; raises UsageError where there is none."""
    data = Data()
    for path in paths:
        files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not files:
            raise UsageError(f"no coverage data in {path} (no *{SUFFIX}): run pytest with --lkl-cov={path} first")
        for file in files:
            data.update(_load_file(file))
    return data


def _load_file(path: Path) -> Data:
    data = Data()
    try:
        saved = json.loads(zlib.decompress(path.read_bytes()))
        if saved["format"] != FORMAT:
            raise UsageError(f"{path} was written by another version of lkltest: collect the data again")
        for row in saved["modules"]:
            data.add(Module(*row["module"]), {name: _sums(deltas) for name, deltas in row["contexts"].items()})
    except OSError as error:
        raise UsageError(f"cannot read coverage data from {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, zlib.error):
        raise UsageError(f"{path} holds no coverage data of lkltest, or is cut short: remove it, or collect it again"
                         ) from None
    return data


def _deltas(addresses: Iterable[int]) -> list[int]:
    """Sorted numbers, each as its distance from the one before: they take less room."""
    found, last = [], 0
    for address in sorted(addresses):
        found.append(address - last)
        last = address
    return found


def _sums(deltas: Iterable[int]) -> list[int]:
    from itertools import accumulate

    return list(accumulate(deltas))
