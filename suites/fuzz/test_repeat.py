"""The same program gives the same results: on another fresh kernel, and on the host's."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from lkltest import process
from lkltest.fuzz import (
    MAX_CALLS,
    Call,
    Fill,
    Oracle,
    Out,
    Pointer,
    Produces,
    Profile,
    Program,
    Raw,
    Ref,
    Text,
    Value,
    compositions,
    programs,
    renumber,
)

# Values that differ from run to run by their nature: times, random numbers, addresses, effects of other tasks.
CHANGING = (
    "mmap_pgoff", "munmap", "mremap", "openat_device", "time*", "times", "clock_*", "getrandom", "openat_proc", "alarm",
    "epoll_*wait", "*poll", "*select*", "sched_*",
)
SCENARIOS = ("files", "xattrs", "pipes", "events")  # the network's timers run on the host's clock

ON_HOST = {  # the host's numbers, on x86_64
    "openat": 257, "read": 0, "write": 1, "pread64": 17, "pwrite64": 18, "lseek": 8, "ftruncate": 77, "mkdirat": 258,
    "unlinkat": 263, "linkat": 265, "dup": 32, "symlinkat": 266, "readlinkat": 267, "renameat": 264, "faccessat": 269,
    "fchmod": 91, "close": 3, "fsync": 74, "fdatasync": 75, "truncate": 76,
}
STANDARD = 3  # descriptors that a process on the host has open
HOST_FLAGS = 0o3 | 0o100 | 0o200 | 0o1000 | 0o2000 | 0o4000  # of openat: the plain ones, which each file system has
# The calls whose results may differ: the results of either side, and the reason.
DIFFERENT = {
    "lseek": (errno.EINVAL, errno.ENXIO, "SEEK_DATA and SEEK_HOLE, and a file's largest offset, are the file system's"),
    "ftruncate": (errno.EEXIST, errno.EFBIG, "ramfs without an MMU cannot grow an empty file whose page is cached"),
    "truncate": (errno.EEXIST, errno.EFBIG, "ramfs without an MMU cannot grow an empty file whose page is cached"),
    "linkat": (errno.EPERM, errno.EXDEV, "the host may protect hard links, or follow them elsewhere"),
}


def test_fresh_kernel(oracle: Oracle, profile: Profile) -> None:
    """Programs return the same on two fresh kernels."""
    def repeats(some: list[Program]) -> None:
        first, second = oracle.fresh(some), oracle.fresh(some)
        if first.known or second.known or first.interrupted or second.interrupted:
            return
        assert first.returned == second.returned, oracle.show(some)

    some = st.lists(programs(oracle.description, SCENARIOS, without=CHANGING), min_size=1, max_size=12)
    profile.check("fresh_kernel", some, repeats, share=0.1)


@contextmanager
def started(directory: Path) -> Iterator[process.Child]:
    """The host's side."""
    argv = [sys.executable, "-I", str(Path(__file__).parent / "host.py")]
    with process.Child(argv, cwd=directory, stdin=process.PIPE, stderr=process.NOTHING) as child:
        yield child


def ask(child: process.Child, program: Program) -> list[int]:
    """The results of a program on the host."""
    text = json.dumps([[ON_HOST[call.name], *(plain(arg, program) for arg in call.args)] for call in program.calls])
    child.write(text.encode() + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        data = child.read(30.0)
        assert data, "the host's side has ended"
        answer += data
    results: list[int] = json.loads(answer)
    return results


def plain(value: Value, program: Program) -> object:
    """An argument in JSON."""
    match value:
        case int():
            return value if value < 1 << 63 else value - (1 << 64)
        case Ref(index):
            makers = [n for n, call in enumerate(program.calls) for _ in call.produces]
            return {"ref": makers[index]}
        case Text(data):
            return {"text": data.hex()}
        case Pointer(Raw(data)):
            return {"in": data.hex()}
        case Pointer(Fill(size, byte)):
            return {"in": (bytes([byte]) * size).hex()}
        case Pointer(Out(size)):
            return {"out": size}
    raise ValueError(value)


def fits(call: Call) -> bool:
    """Whether the host can make a call without harm and without privilege, wherever its files are."""
    strings = [value.data for value in call.args if isinstance(value, Text)]
    if call.name not in ON_HOST or any(text.startswith((b"/", b"..")) or b"/.." in text for text in strings):
        return False
    sizes = [value for value in call.args if isinstance(value, int)]
    if call.name == "openat":
        return isinstance(call.args[0], int) and (sizes[1] & ~HOST_FLAGS) == 0
    # Files stay small: a full disk is no difference between kernels.
    large = call.name in ("ftruncate", "truncate", "pwrite64", "lseek") and any(size > 1 << 20 for size in sizes)
    return not large and not (call.name == "lseek" and call.args[2] in (3, 4))


def later(call: Call) -> Call:
    """The call behind the ones that take the standard descriptors' numbers."""
    numbers = {n: n + STANDARD for n in range(MAX_CALLS * 2)}
    return replace(call, args=tuple(renumber(arg, numbers) for arg in call.args))


def same(name: str, ours: int, host: int) -> bool:
    """Whether two results agree, or differ as they are known to."""
    if name in DIFFERENT and ours != host:
        return {-ours, -host} & set(DIFFERENT[name][:2]) != set()
    return ours == host


def test_host(oracle: Oracle, profile: Profile, tmp_path: Path) -> None:
    """File operations return the same as on the host's kernel, except for the differences listed above."""
    if os.uname().machine != "x86_64":
        pytest.skip("knows the numbers of x86_64's system calls only: run it there")
    if os.geteuid():
        pytest.skip("a kernel of LKL runs as root, the host's files ask for permission: run it as root")

    def agrees(program: Program) -> None:
        ran = oracle.run(Program(start + tuple(later(call) for call in program.calls)))
        host = ask(child, program)
        for call, mine, theirs in zip(program.calls, ran.returned[len(start):], host, strict=False):
            said = f"{call.name}: {mine} here, {theirs} on the host\n{oracle.show([program])}"
            assert same(call.name, mine, theirs), said

    # Descriptors begin with 3, as on the host.
    start = tuple(Call("openat", (-100, Text(b"/"), 0, 0), (Produces("dir"),)) for _ in range(STANDARD))
    keys = [key for key, variant in oracle.description.variants.items() if variant.signature.name in ON_HOST]
    drawn = compositions(oracle.description, ["openat_create", "mkdirat_d0"], keys)
    chosen = drawn.filter(lambda program: all(map(fits, program.calls)))
    with started(tmp_path) as child:
        profile.check("host", chosen, agrees)
