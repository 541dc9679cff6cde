"""Make a UML run on a host whose processor has more state than the UML keeps.

A UML before 6.13 keeps 2,696 bytes of the state that PTRACE_GETREGSET gives of a process, and sets them again by
PTRACE_SETREGSET, which wants the whole: 11,008 bytes where the processor has AMX. Such a UML panics at its first
process. Two ways lead around it: an interposed ptrace(), for an executable that is linked dynamically, and a seccomp
filter by which the UML takes the processor for one without XSAVE. See docs/uml.md.
"""

from __future__ import annotations

import errno
import functools
import json
import mmap
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from lkltest import cc
from lkltest.errors import LkltestError, UnusableKernel, UsageError
from lkltest.host import process
from lkltest.settings import Settings
from lkltest.settings import file as settings_file
from lkltest.uml import memory
from lkltest.uml.model import Uml

PROBE, FILTER, INTERPOSER = (Path(__file__).with_name(name) for name in ("probe.py", "nofpregset.py", "interpose.c"))
PYTHON = (sys.executable, "-I", "-S")

KEPT = 2696  # bytes: HOST_FP_SIZE of arch/x86/um/user-offsets.c
WHOLE_SINCE = (6, 13)  # the release since which a UML keeps whatever the host has
# Symbols that tell, where the executable is not stripped, what a kernel with patches does.
KEEPS_WHOLE, KEEPS_PART = b"\0host_fp_size\0", b"\0have_xstate_support\0"

FORCED = "as --lkl-uml-fpstate demands"
AFFECTED = "x86-64"  # a UML for i386 uses PTRACE_GETFPXREGS; other processors have no XSAVE area
COMPILERS = ("gcc", "cc", "clang")
FLAGS = ("-std=gnu11", "-O2", "-shared", "-fPIC", "-nostdlib", "-fno-stack-protector", "-Wall", "-Wextra")

# The C library of the programs must not use what is not kept for each of them.
TUNABLES = "GLIBC_TUNABLES=glibc.cpu.hwcaps=" + ",".join(
    f"-{feature}" for feature in ("AVX", "AVX2", "AVX512F", "AVX512VL", "AVX512BW", "AVX_Fast_Unaligned_Load")
)


@dataclass(frozen=True)
class Workaround:
    """The workaround with which a UML runs on this host: words before its executable, and on its command line."""

    prefix: tuple[str, ...] = ()  # the beginning of the command: a program that becomes the UML
    words: tuple[str, ...] = ()  # added to the kernel's command line
    note: str = ""  # for the user: what is done, and why; empty where nothing is


@dataclass(frozen=True)
class Host:
    """The host's answer to a process that traces another, as a UML does."""

    trace: int = 0  # the error of being traced
    get: int = 0  # the error of reading the whole state
    size: int = 0  # bytes of the whole state
    set: int = 0  # the error of setting KEPT bytes of it
    failure: str = ""  # why there is no answer; empty where there is one


class Refused(Exception):
    """One of the ways is not open; the message says why."""


class Unanswered(Exception):
    """The host has given no answer, perhaps only this time; the message says why."""


def usable(uml: Uml, settings: Settings | None = None) -> Workaround:
    """Return how `uml` can be run on this host; raise UnusableKernel, with the one reason, where it cannot.

    Every start of a UML asks this. Without `settings`, those count that the UML was found with, else those of the
    environment and of the project's file; their `uml_fpstate` decides where it is not "auto".
    """
    settings = settings or uml.settings or settings_file.load({})
    host, wish = demand_ptrace(uml, settings), settings.uml_fpstate
    if reason := memory.lacking(memory.LEAST):
        raise unusable(uml, reason)
    if wish == "none" or uml.machine != AFFECTED:
        return Workaround()
    try:
        if wish == "ptrace":
            return interposed(uml, settings, FORCED)
        if wish == "seccomp":
            return filtered(FORCED)
    except Refused as reason:
        raise unusable(uml, f"{reason}; --lkl-uml-fpstate={wish} allows no other way") from None
    size = int(wish) if wish.isdigit() else host.size
    if size <= KEPT or keeps_whole(uml.path, uml.version):
        return Workaround()
    return chosen(uml, settings, f"with a larger processor state than this UML keeps ({size:,} of {KEPT:,} bytes)")


def demand_ptrace(uml: Uml, settings: Settings | None = None) -> Host:
    """Return the host's answer; raise UnusableKernel where it forbids ptrace(), UsageError where it gives none.

    Every UML checks ptrace() while it boots, also one that runs no processes. Where the setting is "none", nothing is
    asked. Without `settings`, those count that count for `usable`.
    """
    settings = settings or uml.settings or settings_file.load({})
    if settings.uml_fpstate == "none":
        return Host()
    host = ask()
    if host.failure:
        raise UsageError(f"cannot ask this host for the size of its processor state: {host.failure}")
    if host.trace:
        raise unusable(uml, (
            f"ptrace() is forbidden here ({os.strerror(host.trace)}), and a UML traces its processes; "
            "in a container, allow it (docker run --cap-add=SYS_PTRACE)"
        ))
    return host


