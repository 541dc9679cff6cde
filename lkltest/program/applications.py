"""The programs and libraries that a kernel tree builds in its tools/lkl beside liblkl: cptofs, lklfuse, the hijack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.liblkl.model import Generation, Liblkl

_TARGET = re.compile(r"^\s*(?:progs|libs|tests)-(?:y|\$\((\w+)\))\s*[:+]?=\s*(.*)$")
_IF = re.compile(r"^\s*if(n?)eq\s*\(\$\((\w+)\),\s*(\w*)\)")
_HOST = "LKL_HOST_CONFIG_"
# The libraries that the makefile looks for on the host, and their packages.
_PACKAGES = {"ARCHIVE": "libarchive-dev", "FUSE": "libfuse-dev"}


def built_program(kernel: Liblkl, name: str) -> Path:
    """The file `name` in the tools/lkl of a kernel's tree ("cptofs"), built and not older than the library.

    Raises UsageError saying why there is none, and the next step.
    """
    if kernel.output is None or kernel.tests is None:
        raise UsageError(f"{kernel.name} has no tests of its own: pass --lkl a whole LKL tree")
    if kernel.generation is Generation.UML:
        raise UsageError(f"{kernel.name} has no {name}: UML's library mode has no such applications")
    tools = kernel.output / "tools" / "lkl"
    path = tools / name
    if not path.is_file():
        raise UsageError(_why_not(kernel, tools, name))
    if path.stat().st_mtime < kernel.built:
        raise UsageError(f"{path} is older than {kernel.library}, so it has an older kernel: run make -C {tools}")
    return path


def _why_not(kernel: Liblkl, tools: Path, name: str) -> str:
    """Why a tree has not built a program, as its makefile (Targets) and the host's configuration tell."""
    source = (kernel.root or tools.parent.parent) / "tools" / "lkl" / "Targets"
    try:
        text = source.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"{tools / name} is not built: run make -C {tools}"
    conditions = list(_conditions(text, name.removesuffix(".so")))
    if not conditions:
        return f"{kernel.name} has no {name}: {source} does not list it"
    unmet = [condition for condition in conditions[0] if not _holds(kernel, *condition)]
    if not unmet:
        return f"{tools / name} is not built: run make -C {tools}"
    variable, wanted = unmet[0]
    option = variable.removeprefix(_HOST)
    if wanted and option in _PACKAGES:
        package = "libfuse3-dev" if option == "FUSE" and "-lfuse3" in text else _PACKAGES[option]
        return (f"{tools / name} is not built: its library was missing when the tree was configured ({variable}); "
                f"install {package}, then make -C {tools} clean-conf all")
    return f"{kernel.name} has no {name}: {source} lists it for {variable}{'' if wanted else ' not'} set only"


def _conditions(text: str, name: str) -> Iterator[list[tuple[str, bool]]]:
    """For each place where a makefile lists a program: the variables that have to be set there, or not to be set."""
    around: list[tuple[str, bool] | None] = []
    for line in text.replace("\\\n", " ").split("\n"):
        word = line.strip()
        if match := _IF.match(line):
            around.append((match[2], (match[1] == "") == (match[3] == "y")))
        elif word.startswith("if"):
            around.append(None)
        elif word.startswith("else") and around:
            last = around.pop()
            around.append((last[0], not last[1]) if last else None)
        elif word.startswith("endif") and around:
            around.pop()
        elif (match := _TARGET.match(line)) and name in match[2].split():
            own = [(match[1], True)] if match[1] else []
            yield [*(condition for condition in around if condition), *own]


def _holds(kernel: Liblkl, variable: str, wanted: bool) -> bool:
    """Whether a variable of the makefile is set, or not, as wanted; what nobody knows of is not set."""
    name = variable.removeprefix(_HOST)
    return (name in (kernel.host if variable.startswith(_HOST) else kernel.config)) is wanted
