"""The compiler's options that name what a kernel's headers lack, and the forms that their structures have."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

HARNESS = Path(__file__).parent.parent / "harness"  # what `#include <lkltest.h>` finds
_INTERNAL = HARNESS / "lkltest" / "internal"

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_TABLE = re.compile(r"\bstruct\s+(?:lkl_host_operations|lkltest_operations)\s*\{([^{}]*)\}")
_MEMBER = re.compile(r"(?:^|;)[^;(]*\(\s*\*\s*(\w+)\s*\)\s*\(")  # a pointer to a function, not its parameters
_DISK = re.compile(r"\bstruct\s+lkl_disk\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*;")
_FUNCTION = re.compile(r"\blkl_(\w+)\s*\(")
# A declaration: its type comes before the name. A call, such as in an inline function, is none.
_CALL = re.compile(r"^(?!\s*return\b)[^#\n;{}()=]*\w[\s*]+lkl_sys_(\w+)\s*\([^;{]*[;{]", re.MULTILINE)
_ALIAS = re.compile(r"^\s*#\s*define\s+lkl_sys_(\w+)", re.MULTILINE)
_GENERATED = re.compile(r"\bLKL_SYSCALL_DEFINE\d\s*\(\s*_(\w+)")
# Members to which some generations give no prefix, each with the header that declares it.
_MEMBERS = {
    "lkl_s_addr": ("lkl/linux/in.h",),
    "lkl_st_atime": ("lkl/asm-generic/stat.h", "lkl/asm/stat.h"),
    "lkl_st_mtime": ("lkl/asm-generic/stat.h", "lkl/asm/stat.h"),
}


def flags(include: Sequence[Path], undefined: Iterable[str] = ()) -> tuple[str, ...]:
    """The -D options of a program that is compiled against the headers in `include`.

    `undefined` are symbols that the library wants of it. The harness's own headers list the names to look for; kernel
    headers that are not there give no options.
    """
    operations, calls = _asked()
    undeclared = _undeclared(include, calls)
    lacking = [name for name in calls if name in undeclared]
    return (
        *_operations(include, operations), *(f"-DLKLTEST_LACKS_CALL_{name}=1" for name in lacking),
        *absent(undefined), *_members(include), *disks(include),
    )  # fmt: skip


def absent(undefined: Iterable[str]) -> tuple[str, ...]:
    """The -D option for the system calls that a library makes, and that its own kernel has not got; else none."""
    names = sorted(name.removeprefix("lkl_sys_") for name in undefined if name.startswith("lkl_sys_"))
    return (f"-DLKLTEST_ABSENT(X)={' '.join(f'X({name})' for name in names)}",) if names else ()


def disks(include: Sequence[Path]) -> tuple[str, ...]:
    """The -D option for a library that wants a disk's whole image in memory, as fuzzers change LKL; else none."""
    found = (_DISK.search(_read(include, header)) for header in ("lkl.h", "lkl_host.h"))
    members = next((match[1] for match in found if match), "")
    in_memory = all(re.search(rf"\b{member}\s*;", members) for member in ("buffer", "capacity"))
    return ("-DLKLTEST_DISK_IN_MEMORY=1",) if in_memory else ()


@functools.cache
def _asked() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The operations and the system calls that the harness can do without."""
    table = _TABLE.search(_COMMENT.sub("", (_INTERNAL / "host.h").read_text(encoding="utf-8")))
    assert table is not None
    lacks = (_INTERNAL / "lacking.h").read_text(encoding="utf-8")
    calls = re.findall(r"^#ifdef LKLTEST_LACKS_CALL_(\w+)", lacks, re.MULTILINE)
    return tuple(_MEMBER.findall(table[1])), tuple(calls)


def _operations(include: Sequence[Path], asked: Iterable[str]) -> list[str]:
    text = _read(include, "lkl/asm/host_ops.h")
    table = _TABLE.search(text)
    if table is None:
        return []
    members = set(_MEMBER.findall(table[1]))
    functions = set(_FUNCTION.findall(text.replace(table[0], ""))) - members
    found = ["-DLKLTEST_UML_LIBRARY=1"] if re.search(r"\bum_devices\b", table[1]) else []
    for name in asked:
        if name in functions:
            found.append(f"-DLKLTEST_FUNCTION_HOST_{name}=1")
        elif name not in members:
            found.append(f"-DLKLTEST_LACKS_HOST_{name}=1")
    return found


def _undeclared(include: Sequence[Path], asked: Iterable[str]) -> set[str]:
    """The calls, of those in `asked`, that no header declares."""
    generated = _read(include, "lkl/asm/syscall_defs.h")
    if not generated:
        return set()
    declared = set(_GENERATED.findall(generated))
    for header in ("lkl.h", "lkl/asm/syscalls.h"):
        text = _read(include, header)
        declared |= {*_CALL.findall(text), *_ALIAS.findall(text)}
    return {name for name in asked if name not in declared}


def _members(include: Sequence[Path]) -> list[str]:
    found = []
    for member, headers in _MEMBERS.items():
        texts = [text for header in headers if (text := _read(include, header))]
        if texts and not any(re.search(rf"\b{member}\b", text) for text in texts):
            found.append(f"-DLKLTEST_LACKS_MEMBER_{member}=1")
    return found


def _read(include: Sequence[Path], header: str) -> str:
    """A header without its comments; empty where it is in none of the directories."""
    for folder in include:
        try:
            return _COMMENT.sub("", (folder / header).read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return ""
