"""Data from the files that a run's processes have written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from lkltest.coverage import raw, sites
from lkltest.coverage.data import Data, Module
from lkltest.errors import UsageError
from lkltest.kernel import Kernel
from lkltest.liblkl.model import Liblkl


def is_instrumented(kernel: Liblkl) -> bool:
    """Whether a kernel was built to report what it reaches."""
    return "trace-pc" in kernel.instrumented.split(", ")


def require_instrumented(kernel: Liblkl) -> None:
    """Raise UsageError where a kernel was not built to report what it reaches."""
    if not is_instrumented(kernel):
        raise UsageError(
            f"{kernel.path} is not instrumented, so its coverage would be nothing: build it again with "
            "KCFLAGS=-fsanitize-coverage=trace-pc (docs/coverage.md), or leave --lkl out for the default kernel"
        )


def collect(directory: Path, program: Path, kernel: Kernel, context: Callable[[str], str]) -> Data:
    """The code that one run's processes reached; `context` turns a point's name ("": between points) into a full one.

    A run that has left no file is in the data with nothing reached, so that reports can tell; not so that of a UML,
    which may lack KCOV.
    """
    data = Data()
    linked = program if kernel.linked else kernel.path  # the file with the kernel's code in it
    for file in sorted(directory.glob("*.cov")):
        found = raw.read(file)
        if found is not None:
            module = _module(Path(found.module) if found.module else linked, kernel)
            data.add(module, {context(name): addresses for name, addresses in found.contexts.items()})
    if not data.modules and kernel.linked:
        data.add(_module(linked, kernel), {context(""): ()})
    return data


def _module(path: Path, kernel: Kernel) -> Module:
    path = path.resolve()
    root = str(kernel.root or _tree_of(path) or "")
    return Module(str(path), _build_id(path), _digest(kernel.file), kernel.name, root)


def _tree_of(executable: Path) -> Path | None:
    """The sources of a UML that lies where it was built; None where it does not."""
    for tree in (executable.parent, executable.parent / "source"):  # the build leaves a link to another directory
        if (tree / "Kconfig").is_file():
            return tree.resolve()
    return None


# A session runs few files, each of them often; none of them changes meanwhile.
_build_id = functools.cache(sites.build_id)
_digest = functools.cache(sites.digest)
