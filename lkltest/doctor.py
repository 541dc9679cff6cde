"""Examine this machine: its kernels, what each suite needs, what is missing, and the command that cures it."""

from __future__ import annotations

import functools
import os
import platform
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lkltest import liblkl, uml
from lkltest.errors import LkltestError, UsageError
from lkltest.gate import suites as gate
from lkltest.host import netns, programs
from lkltest.host.programs import Need
from lkltest.liblkl import Generation, Liblkl
from lkltest.settings import Settings
from lkltest.uml import build as uml_build

USABLE = "usable"

START = {
    Generation.G1: "lkl_start_kernel(&lkl_host_ops, mem_bytes, fmt, ...)",
    Generation.G2: "lkl_start_kernel(&lkl_host_ops, fmt, ...)",
    Generation.G3: "lkl_init(&lkl_host_ops), lkl_start_kernel(fmt, ...), lkl_cleanup()",
    Generation.UML: "lkl_start_kernel(&lkl_host_ops, fmt, ...), UML's library mode",
}

# The options that suites need: they skip the points for which one is missing.
FEATURES = {
    "ext4": "CONFIG_EXT4_FS", "xfs": "CONFIG_XFS_FS", "btrfs": "CONFIG_BTRFS_FS", "vfat": "CONFIG_VFAT_FS",
    "/proc": "CONFIG_PROC_FS",
    "virtio disks": "CONFIG_VIRTIO_BLK", "virtio net": "CONFIG_VIRTIO_NET", "IPv4": "CONFIG_INET",
    "IPv6": "CONFIG_IPV6", "epoll": "CONFIG_EPOLL", "eventfd": "CONFIG_EVENTFD",
}  # fmt: skip
UML_FEATURES = {  # in the place of virtio's
    "ubd disks": "CONFIG_BLK_DEV_UBD", **{name: option for name, option in FEATURES.items() if "virtio" not in name},
}
CHECKERS = ("KASAN", "UBSAN", "KCSAN", "KMEMLEAK", "PROVE_LOCKING", "DEBUG_LOCKDEP", "KCOV", "GCOV_KERNEL")

# The programs of the host without which the disk suite skips a file system.
FILE_SYSTEMS = {
    "ext4": ("mkfs.ext4", "e2fsck"), "btrfs": ("mkfs.btrfs", "btrfs"), "vfat": ("mkfs.vfat", "fsck.vfat"),
    "xfs": ("mkfs.xfs", "xfs_repair"),
}  # fmt: skip


@dataclass(frozen=True)
class Kernel:
    """One kernel, and whether tests can run on it here."""

    name: str
    kind: str  # "liblkl" or "uml"
    state: str  # "usable", "not built yet", "not usable", "not usable here", or why it is stale
    summary: str  # on one line, for people
    next_step: str  # a command
    why: str = ""  # where it is not usable
    asked: bool = True  # whether it must be usable: the user named it, or it is the default
    facts: tuple[tuple[str, str], ...] = ()  # all that is known of it, by name
    config: frozenset[str] = frozenset()  # the options of a library, where they are known

    @property
    def usable(self) -> bool:
        """Whether tests can run on it: a library that is older than its sources runs."""
        return not self.why and self.state != "not built yet"


@dataclass(frozen=True)
class Suite:
    """One suite, and what of it runs here."""

    name: str
    runs: bool  # whether any of it does
    state: str  # "ready: ext4, vfat", or what it needs


@dataclass(frozen=True)
class Report:
    """All that `lkltest doctor` knows."""

    machine: dict[str, str]  # what the host is, by the names of its facts
    kernels: tuple[Kernel, ...]  # those that were asked for, else the default ones
    suites: tuple[Suite, ...]  # all of lkltest's
    programs: tuple[tuple[Need, bool], ...]  # each with whether it is there
    trouble: tuple[str, ...] = field(default=())  # with the machine itself

    @property
    def missing(self) -> list[Need]:
        """The programs that are not there."""
        return [need for need, there in self.programs if not there]

    @property
    def cure(self) -> str:
        """The one command that installs what is missing; empty where nothing is."""
        return programs.cure(self.missing) if self.missing else ""

    @property
    def ok(self) -> bool:
        """Whether tests can run on every kernel that was asked for."""
        return all(kernel.usable for kernel in self.kernels if kernel.asked)


