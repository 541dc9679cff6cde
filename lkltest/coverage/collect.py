"""Data from the files that a run's processes have written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from lkltest.coverage import raw, sites
from lkltest.coverage.data import Data, Module
from lkltest.kernel import Kernel


def collect(directory: Path, program: Path, kernel: Kernel, context: Callable[[str], str]) -> Data:
    """What the processes of one run have reached; `context` gives a point's name ("": between points) its full one.

    A run that has left no file is in the data with nothing reached, so that reports can tell.
    """
    data = Data()
    for file in sorted(directory.glob("*.cov")):
        found = raw.read(file)
        if found is not None:
            module = _module(Path(found.module) if found.module else program, kernel)
            data.add(module, {context(name): addresses for name, addresses in found.contexts.items()})
    if not data.modules:
        data.add(_module(program, kernel), {context(""): ()})
    return data


def _module(path: Path, kernel: Kernel) -> Module:
    root = str(kernel.root) if kernel.root else ""
    path = path.resolve()
    return Module(str(path), _build_id(path), _digest(kernel.file), kernel.name, root)


# A session runs few files, each of them often; none of them changes meanwhile.
_build_id = functools.cache(sites.build_id)
_digest = functools.cache(sites.digest)