def chosen(uml: Uml, settings: Settings, reason: str) -> Workaround:
    """The better one of the ways that are open; `reason` is why one is needed."""
    try:
        return interposed(uml, settings, reason)
    except Refused as first:
        try:
            return filtered(f"{reason}; {first}")
        except Refused as second:
            raise unusable(uml, f"{reason.removeprefix('with ')}; {first}; {second}") from None


def unusable(uml: Uml, reason: str) -> UnusableKernel:
    """The error for a UML that cannot run here."""
    return UnusableKernel(f"{uml.name} cannot run on this host: {reason}")


def interposed(uml: Uml, settings: Settings, reason: str) -> Workaround:
    """Load a ptrace() before the C library of a UML; raise Refused where that cannot be."""
    if not calls_ptrace(uml.path):
        raise Refused("ptrace() cannot be interposed: the executable is static")
    return Workaround(preloaded(settings), note=f"{reason}: ptrace interposed")


def preloaded(settings: Settings) -> tuple[str, ...]:
    """The beginning of a command that runs with our ptrace(); raise Refused where it is none or no help."""
    refusals = []
    for compiler in dict.fromkeys([settings.cc, *((name,) for name in COMPILERS)]):
        job = cc.Job(INTERPOSER, compiler, FLAGS, libraries=(), reads=())
        try:
            prefix = preloading(cc.build(job, settings), settings)
        except LkltestError as error:
            refusals.append(str(error).splitlines()[0])
            continue
        answer = ask(prefix)
        if not answer.failure and (answer.set == 0 or ask().get):
            return prefix
        refusals.append(answer.failure or os.strerror(answer.set))
    raise Refused(f"ptrace() cannot be interposed: {refusals[0]}")


def preloading(library: Path, settings: Settings) -> tuple[str, ...]:
    """The beginning of a command that loads `library`, and what the user loads into all programs, before the others."""
    if re.search(r"[\s:;]", str(library)):
        raise UsageError("LD_PRELOAD takes no path with blanks or colons, "
                         f"and the cache is {settings.cache} (name another with --lkl-cache)")
    users = re.split(r"[\s:]+", os.environ.get("LD_PRELOAD", ""))
    return "/usr/bin/env", "LD_PRELOAD=" + ":".join(filter(None, [str(library), *users]))


def filtered(reason: str) -> Workaround:
    """Have the host deny a UML what is larger than it keeps; raise Refused where the host refuses the filter."""
    prefix = (*PYTHON, str(FILTER))
    answer = ask(prefix)
    if answer.failure or answer.get != errno.EIO:
        raise Refused(f"no seccomp filter can be set: {answer.failure or 'it has no effect'}")
    return Workaround(prefix, (TUNABLES,), f"{reason}: seccomp filter, AVX state is not kept")


def ask(prefix: tuple[str, ...] = ()) -> Host:
    """Ask the host by processes of our own, under what is put before a UML; only an answer is remembered."""
    try:
        return answered(prefix)
    except (Unanswered, UsageError) as error:
        return Host(failure=str(error))


@functools.cache
def answered(prefix: tuple[str, ...]) -> Host:
    """The host's answer; raises Unanswered, or UsageError where no process can be started, which is not cached."""
    done = process.run([*prefix, *PYTHON, str(PROBE), str(KEPT)])
    said = done.errors.decode(errors="replace").strip().splitlines()
    # The dynamic linker complains, and goes on without it.
    ignored = [line for line in said if "cannot be preloaded" in line and f"{INTERPOSER.stem}-" in line]
    if ignored:
        raise Unanswered(ignored[0])
    if not done.ok:
        raise Unanswered(said[-1].removeprefix("lkltest: ") if said else done.describe())
    return Host(**json.loads(done.output))


def keeps_whole(path: Path, version: str) -> bool:
    """Whether a UML keeps whatever state the host has, by its symbols if it has any, else by its release."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image:
        if image.find(KEEPS_WHOLE) >= 0:
            return True
        if image.find(KEEPS_PART) >= 0:
            return False
    release = re.match(r"(\d+)\.(\d+)", version)
    return release is not None and (int(release[1]), int(release[2])) >= WHOLE_SINCE


def calls_ptrace(path: Path) -> bool:
    """Whether an executable takes ptrace() from a library that is loaded when it starts."""
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        segments = list(ELFFile(file).iter_segments())
        dynamic = [segment for segment in segments if isinstance(segment, DynamicSegment)]
        loaded = any(segment["p_type"] == "PT_INTERP" for segment in segments)
        return loaded and any(
            symbol.name == "ptrace" and symbol["st_shndx"] == "SHN_UNDEF"
            for segment in dynamic for symbol in segment.iter_symbols()
        )