def examine(settings: Settings) -> Report:
    """Examine the machine, the kernels of `settings` (else the default one and the installed UML), and the suites."""
    kernels = [*(examine_liblkl(path, settings) for path in settings.lkl or (None,)), *examine_umls(settings)]
    return Report(machine(settings), tuple(kernels), tuple(suites(kernels, settings)), tuple(wanted(settings)),
                  tuple(trouble(settings)))


def machine(settings: Settings) -> dict[str, str]:
    """The host in a few words: processor, system, Python, compiler."""
    from lkltest.host import process

    try:
        system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        system = "Linux"
    compiler = "none"
    if shutil.which(settings.cc[0]):
        told = process.run([*settings.cc, "--version"], timeout=60).output.decode(errors="replace")
        compiler = told.partition("\n")[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return {
        "processor": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB",
        "system": f"{system}, Linux {platform.release()}",
        "python": platform.python_version(),
        "compiler": compiler,
        "cache": str(settings.cache),
    }


def trouble(settings: Settings) -> Iterator[str]:
    """Things of the machine itself that keep tests from running, each with its cure."""
    place = next(folder for folder in (settings.cache, *settings.cache.parents) if folder.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        yield f"the cache {settings.cache} cannot be written: name another with --cache DIR or LKLTEST_CACHE"
    elif shutil.disk_usage(place).free < 2 << 30:
        yield f"less than 2 GiB are free under {place}: a kernel's build takes that"


def examine_liblkl(path: Path | None, settings: Settings) -> Kernel:
    """The liblkl at `path`, or the default one."""
    if path is None and not liblkl.is_built(settings):
        absent = programs.missing((*programs.FETCH, *programs.BUILD))
        step = f"{programs.cure(absent)}, then `lkltest build`" if absent else "`lkltest build` (5 minutes, 9 MB)"
        name = liblkl.default_name(settings)
        return Kernel(name, "liblkl", "not built yet", "the default kernel, fetched and built once", step)
    try:
        kernel = liblkl.describe(path, settings) if path else liblkl.default(settings)
    except LkltestError as error:
        name = str(path or liblkl.default_name(settings))
        return Kernel(name, "liblkl", "not usable", "", "", why=str(error))
    name = settings.names.get(kernel.path, kernel.name)
    known = tuple(facts(kernel, settings))
    summary = f"Linux {kernel.version} ({kernel.generation.value}), {kernel.origin}"
    try:
        liblkl.require_runnable(kernel, settings)
    except LkltestError as error:
        return Kernel(name, "liblkl", "not usable here", summary, "", why=str(error), facts=known)
    stale = liblkl.stale(kernel)
    chosen = [f"--lkl={kernel.path}"] if path else []
    command = ["lkltest", "build"] if stale else ["pytest", own_suites()]
    step = shlex.join([*command, *chosen])
    return Kernel(name, "liblkl", stale or USABLE, summary, step, facts=known, config=kernel.config)


def examine_umls(settings: Settings) -> Iterator[Kernel]:
    """The UMLs that were named, or the installed one, which nobody asked for."""
    installed = None if settings.uml else shutil.which(uml.DEBIAN)
    for path in [Path(installed)] if installed else settings.uml:
        yield examine_uml(path, settings, asked=not installed)


def examine_uml(path: Path, settings: Settings, *, asked: bool) -> Kernel:
    """The UML at `path`: what it is, and whether this host's processor and container let it run programs."""
    name, summary, known = str(path), "", [("from", str(path))]
    try:
        kernel = uml.find(path, settings)
        name = kernel.name
        summary = f"Linux {kernel.version}, {path}"
        known += [("Linux", kernel.version), ("machine", kernel.machine)]
        notes = (("runs", uml.usable(kernel).note), ("memory", uml.memory_elsewhere()))
        for about, note in notes:
            if note:
                known.append((about, note))
                summary += f"; {note}"
    except LkltestError as error:
        return Kernel(name, "uml", "not usable", summary, "", why=str(error), asked=asked, facts=tuple(known))
    step = shlex.join(["pytest", f"{own_suites()}uml", f"{own_suites()}boot", f"--uml={path}"])
    return Kernel(name, "uml", USABLE, summary, step, asked=asked, facts=tuple(known))


def facts(kernel: Liblkl, settings: Settings) -> Iterator[tuple[str, str]]:
    """The facts about a library, as names and values."""
    from lkltest.liblkl import headers

    yield "from", kernel.origin
    yield "Linux", f"{kernel.version}, built {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(kernel.built))}"
    yield "API", f"{kernel.generation.value}: {START[kernel.generation]}"
    yield "machine", kernel.machine
    yield "static library", size(kernel.static)
    yield "shared library", size(kernel.shared)
    yield "headers", " ".join(map(str, kernel.include))
    yield "compile with", shlex.join([*(f"-I{folder}" for folder in kernel.include), *kernel.cflags])
    yield "link with", shlex.join([str(kernel.library), *kernel.libs])
    yield "coverage", (f"instrumented ({kernel.instrumented}): collect it with pytest --lkl-cov" if kernel.instrumented
                       else "not instrumented: see docs/coverage.md for how to build it")
    yield "host's part", ", ".join(sorted(kernel.host)) or "not told by the headers"
    defined = len([name for name in kernel.symbols if name.startswith("lkl_")])
    yield "functions", f"{defined} lkl_* in the library, {len(kernel.inlines)} inline in the headers"
    yield "constants", f"{len(headers.constants(kernel, settings))} in the headers"
    yield "sources", str(kernel.root or "not there")
    if kernel.output != kernel.root:
        yield "built in", str(kernel.output)
    yield "its own tests", str(kernel.tests or "none")
    if kernel.config:
        features = UML_FEATURES if kernel.generation is Generation.UML else FEATURES
        yield "has", ", ".join(name for name, option in features.items() if option in kernel.config)
        lacks = [f"{name} ({option})" for name, option in features.items() if option not in kernel.config]
        yield "lacks", ", ".join(lacks) or "nothing that the suites use"
    if kernel.config or kernel.kasan:
        found = [name for name in CHECKERS if f"CONFIG_{name}" in kernel.config or (name == "KASAN" and kernel.kasan)]
        yield "checkers", ", ".join(found) or "none"
    for note in kernel.notes:
        yield "note", note


def own_suites() -> str:
    """The directory of the suites, as a command names it: "suites/" in a checkout."""
    return "suites/" if Path("suites/boot/boot.c").is_file() else f"{gate.directory()}/"


def size(library: Path | None) -> str:
    """A library with its size."""
    return f"{library} ({library.stat().st_size / 1e6:.0f} MB)" if library else "none"


def suites(kernels: list[Kernel], settings: Settings) -> Iterator[Suite]:
    """Each suite of suites/, and what of it runs here."""
    library = any(kernel.usable for kernel in kernels if kernel.kind == "liblkl")
    stock = any(kernel.usable for kernel in kernels if kernel.kind == "uml")
    compiler = programs.find(settings.cc[0]) is not None
    lacking = "" if compiler and (library or stock) else "a kernel" if compiler else f"a C compiler ({settings.cc[0]})"
    yield Suite("boot", not lacking, f"needs {lacking}" if lacking else "ready")
    known = [kernel for kernel in kernels if kernel.kind == "liblkl" and kernel.usable]
    yield Suite("disk", not lacking, f"needs {lacking}" if lacking else availability(dict(file_systems(known))))
    lacking = lacking or ("" if library else "a liblkl")
    net = lacking or off(known, "CONFIG_NET")
    yield Suite("net", not net, f"needs {lacking}" if lacking else net or availability(dict(back_ends(known))))
    yield Suite("fuzz", not lacking, f"needs {lacking}" if lacking else "ready")
    yield Suite("uml", stock, "ready" if stock else f"needs {lacking_uml(kernels)}")
    tests = next((value for kernel in kernels for name, value in kernel.facts if name == "its own tests"), "none")
    yield Suite("tree", tests != "none", f"ready: {tests}" if tests != "none" else
                "needs a tree that brings its own tests (tools/lkl/tests): --lkl PATH")
    yield suite_of_tree("kunit", settings.kunit_tree, "--lkl-kunit-tree")
    yield suite_of_tree("kselftest", settings.kselftest_tree, "--lkl-kselftest-tree")


def lacking_uml(kernels: list[Kernel]) -> str:
    """The User Mode Linux that the suite needs, where there is none that runs."""
    if any(kernel.kind == "uml" for kernel in kernels):
        return "a User Mode Linux that runs here: see above why this one does not"
    return "a User Mode Linux: install user-mode-linux, or --uml PATH"


def suite_of_tree(name: str, tree: Path | None, option: str) -> Suite:
    """A suite for which a UML is built from a kernel tree."""
    absent = programs.missing(uml_build.NEEDED)
    needs = [] if tree else [f"a kernel tree: {option} DIR"]
    if absent:
        needs.append(f"{', '.join(need.name for need in absent)} to build UML: {programs.cure(absent)}")
    return Suite(name, not needs, f"needs {'; and '.join(needs)}" if needs else f"ready: {tree}")


def off(kernels: list[Kernel], option: str) -> str:
    """The reason why none of the libraries has what an option brings; empty where one has it, or is not known."""
    if not kernels or any(not kernel.config or option in kernel.config for kernel in kernels):
        return ""
    return f"{option} is off in {', '.join(kernel.name for kernel in kernels)}"


def file_systems(kernels: list[Kernel]) -> Iterator[tuple[str, str]]:
    """The file systems of the disk suite, each with the programs, or the option, that are missing."""
    for kind, names in FILE_SYSTEMS.items():
        missing = ", ".join(name for name in names if programs.find(name) is None)
        yield kind, missing or off(kernels, FEATURES[kind])


def back_ends(kernels: list[Kernel]) -> Iterator[tuple[str, str]]:
    """The devices of the net suite, each with the reason why this machine or these kernels cannot have it."""
    yield "loopback", ""
    for backend in ("pipe", "tap", "raw", "macvtap"):
        yield backend, off(kernels, "CONFIG_VIRTIO_NET") or back_end(backend)


@functools.cache
def back_end(backend: str) -> str:
    """The reason why this machine cannot have a network device of this kind; empty where it can."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            netns.network(backend, Path(directory), ["true"])
        except UsageError as error:
            return str(error)
    return ""


def availability(parts: dict[str, str]) -> str:
    """The parts of a suite that run, then those that do not, with their reasons."""
    ready = "ready: " + ", ".join(name for name, why in parts.items() if not why)
    reasons = dict.fromkeys(why for why in parts.values() if why)
    absent = [f"not {', '.join(name for name, own in parts.items() if own == why)} ({why})" for why in reasons]
    return "; ".join([ready, *absent])


def wanted(settings: Settings) -> Iterator[tuple[Need, bool]]:
    """The programs that lkltest may use, each with whether it is there."""
    own = [need for need in (*programs.FETCH, *programs.BUILD) if not liblkl.is_built(settings) and not settings.lkl]
    every = (*own, *programs.PROGRAMS, *programs.DISKS, *programs.KCONFIG, *programs.OTHERS)
    for need in {need.name: need for need in every}.values():
        yield need, need.met()
