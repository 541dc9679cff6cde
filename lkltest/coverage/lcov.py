"""The lcov info file, which genhtml, diff-cover and CI services read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lkltest.coverage.summary import File, Summary
from lkltest.errors import UsageError

INFO = "lcov.info"  # the file's name where nobody gave it one


def render(summary: Summary) -> str:
    """The whole file: paths as the debug information has them, and for each line the number of contexts."""
    return "".join(f"{line}\n" for path in sorted(summary.files) for line in _record(path, summary.files[path]))


def write(summary: Summary, path: Path) -> None:
    """Write the file; raises UsageError where that cannot be done."""
    try:
        path.write_text(render(summary), errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; name another") from None


def _record(path: str, file: File) -> Iterator[str]:
    """The lines of one source file."""
    yield "TN:"
    yield f"SF:{path}"
    for name in sorted(file.functions, key=lambda name: (file.starts[name], name)):
        yield f"FN:{file.starts[name]},{name}"
    for name in sorted(file.functions, key=lambda name: (file.starts[name], name)):
        yield f"FNDA:{len(file.functions[name])},{name}"
    yield f"FNF:{len(file.functions)}"
    yield f"FNH:{sum(1 for contexts in file.functions.values() if contexts)}"
    for number in sorted(file.lines):
        yield f"DA:{number},{len(file.lines[number])}"
    share = file.share()
    yield f"LF:{share.lines}"
    yield f"LH:{share.hit}"
    yield "end_of_record"
